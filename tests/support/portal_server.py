"""A portal that real browsers can reach: served over HTTP from a thread, on a port of its own.

with reserved_port() as listener:                                 # the port is ours before the portal is built,
    app = create_app(...)                                         # because mail it sends links to its own address
    with serving(app, listener) as server:
        ...open(server.address)...
    assert not any("canary" in page for page in server.said)
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from flask import Flask, Response, session
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler


@dataclass(frozen=True)
class PortalServer:
    """What is served.

    Attributes:
        said: Every answer with its headers and with what the session's cookie holds, files of ``static/`` left out.
    """

    address: str
    said: list[str] = field(default_factory=list, repr=False)

    def has_said(self, secret: str) -> bool:
        return any(secret in answer for answer in self.said)


class _Requests(WSGIRequestHandler):
    # A connection ends with its answer, so that none outlives the server; and a browser opens some ahead of time, on
    # which it may never say a word.
    protocol_version = "HTTP/1.0"
    timeout = 5

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name for it
        pass


class _Server(ThreadedWSGIServer):
    daemon_threads = False  # closing the server waits for requests under way


@contextmanager
def reserved_port() -> Iterator[socket.socket]:
    """A socket that listens on a free port of 127.0.0.1; browsers that are early wait in its queue."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()
    return f"http://{host}:{port}"


@contextmanager
def serving(app: Flask, listener: socket.socket) -> Iterator[PortalServer]:
    """Serve it on this socket while the block lasts."""
    served = PortalServer(address_of(listener))

    @app.after_request
    def listen_in(response: Response) -> Response:
        if not response.direct_passthrough:
            # A cookie is signed and packed, not sealed: whoever has it can read it.
            served.said.append(f"{response.headers}{dict(session)}{response.get_data(as_text=True)}")
        return response

    host, port = listener.getsockname()
    server = _Server(host, port, app, _Requests, fd=listener.fileno())
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="portal")
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
