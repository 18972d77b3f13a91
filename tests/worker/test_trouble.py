"""A database that is locked, a disk that is full, a clock that jumps, a switch in the middle of it all."""

import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import event

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import MessageId
from portal.storage.database import StorageError
from tests.support.certificates import Certificates
from tests.support.installation import eventually
from tests.support.neighbours import hand_in
from tests.support.onlookers import times_said
from tests.support.scripted_smtp import Pause, Scenario, ScriptedServer
from tests.support.story import Story, story

HOLDS: Scenario = {"bdat": (Pause(3), "250 2.0.0 ok")}
LEASE = 10.0


@contextmanager
def locked(acme: Story) -> Iterator[None]:
    """Nobody else can write until the block ends."""
    file = acme.waypost.database.engine.url.database
    assert file is not None
    with closing(sqlite3.connect(file, timeout=10, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def fill_up(acme: Story) -> None:
    """Store mail for tomorrow, until the database refuses it."""
    tomorrow = acme.clock() + timedelta(days=1)
    while True:
        acme.send(text="x" * 20_000, send_at=tomorrow)


def copies(server: ScriptedServer) -> Counter[str]:
    """How many copies of each message the server has, by our id."""
    headers = [str(message_from_bytes(message.data)["Message-ID"]) for message in server.messages]
    return Counter(header.strip("<>").partition("@")[0] for header in headers)


def all_sent(acme: Story, ids: Sequence[MessageId]) -> bool:
    return {acme.report(message)["state"] for message in ids} == {"sent"}


def test_what_a_server_took_while_the_database_was_locked_is_noted_later_and_never_sent_twice(acme: Story) -> None:
    """Longer than the lease of two seconds, and than SQLite itself waits."""
    server = acme.acme_has_a_server({"bdat": (Pause(0.5), "250 2.0.0 ok")})
    ids = hand_in(acme.waypost, "acme", 12, "reminder")
    eventually(lambda: times_said(server, "BDAT") >= 3, what="the first messages to be under way")

    with locked(acme):
        eventually(lambda: len(server.messages) >= 3, what="the server's 250")
        time.sleep(7)
        taken = len(server.messages)
        assert taken <= acme.waypost.settings.route_connections
        assert "sending" in {acme.report(message)["state"] for message in ids}

    eventually(lambda: all_sent(acme, ids), what="the rest")
    assert copies(server) == Counter(ids)
    assert {len(acme.report(message)["attempts"]) for message in ids} == {1}


def test_before_the_disk_is_full_nothing_new_begins_and_when_there_is_room_it_goes_on(
    acme: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = acme.acme_has_a_server({"bdat": (Pause(0.2), "250 2.0.0 ok")})
    ids = hand_in(acme.waypost, "acme", 40, "reminder")
    eventually(lambda: len(server.messages) >= 4, what="the first messages")

    with monkeypatch.context() as nearly_full:
        usage = shutil.disk_usage(acme.waypost.database.engine.url.database or "")
        nearly_full.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1024 * 1024))
        time.sleep(1.5)
        asked = times_said(server, "MAIL")
        time.sleep(1)
        assert times_said(server, "MAIL") == asked < 40

    eventually(lambda: all_sent(acme, ids), what="the rest")
    assert copies(server) == Counter(ids)


def test_what_was_taken_when_the_disk_was_full_already_is_noted_when_there_is_room(acme: Story) -> None:
    server = acme.acme_has_a_server({"bdat": (Pause(0.05), "250 2.0.0 ok")})
    engine = acme.waypost.database.engine
    pages = [1]  # as few as it has
    event.listen(engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count={pages[0]}").close())
    ids = hand_in(acme.waypost, "acme", 120, "reminder")
    engine.dispose()
    with pytest.raises(StorageError, match="full"):
        fill_up(acme)

    time.sleep(2)
    asked = times_said(server, "MAIL")
    time.sleep(1)
    assert times_said(server, "MAIL") == asked < 120

    pages[0] = 1_000_000
    engine.dispose()
    eventually(lambda: all_sent(acme, ids), what="the rest")
    assert copies(server) == Counter(ids)


@pytest.mark.parametrize("hours", [1, -1])
def test_when_the_clock_jumps_an_hour_nothing_is_lost_and_nothing_is_sent_twice(acme: Story, hours: int) -> None:
    server = acme.acme_has_a_server(HOLDS)
    under_way = hand_in(acme.waypost, "acme", 3, "reminder")
    eventually(lambda: times_said(server, "BDAT") == 3, what="the server to have the messages")
    waiting = hand_in(acme.waypost, "acme", 9, "reminder")

    acme.clock.shift += timedelta(hours=hours)
    server.scenario.clear()
    time.sleep(0.5)
    meanwhile = [acme.send("otp"), acme.send()]
    eventually(lambda: all_sent(acme, [*under_way, *meanwhile]), what="the mail of the wrong hour")
    acme.clock.shift -= timedelta(hours=hours)
    after = [acme.send("otp"), acme.send()]

    ids = [*under_way, *waiting, *meanwhile, *after]
    eventually(lambda: all_sent(acme, ids), what="all of it")
    assert copies(server) == Counter(ids)


@pytest.fixture
def busy(tmp_path: Path, certificates: Certificates) -> Iterator[Story]:
    """Acme with a worker whose lease is long, so that nobody's answer is quick because it has run out."""
    with story(tmp_path, certificates, worker_lease_seconds=str(LEASE)) as it:
        yield it


@pytest.mark.parametrize("change", ["a new version", "off"])
def test_after_the_answer_no_transaction_begins_on_the_old_route_and_the_answer_comes_soon(
    busy: Story, change: str
) -> None:
    old = busy.acme_has_a_server({"bdat": (Pause(0.02), "250 2.0.0 ok")})
    ids = hand_in(busy.waypost, "acme", 200, "reminder")
    eventually(lambda: len(old.messages) >= 10, what="the first messages")

    began = time.monotonic()
    if change == "off":
        busy.waypost.email_settings.disable(busy.tenant_id, actor=COMMAND_LINE)
        new = busy.platform
    else:
        new = busy.acme_has_a_server()
    seconds = time.monotonic() - began
    time.sleep(0.05)  # what was said before the answer has come in by then
    begun = times_said(old, "MAIL")

    eventually(lambda: all_sent(busy, ids), what="the rest")
    assert times_said(old, "MAIL") == begun < 200
    assert copies(old) + copies(new) == Counter(ids)
    assert seconds < LEASE / 4
