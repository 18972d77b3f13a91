"""``/healthz``, ``/readyz`` and ``/metrics`` of the worker, on a port of their own (PORTAL_METRICS_LISTEN).

In threads, so that it answers while the event loop does not: that is what it is asked about.
"""

import errno
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from ipaddress import ip_address
from socketserver import TCPServer
from typing import Any, Final, Self

import structlog
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from portal.settings import BadSettingsError, Settings
from portal.worker.metrics import Metrics

_FURTHER_PORTS: Final = 20
_THREADS: Final = 4
_HEAD_BYTES: Final = 8192
_REQUEST_SECONDS: Final = 2.0
_LOOKS_EVERY: Final = 0.5
_PLAIN_TEXT: Final = "text/plain; charset=utf-8"

_log = structlog.get_logger()


class _Pages:
    """What there is to be asked."""

    def __init__(self, metrics: Metrics, is_alive: Callable[[], bool], is_ready: Callable[[], str | None]) -> None:
        self._metrics = metrics
        self._is_alive = is_alive
        self._is_ready = is_ready

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body of a path's answer."""
        match path.partition("?")[0]:
            case "/healthz":
                return _verdict(None if self._is_alive() else "The event loop does not answer.")
            case "/readyz":
                return _verdict(self._is_ready())
            case "/metrics":
                return HTTPStatus.OK, CONTENT_TYPE_PLAIN_0_0_4, self._metrics.exposition()
        return HTTPStatus.NOT_FOUND, _PLAIN_TEXT, b"There are /healthz, /readyz and /metrics.\n"


def _verdict(what_is_wrong: str | None) -> tuple[HTTPStatus, str, bytes]:
    status = HTTPStatus.SERVICE_UNAVAILABLE if what_is_wrong else HTTPStatus.OK
    return status, _PLAIN_TEXT, f"{what_is_wrong or 'ok'}\n".encode()


class _Handler(BaseHTTPRequestHandler):
    """One request a connection, which has to arrive, and to be read, within a few seconds and a few kilobytes."""

    server: "_Server"
    error_content_type = _PLAIN_TEXT
    error_message_format = "%(explain)s.\n"

    def handle(self) -> None:
        self.rfile.close()
        self.rfile = BytesIO(self._head())
        self.handle_one_request()

    def _head(self) -> bytes:
        """The request up to its empty line.

        Read here, because the parser's time limit is one for each read: a byte now and then would hold us for ever.

        Raises:
            TimeoutError, ConnectionError: It has not come in time, or is too long.
        """
        deadline = time.monotonic() + _REQUEST_SECONDS
        head = b""
        while b"\r\n\r\n" not in head:
            self.connection.settimeout(max(deadline - time.monotonic(), 0.001))
            received = self.connection.recv(_HEAD_BYTES - len(head))
            if not received:
                raise ConnectionError
            head += received
        self.connection.settimeout(_REQUEST_SECONDS)  # of the whole answer
        return head

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        status, content_type, body = self.server.pages.answer(self.path)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def version_string(self) -> str:
        return "waypost"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
        """Nothing: who looks is no event."""


class _Server(TCPServer):
    allow_reuse_address = True  # after a restart, not beside another worker
    request_queue_size = 32
    timeout = _LOOKS_EVERY

    def __init__(self, address: tuple[str, int], pages: _Pages) -> None:
        self.address_family = socket.AF_INET6 if ip_address(address[0]).version == 6 else socket.AF_INET
        self.pages = pages
        super().__init__(address, _Handler)
        # Several threads wait for the same connections: who comes second must not wait in accept().
        self.socket.settimeout(_LOOKS_EVERY)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        # An OSError is the connection's: whoever asked has gone away, or was too slow.
        if not isinstance(sys.exception(), OSError):
            _log.exception("a look at the worker failed")


class WatchServer:
    """The server while it runs; ``port`` is where."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self.port: int = server.server_address[1]
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._serve, name=f"watch-{number}", daemon=True) for number in range(_THREADS)
        ]

    @classmethod
    @contextmanager
    def started(
        cls,
        settings: Settings,
        metrics: Metrics,
        *,
        is_alive: Callable[[], bool],
        is_ready: Callable[[], str | None],
    ) -> Iterator[Self | None]:
        """Serve until the block ends; None where PORTAL_METRICS_LISTEN says not to.

        Args:
            is_alive: Whether the event loop has run within the last seconds. Asked in another thread than the loop's,
                as is the next one.
            is_ready: A sentence that says why the worker cannot work now, or None when it can.

        Raises:
            BadSettingsError: It cannot listen there, and on none of the next 20 ports.
        """
        if settings.metrics_address is None:
            yield None
            return
        server = cls(_listening(*settings.metrics_address, _Pages(metrics, is_alive, is_ready)))
        server._start()
        try:
            yield server
        finally:
            server._stop()

    def _start(self) -> None:
        for thread in self._threads:
            thread.start()
        _log.info("the worker can be watched", port=self.port)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._server.handle_request()

    def _stop(self) -> None:
        self._stopping.set()
        deadline = time.monotonic() + 2 * _REQUEST_SECONDS
        for thread in self._threads:
            # One that waits for the database still is a daemon, and ends with the process.
            thread.join(max(deadline - time.monotonic(), 0))
        self._server.server_close()


def _listening(host: str, first: int, pages: _Pages) -> _Server:
    for port in range(first, min(first + _FURTHER_PORTS, 65535) + 1):
        try:
            return _Server((host, port), pages)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise BadSettingsError(f"PORTAL_METRICS_LISTEN cannot be listened on: {error.strerror}.") from error
    raise BadSettingsError("PORTAL_METRICS_LISTEN cannot be listened on: it and the next ports are all in use.")
