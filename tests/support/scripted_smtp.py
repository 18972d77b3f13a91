"""An SMTP server that is polite until a scenario says otherwise.

A scenario is data: for some steps, what the server does instead of the polite answer.

    with ScriptedServer({"rcpt": "550 5.1.1 no such user"}) as server:              # clear text
        ...connect to ("localhost", server.port)...
    assert server.visits[0].messages == []

    with ScriptedServer({"dot": Close()}, tls=TlsMode.STARTTLS, context=certificates.server_context(GOOD)) as server:

Steps: ``banner ehlo starttls handshake ehlo_tls auth username password mail rcpt data body dot bdat rset noop quit``.
``ehlo_tls`` is the EHLO after STARTTLS. ``auth`` answers the AUTH line; ``username`` and ``password`` answer what the
client says to the challenges of LOGIN. ``body`` happens when the first byte of content is there. ``dot`` answers the
end of content, with ``bdat`` taking its place for BDAT. ``handshake`` happens on the bare socket, instead of TLS.

What a server can do, as the value of a step:

    "250 fine"                         say this line (a str ends with CRLF by itself)
    b"250 fine"                        say these bytes and no more
    ("250-a", "250 b", Close())        one after the other
    ["250 ok", "451 later"]            the first time, the second time; the last one from there on
    Silence()                          go on listening, say nothing ever again
    Deaf()                             neither listen nor speak
    Close()  Reset()                   FIN, RST
    Goodbye()                          the end as TLS says it, with the TCP connection left open
    Pause(0.2)                         wait, then go on
    Gate()                             wait until the test opens it; the test is told when it is reached
    Drip("250 ", every=0.05)           a byte at a time, for ever: the text again and again
    Flood("250-x\\r\\n", 50 * MIB)       the text again and again, as fast as it is taken

After a scripted answer the server goes by its first line: to a refused RCPT follows a polite 554 to DATA, unless that
is scripted too. Everything received is kept in ``server.visits``, one for each connection; ``Visit.turns`` counts the
round trips, ``server.knows(secret)`` says whether a secret has come in, however encoded.
"""

import re
import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from portal.domain.routing.smtp_route import TlsMode
from tests.support.scripted_performance import Message, Script, Visit
from tests.support.scripted_visit import Connection, decoded
from tests.support.server_actions import (
    MIB,
    ONE_FLIGHT,
    PASSWORD,
    PATIENCE,
    PIPELINED,
    STEPWISE,
    USERNAME,
    Action,
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

__all__ = [
    "MIB",
    "ONE_FLIGHT",
    "PASSWORD",
    "PIPELINED",
    "STEPWISE",
    "USERNAME",
    "Action",
    "Close",
    "Deaf",
    "Deed",
    "Drip",
    "Flood",
    "Gate",
    "Goodbye",
    "Message",
    "Pause",
    "Reset",
    "Scenario",
    "ScriptedServer",
    "Silence",
    "Visit",
]


class ScriptedServer:
    """Listens on 127.0.0.1 on a port of its own, one thread a connection, while the ``with`` lasts.

    Args:
        scenario: What it does at which step; see the module. ``server.scenario`` may be changed while it runs.
        tls: How it speaks. With STARTTLS, AUTH is offered after the handshake only.
        context: Its TLS context; needed unless ``tls`` is NONE.
        offers: Lines of the answer to EHLO besides STARTTLS and AUTH.
        mechanisms: Words of the AUTH line; None leaves the line out.
        password: That of ``USERNAME``.
    """

    def __init__(
        self,
        scenario: Scenario | None = None,
        *,
        tls: TlsMode = TlsMode.NONE,
        context: ssl.SSLContext | None = None,
        offers: Sequence[str] = ONE_FLIGHT,
        mechanisms: str | None = "PLAIN LOGIN",
        password: str = PASSWORD,
    ) -> None:
        self.scenario = dict(scenario or {})
        self.tls = tls
        self._script = Script(self.scenario, tls, context, offers, mechanisms, password)
        self.visits: list[Visit] = []
        self._connections: list[Connection] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._script.is_closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)
        for connection in self._connections:
            connection.hang_up()
        for connection in self._connections:
            connection.thread.join(PATIENCE)

    @property
    def password(self) -> str:
        """That of ``USERNAME``; may be changed while it runs, and holds from the next sign-in on."""
        return self._script.password

    @password.setter
    def password(self, password: str) -> None:
        self._script.password = password

    @property
    def messages(self) -> list[Message]:
        return [message for visit in self.visits for message in visit.messages]

    def knows(self, secret: str, *, after_visits: int = 0) -> bool:
        """Whether the secret has come in on any connection, as it is or in base64; the first ones may be left out."""
        return any(_holds(visit.clear + visit.protected, secret) for visit in self.visits[after_visits:])

    def overheard(self, secret: str) -> bool:
        """Whether the secret has come in unencrypted, as it is or in base64."""
        return any(_holds(visit.clear, secret) for visit in self.visits)

    def _listen(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            visit = Visit()
            connection = Connection(self._script, sock, visit)
            self.visits.append(visit)
            self._connections.append(connection)
            connection.thread.start()


def _holds(received: bytearray, secret: str) -> bool:
    tokens = re.findall(rb"[A-Za-z0-9+/]+={0,2}", bytes(received))
    texts = [bytes(received), *(decoded(token.decode()) for token in tokens)]
    return any(secret.encode() in text for text in texts)
