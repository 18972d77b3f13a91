"""The other end of ``processes.Helper``: a program that is given its work as lines of JSON."""

import json
import socket
from collections.abc import Iterator
from typing import Any, Self


class Control:
    """The line to the harness."""

    def __init__(self, number: int) -> None:
        self._socket = socket.socket(fileno=number)
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._socket.close()

    def requests(self) -> Iterator[dict[str, Any]]:
        """What the harness asks for, one after the other, until it lets go."""
        while line := self._lines.readline():
            yield json.loads(line)

    def answer(self, **values: Any) -> None:
        self._socket.sendall(json.dumps(values).encode() + b"\n")
