"""One connection to a scripted server: the polite dialogue, and the places where a scenario steps in."""

import base64
import binascii
import socket
import threading

from portal.domain.routing.smtp_route import TlsMode
from tests.support.scripted_performance import Message, Over, Performance, Script, Visit
from tests.support.server_actions import (
    USERNAME,
)


class Connection(Performance):
    def __init__(self, script: Script, sock: socket.socket, visit: Visit) -> None:
        super().__init__(script, sock, visit)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self._sender: tuple[str, str] | None = None
        self._recipient: str | None = None

    def _serve(self) -> None:
        try:
            if self._script.tls is TlsMode.IMPLICIT:
                self._shake_hands()
            self._answer("banner", "220 smtp.acme.example ESMTP")
            while True:
                self._obey(self._line())
        except (Over, OSError, ValueError):  # ValueError: the socket was closed by hang_up() during a TLS call
            pass
        finally:
            self._sock.close()
            self._visit.is_over.set()

    # Commands

    def _obey(self, line: str) -> None:
        self._visit.commands.append(line)
        verb, _, rest = line.partition(" ")
        command = getattr(self, f"_on_{verb.lower()}", None)
        if command is None:
            self._answer("other", "500 5.5.2 what?")
        else:
            command(rest)

    def _on_ehlo(self, _rest: str) -> None:
        offers = list(self._script.offers)
        is_second = self._script.tls is TlsMode.STARTTLS and self._is_encrypted
        if self._script.tls is TlsMode.STARTTLS and not self._is_encrypted:
            offers.append("STARTTLS")
        elif self._is_encrypted and self._script.mechanisms is not None:
            offers.append(f"AUTH {self._script.mechanisms}")
        lines = ["smtp.acme.example", *offers]
        polite = (*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}")
        self._answer("ehlo_tls" if is_second else "ehlo", polite)

    _on_helo = _on_ehlo

    def _on_starttls(self, _rest: str) -> None:
        if self._answer("starttls", "220 2.0.0 go ahead"):
            self._shake_hands()

    def _on_auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if "auth" in self._script.scenario:
            challenged = self._perform("auth").startswith(b"334")
        else:
            challenged = not initial
            if challenged:
                self._say("334 VXNlcm5hbWU6" if mechanism.upper() == "LOGIN" else "334 ")
        if mechanism.upper() == "LOGIN" and challenged:
            self._login()
        elif challenged:
            self._judge(self._line())
        elif "auth" not in self._script.scenario:
            self._judge(initial)

    def _login(self) -> None:
        username = self._line()
        if not self._answer("username", "334 UGFzc3dvcmQ6").startswith(b"3"):
            return
        password = self._line()
        is_right = (decoded(username), decoded(password)) == (USERNAME.encode(), self._script.password.encode())
        self._answer("password", "235 2.7.0 welcome" if is_right else "535 5.7.8 wrong")

    def _judge(self, response: str) -> None:
        is_right = decoded(response) == f"\0{USERNAME}\0{self._script.password}".encode()
        self._answer("password", "235 2.7.0 welcome" if is_right else "535 5.7.8 wrong")

    def _on_mail(self, rest: str) -> None:
        address, _, parameters = rest.partition(">")
        if self._answer("mail", "250 2.1.0 ok").startswith(b"2"):
            self._sender = (address.partition("<")[2], parameters.strip())

    def _on_rcpt(self, rest: str) -> None:
        polite = "250 2.1.5 ok" if self._sender else "503 5.5.1 MAIL first"
        if self._answer("rcpt", polite).startswith(b"2"):
            self._recipient = rest.partition("<")[2].partition(">")[0]

    def _on_data(self, _rest: str) -> None:
        polite = "354 go ahead" if self._recipient else "554 5.5.1 no valid recipients"
        if not self._answer("data", polite).startswith(b"3"):
            return
        if "body" in self._script.scenario:
            self._fill()
            self._perform("body")
        lines = []
        while (line := self._raw_line()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        self._take("dot", b"".join(lines))

    def _on_bdat(self, rest: str) -> None:
        if "body" in self._script.scenario:
            self._perform("body")
        size = int(rest.partition(" ")[0])
        while len(self._buffer) < size:
            self._fill()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._take("bdat" if "bdat" in self._script.scenario else "dot", data)

    def _take(self, step: str, data: bytes) -> None:
        polite = "250 2.0.0 queued as 4711" if self._recipient else "554 5.5.1 no valid recipients"
        try:
            self._answer(step, polite)
        finally:  # a server that says 250 and hangs up has taken it
            if self._said.startswith(b"2") and self._sender and self._recipient:
                sender, parameters = self._sender
                self._visit.messages.append(Message(sender, self._recipient, data, parameters))
            self._sender = self._recipient = None

    def _on_rset(self, _rest: str) -> None:
        self._sender = self._recipient = None
        self._answer("rset", "250 2.0.0 ok")

    def _on_noop(self, _rest: str) -> None:
        self._answer("noop", "250 2.0.0 ok")

    def _on_quit(self, _rest: str) -> None:
        self._answer("quit", "221 2.0.0 bye")
        raise Over


def decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
