"""How a scripted server does what a scenario says, and hears what a client says, on one connection."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from portal.domain.routing.smtp_route import TlsMode
from tests.support.server_actions import (
    PATIENCE,
    Close,
    Deaf,
    Deed,
    Drip,
    Flood,
    Gate,
    Goodbye,
    Pause,
    Reset,
    Scenario,
    Silence,
)


@dataclass(frozen=True)
class Message:
    """One that the server has taken."""

    sender: str
    recipient: str
    data: bytes
    mail_parameters: str


@dataclass
class Visit:
    """What one connection brought.

    Attributes:
        commands: The lines, content and answers to challenges left out.
        clear: All bytes that came unencrypted.
        protected: All bytes that came through TLS, decrypted.
        turns: How many times the server had to wait for the client after it had spoken: the round trips.
    """

    commands: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    clear: bytearray = field(default_factory=bytearray)
    protected: bytearray = field(default_factory=bytearray)
    turns: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)

    def verbs(self) -> list[str]:
        return [line.split(" ", 1)[0].upper() for line in self.commands]


class Over(Exception):  # noqa: N818 - the end of a visit, not an error
    pass


@dataclass
class Script:
    """What a server does, and shares with its connections."""

    scenario: Scenario
    tls: TlsMode
    context: ssl.SSLContext | None
    offers: Sequence[str]
    mechanisms: str | None
    password: str
    is_closing: threading.Event = field(default_factory=threading.Event)


class Performance:
    """Says and does, listens and keeps what it hears. What the words mean is not known here."""

    def __init__(self, script: Script, sock: socket.socket, visit: Visit) -> None:
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._script = script
        self._sock = sock
        self._visit = visit
        self._is_encrypted = False
        self._buffer = bytearray()
        self._has_spoken = False
        self._said = b""
        self._times: dict[str, int] = {}

    def hang_up(self) -> None:
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    # What a scenario says

    def _answer(self, step: str, polite: Deed) -> bytes:
        """Do what the scenario says, or what is polite; returns what was said."""
        return self._perform(step) if step in self._script.scenario else self._do(polite)

    def _perform(self, step: str) -> bytes:
        deed = self._script.scenario[step]
        if isinstance(deed, list):
            time_ = self._times[step] = self._times.get(step, 0) + 1
            deed = deed[min(time_, len(deed)) - 1]
        return self._do(deed)

    def _do(self, deed: Deed) -> bytes:
        self._said = b""
        for action in deed if isinstance(deed, tuple) else (deed,):
            if isinstance(action, str | bytes):
                # What it means to say is what it goes by, even where nobody is there any more to hear it.
                self._said += _line_of(action)
                self._say(action)
            else:
                self._act(action)
        return self._said

    def _act(self, action: object) -> None:
        match action:
            case Silence():
                while True:
                    self._fill()
            case Close():
                self._close_in_good_order()
            case Reset():
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise Over
            case Goodbye():
                self._say_goodbye()
            case Deaf() | Pause() | Gate():
                self._wait(action)
            case Drip():
                self._drip(action)
            case Flood():
                self._flood(action)

    def _wait(self, action: Deaf | Pause | Gate) -> None:
        deadline = time.monotonic() + (action.seconds if isinstance(action, Pause) else PATIENCE)
        if isinstance(action, Gate):
            action.is_reached.set()
        while time.monotonic() < deadline and not (isinstance(action, Gate) and action.is_open.is_set()):
            if self._script.is_closing.wait(min(0.02, max(deadline - time.monotonic(), 0))):
                return

    def _say_goodbye(self) -> None:
        if not isinstance(self._sock, ssl.SSLSocket):
            raise TypeError("only TLS has a goodbye of its own")
        self._sock.unwrap()  # waits for the client's
        raise Over

    def _drip(self, drip: Drip) -> None:
        while True:
            for letter in drip.text:
                self._say(letter.encode())
                time.sleep(drip.every)

    def _flood(self, flood: Flood) -> None:
        text = flood.text.encode() if isinstance(flood.text, str) else flood.text
        piece = text * max(1, 65536 // len(text))
        for _ in range(flood.total // len(piece) + 1):
            self._say(piece)

    def _close_in_good_order(self) -> None:
        # Closed with unread bytes, a socket sends RST, which can destroy what was said last before it is read.
        self._sock.shutdown(socket.SHUT_WR)
        self._sock.settimeout(1)
        while self._sock.recv(65536):
            pass
        raise Over

    # Bytes

    def _shake_hands(self) -> None:
        if "handshake" in self._script.scenario:
            self._perform("handshake")
        if self._script.context is None:
            raise ValueError("a server with TLS needs a context")
        self._sock = self._script.context.wrap_socket(self._sock, server_side=True)
        self._is_encrypted = True
        self._buffer.clear()

    def _say(self, words: str | bytes) -> None:
        self._sock.sendall(_line_of(words))
        self._has_spoken = True

    def _fill(self) -> None:
        data = self._sock.recv(65536)
        if not data:
            raise Over
        if self._has_spoken:
            self._visit.turns += 1
            self._has_spoken = False
        self._buffer += data
        kept = self._visit.protected if self._is_encrypted else self._visit.clear
        kept += data

    def _raw_line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            self._fill()
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        return line

    def _line(self) -> str:
        return self._raw_line().decode("utf-8", "replace").rstrip("\r\n")


def _line_of(words: str | bytes) -> bytes:
    return f"{words}\r\n".encode() if isinstance(words, str) else words
