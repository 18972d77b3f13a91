"""What orchestrators and Prometheus ask the worker, over HTTP, and what becomes of those who ask badly."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse

import pytest

from portal.settings import BadSettingsError, Settings, load
from portal.worker.metrics import Metrics
from portal.worker.watch_server import WatchServer

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: worker\r\n\r\n"


def settings(on: str) -> Settings:
    return load(
        secret_key="a test's secret key of more than 32 characters",
        vault_keys="",
        platform_smtp_url="smtp://127.0.0.1",
        platform_from="no-reply@platform.example",
        metrics_listen=on,
    )


@dataclass
class Watched:
    """A worker as the server sees it, and the server."""

    metrics: Metrics = field(default_factory=Metrics)
    is_alive: bool = True
    what_is_wrong: str | None = None
    port: int = 0

    @contextmanager
    def listening(self, on: str) -> Iterator[WatchServer | None]:
        with WatchServer.started(
            settings(on), self.metrics, is_alive=lambda: self.is_alive, is_ready=lambda: self.what_is_wrong
        ) as server:
            if server:
                self.port = server.port
            yield server

    def ask(self, path: str, method: str = "GET") -> tuple[HTTPResponse, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer, answer.read().decode()
        finally:
            connection.close()

    def say(self, *parts: bytes, pause: float = 0) -> bytes:
        """Send bytes as they are, and return all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            try:
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause)
                return b"".join(iter(lambda: connection.recv(4096), b""))
            except ConnectionError:
                return b""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port if port < 65000 else free_port()


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched = Watched()
    with watched.listening(str(free_port())):
        yield watched


def test_a_worker_that_runs_is_healthy_and_ready(watched: Watched) -> None:
    for path in ("/healthz", "/readyz"):
        answer, body = watched.ask(path)
        assert (answer.status, body) == (200, "ok\n")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_an_event_loop_that_stands_still_is_said(watched: Watched) -> None:
    watched.is_alive = False

    answer, body = watched.ask("/healthz")

    assert (answer.status, body) == (503, "The event loop does not answer.\n")


def test_why_a_worker_is_not_ready_is_said_in_its_own_sentence(watched: Watched) -> None:
    watched.what_is_wrong = "The database did not answer: no route to host."

    answer, body = watched.ask("/readyz")

    assert (answer.status, body) == (503, "The database did not answer: no route to host.\n")
    assert watched.ask("/healthz")[0].status == 200


def test_metrics_are_shown_as_prometheus_reads_them(watched: Watched) -> None:
    watched.metrics.interrupted()

    answer, body = watched.ask("/metrics?name[]=x")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "\nwaypost_interrupted_total 1.0\n" in body


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", "/metrics/", 404), ("POST", "/healthz", 501)]
)
def test_there_is_nothing_else(watched: Watched, method: str, path: str, status: int) -> None:
    answer, body = watched.ask(path, method)

    assert answer.status == status
    assert "<" not in body


def test_head_says_how_long_the_answer_would_be(watched: Watched) -> None:
    answer, body = watched.ask("/healthz", "HEAD")

    assert (answer.status, answer.headers["Content-Length"], body) == (200, "3", "")


def test_the_answer_does_not_say_what_it_was_made_with(watched: Watched) -> None:
    assert watched.ask("/healthz")[0].headers["Server"] == "waypost"


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param((b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",), id="a line without end"),
        pytest.param((b"GET /healthz HTTP/1.1\r\n" + b"X: y\r\n" * 2000,), id="headers without end"),
        pytest.param((b"GET /healthz",), id="half a line, then silence"),
        pytest.param((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",), id="TLS"),
        pytest.param((), id="silence"),
    ],
)
def test_what_is_no_request_gets_no_answer_and_holds_nobody_up(watched: Watched, request_: tuple[bytes, ...]) -> None:
    begun = time.monotonic()

    assert watched.say(*request_) == b""

    assert time.monotonic() - begun < 8
    assert watched.ask("/healthz")[0].status == 200


def test_a_byte_now_and_then_is_cut_off_after_two_seconds(watched: Watched) -> None:
    begun = time.monotonic()

    assert watched.say(*(REQUEST[i : i + 1] for i in range(len(REQUEST))), pause=0.3) == b""

    assert time.monotonic() - begun < 8


def test_a_request_in_two_pieces_is_one_request(watched: Watched) -> None:
    assert watched.say(REQUEST[:10], REQUEST[10:], pause=0.1).startswith(b"HTTP/1.0 200 OK\r\n")


def test_those_who_say_nothing_keep_others_waiting_for_two_seconds_at_most(watched: Watched) -> None:
    begun = time.monotonic()
    with ExitStack() as silent:
        for _ in range(6):
            silent.enter_context(socket.create_connection(("127.0.0.1", watched.port)))
        assert watched.ask("/healthz")[0].status == 200

    assert time.monotonic() - begun < 8


def test_a_defect_in_a_gauge_costs_that_answer_and_nothing_else(watched: Watched) -> None:
    def broken() -> float:
        raise RuntimeError("a defect")

    watched.metrics.watch("waypost_seats", broken)
    assert watched.say(b"GET /metrics HTTP/1.1\r\n\r\n") == b""
    watched.metrics.watch("waypost_seats", lambda: 1)
    assert watched.ask("/metrics")[0].status == 200


def test_a_second_worker_takes_the_next_free_port(watched: Watched) -> None:
    other = Watched()
    with other.listening(str(watched.port)):
        assert watched.port < other.port <= watched.port + 20
        other.what_is_wrong = "The lease is lost."
        assert [one.ask("/readyz")[0].status for one in (watched, other)] == [200, 503]


@pytest.mark.parametrize("on", ["0", "127.0.0.1:0"])
def test_port_0_turns_it_off(on: str) -> None:
    with Watched().listening(on) as server:
        assert server is None


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_it_listens_where_the_operator_says(address: str) -> None:
    watched = Watched()
    with (
        watched.listening(f"[{address}]:{free_port()}"),
        socket.create_connection((address, watched.port)) as connection,
    ):
        connection.sendall(REQUEST)
        assert connection.recv(100).startswith(b"HTTP/1.0 200")


def test_by_itself_a_port_is_for_this_machine_alone() -> None:
    assert settings("9090").metrics_address == ("127.0.0.1", 9090)


@pytest.mark.parametrize("text", ["nonsense", "localhost:9090", "127.0.0.1:99999", "127.0.0.1:", "-1", "::1", "[::1"])
def test_what_cannot_be_listened_on_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadSettingsError, match=r"^PORTAL_METRICS_LISTEN must be a port"):
        settings(text)


def test_an_address_of_another_machine_is_said_in_one_sentence() -> None:
    with (
        pytest.raises(BadSettingsError, match=r"^PORTAL_METRICS_LISTEN cannot be listened on: "),
        Watched().listening("192.0.2.1:9090"),
    ):
        pass


def test_it_stops_at_once_and_gives_its_port_back() -> None:
    watched = Watched()
    begun = time.monotonic()
    for _ in range(2):
        with watched.listening(str(watched.port or free_port())) as server:
            assert server
            assert watched.ask("/healthz")[0].status == 200

    assert time.monotonic() - begun < 8
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("watch")] == []
