"""A port that counts who comes."""

import socket
from types import TracebackType
from typing import Self

from tests.support.programs import do_without


class Listener:
    """Accepts connections and says nothing.

    Args:
        address: An address of the loopback; where the system has only some of them, the test goes without.
        port: 0 for any free one.
    """

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            self._socket = socket.create_server((address, port), family=family, backlog=64)
        except OSError as error:
            do_without(f"cannot listen on {address}: {error.strerror}")
        self._socket.setblocking(False)
        self._connections: list[socket.socket] = []
        self.port: int = self._socket.getsockname()[1]

    @property
    def connections(self) -> int:
        """How many have come so far: the operating system completes them, so none is missed."""
        while True:
            try:
                connection, _ = self._socket.accept()
            except BlockingIOError:
                return len(self._connections)
            self._connections.append(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for connection in self._connections:
            connection.close()
        self._socket.close()
