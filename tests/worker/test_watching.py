"""What a worker process tells those who watch it, while it works and while it cannot."""

import json
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.routing.smtp_route import TlsMode
from portal.wiring import Waypost
from tests.support.certificates import Certificate, Certificates
from tests.support.installation import Installation, eventually
from tests.support.scripted_smtp import PASSWORD, USERNAME, ScriptedServer

SENT = 'waypost_messages_total{state="sent"}'
OVER_THE_PLATFORM = 'waypost_attempts_total{fault="OK",via="platform"}'


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class WatchedWorker:
    """A worker process, asked over HTTP as Prometheus and an orchestrator ask."""

    def __init__(self, installation: Installation, waypost: Waypost) -> None:
        self.installation = installation
        self.waypost = waypost
        self.process: subprocess.Popen[str] = installation.start("work")
        eventually(lambda: bool(self._said_ports()), what="the worker to listen")
        (self.port,) = self._said_ports()

    def _said_ports(self) -> list[int]:
        events = map(json.loads, self.installation.log("work").splitlines())
        return [event["port"] for event in events if event["event"] == "the worker can be watched"]

    def ask(self, path: str) -> tuple[int, str]:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def value(self, series: str) -> float:
        """Of one series; NaN is a value, too."""
        _, exposition = self.ask("/metrics")
        (line,) = (line for line in exposition.splitlines() if line.startswith(f"{series} "))
        return float(line.rpartition(" ")[2])

    def hand_in(self, kind: str) -> None:
        self.waypost.sender.send("acme", kind=kind, to="bob@dest.example", subject="Hello", text="Good morning.")


@pytest.fixture
def worker(tmp_path: Path, certificates: Certificates) -> Iterator[WatchedWorker]:
    context = certificates.server_context(Certificate.GOOD)
    with ScriptedServer(tls=TlsMode.STARTTLS, context=context) as platform:
        installation = Installation.new(
            tmp_path,
            platform_smtp_url=f"smtp+starttls://{USERNAME}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{platform.port}",
            ca_file=certificates.ca_file,
            metrics_listen=str(free_port()),
        )
        with installation.opened() as waypost:
            waypost.accounts.create_tenant("acme", name="Acme", organisation=None, actor=COMMAND_LINE)
            try:
                yield WatchedWorker(installation, waypost)
            finally:
                installation.stop()


def test_counters_move_with_the_mail_and_every_series_is_there_before_it(worker: WatchedWorker) -> None:
    assert (worker.value(SENT), worker.value(OVER_THE_PLATFORM)) == (0, 0)
    assert worker.value('waypost_messages_total{state="quarantined"}') == 0
    assert worker.value("waypost_queue_open") == 0

    for kind in ("reminder", "otp", "digest"):
        worker.hand_in(kind)
    eventually(lambda: worker.value(SENT) == 3, what="the mail to be counted")

    assert worker.value(OVER_THE_PLATFORM) == 3
    assert worker.value("waypost_security_messages_total") == 1
    assert worker.value('waypost_queued_seconds_count{priority="urgent"}') == 1
    assert worker.value("waypost_connections_open") >= 1
    assert worker.value("waypost_database_stuck") == 0


def test_a_worker_that_is_locked_out_of_its_database_is_alive_but_not_ready(worker: WatchedWorker) -> None:
    eventually(lambda: worker.ask("/readyz")[0] == 200, what="it to be ready")
    assert worker.ask("/healthz") == (200, "ok\n")

    with closing(sqlite3.connect(worker.installation.folder / "waypost.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        eventually(lambda: worker.ask("/readyz")[0] == 503, seconds=8, what="it to notice")
        assert "lease" in worker.ask("/readyz")[1]
        assert worker.ask("/healthz") == (200, "ok\n")
        other.execute("ROLLBACK")

    eventually(lambda: worker.ask("/readyz") == (200, "ok\n"), what="it to be ready again")
    worker.hand_in("reminder")
    eventually(lambda: worker.value(SENT) == 1, what="the mail")


def test_a_worker_told_to_stop_ends_although_somebody_watches(worker: WatchedWorker) -> None:
    with socket.create_connection(("127.0.0.1", worker.port)) as watcher:
        watcher.sendall(b"GET /metr")
        worker.process.terminate()
        assert worker.process.wait(14) == 0
