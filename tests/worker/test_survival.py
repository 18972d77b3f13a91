"""A worker that is killed, frozen or told to stop."""

import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import select

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.routing.smtp_route import TlsMode
from portal.services.sending import Outgoing
from portal.storage.outbox import MessageRow, MessageState
from portal.wiring import Waypost
from tests.support.certificates import Certificate, Certificates
from tests.support.installation import Installation, eventually
from tests.support.scripted_smtp import PASSWORD, USERNAME, Pause, Scenario, ScriptedServer

CONNECTIONS = 4


class Scene:
    """Acme with a server of its own, and workers as processes."""

    def __init__(self, installation: Installation, waypost: Waypost, server: ScriptedServer) -> None:
        self.installation = installation
        self.waypost = waypost
        self.server = server

    def hand_in(self, count: int) -> list[str]:
        outgoing = [Outgoing("reminder", "bob@dest.example", f"number {n}", text="x") for n in range(count)]
        return list(self.waypost.sender.send_many("acme", outgoing))

    def arrived(self) -> Counter[str]:
        """How many copies of each message the server has, by our id."""
        headers = [str(message_from_bytes(message.data)["Message-ID"]) for message in self.server.messages]
        return Counter(header.strip("<>").partition("@")[0] for header in headers)

    def in_hand(self) -> set[str]:
        """The messages that a worker has, or had when it died."""
        with self.waypost.database.reading() as session:
            return set(session.scalars(select(MessageRow.id).where(MessageRow.state == MessageState.SENDING)))

    def all_final(self) -> bool:
        with self.waypost.database.reading() as session:
            return not session.scalars(select(MessageRow.id).where(MessageRow.due_at.is_not(None)).limit(1)).all()

    def start_worker(self) -> subprocess.Popen[str]:
        return self.installation.start("work")


def freeze_between_writes(process: subprocess.Popen[str], database: Path) -> None:
    """Frozen within a write it would keep SQLite's lock, and nobody could take anything over."""
    with closing(sqlite3.connect(database, timeout=0.3, isolation_level=None)) as connection:
        for _ in range(50):
            process.send_signal(signal.SIGSTOP)
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)
                time.sleep(0.02)
            else:
                return
    raise AssertionError("the worker was never found between two writes")


@pytest.fixture
def scene(tmp_path: Path, certificates: Certificates) -> Iterator[Scene]:
    slow: Scenario = {"bdat": (Pause(0.03), "250 2.0.0 ok")}
    context = certificates.server_context(Certificate.GOOD)
    with ScriptedServer(slow, tls=TlsMode.STARTTLS, context=context) as server:
        installation = Installation.new(
            tmp_path,
            ca_file=certificates.ca_file,
            allowed_smtp_ports=str(server.port),
            route_connections=str(CONNECTIONS),
        )
        with installation.opened() as waypost:
            tenant = waypost.accounts.create_tenant("acme", name="Acme", organisation=None, actor=COMMAND_LINE)
            given = {
                "host": "127.0.0.1",
                "port": server.port,
                "username": USERNAME,
                "password": PASSWORD,
                "from_address": "mail@acme.example",
            }
            version = waypost.email_settings.save_draft(tenant, given, actor=COMMAND_LINE)
            waypost.email_settings.activate(tenant, version, actor=COMMAND_LINE, untested=True)
            try:
                yield Scene(installation, waypost, server)
            finally:
                installation.stop()


def test_of_300_messages_none_is_lost_when_the_worker_is_killed_ten_times(scene: Scene) -> None:
    messages = scene.hand_in(300)
    at_risk: set[str] = set()

    for kill in range(1, 11):
        worker = scene.start_worker()
        eventually(lambda threshold=kill * 25: len(scene.server.messages) >= threshold, seconds=30, what=f"kill {kill}")  # type: ignore[misc] # mypy cannot infer a lambda with a default
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        at_risk |= scene.in_hand()
    scene.start_worker()
    eventually(scene.all_final, seconds=60, what="the rest to be sent")

    arrived = scene.arrived()
    copied = {message for message, copies in arrived.items() if copies > 1}
    assert set(arrived) == set(messages)
    assert copied <= at_risk
    # At each kill at most one message a connection is between the server's 250 and its commit.
    assert sum(arrived.values()) - len(messages) <= 10 * CONNECTIONS


def test_a_worker_told_to_stop_finishes_what_it_has_begun_and_sends_nothing_twice(scene: Scene) -> None:
    messages = scene.hand_in(60)
    worker = scene.start_worker()
    eventually(lambda: len(scene.server.messages) >= 10, what="a sixth of them")

    began = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    worker.wait(15)

    assert worker.returncode == 0
    assert time.monotonic() - began < 11
    assert scene.in_hand() == set()
    scene.start_worker()
    eventually(scene.all_final, seconds=30, what="the rest to be sent")
    assert scene.arrived() == Counter(messages)


def test_a_worker_that_was_frozen_past_its_lease_sends_nothing_that_another_has_taken_over(scene: Scene) -> None:
    messages = scene.hand_in(100)
    frozen = scene.start_worker()
    eventually(lambda: len(scene.server.messages) >= 10, what="the first ten")

    freeze_between_writes(frozen, scene.installation.folder / "waypost.db")
    at_risk = scene.in_hand()
    scene.start_worker()
    eventually(scene.all_final, seconds=30, what="the other worker to send all")
    frozen.send_signal(signal.SIGCONT)
    time.sleep(2)

    arrived = scene.arrived()
    copied = {message for message, copies in arrived.items() if copies > 1}
    assert set(arrived) == set(messages)
    assert copied <= at_risk
    assert len(copied) <= CONNECTIONS
