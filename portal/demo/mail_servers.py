"""The demo's submission servers: real SMTP with TLS and sign-in; what they take goes to the inbox.

They announce what aiosmtpd announces: SIZE, 8BITMIME, SMTPUTF8, STARTTLS, AUTH; no PIPELINING, no CHUNKING.
"""

import asyncio
import functools
import hmac
import logging
import re
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session, TLSSetupException

from portal.demo.child import is_set_within, stop_on_signals
from portal.demo.folder import DemoFolder
from portal.demo.hosts import ACME, LOOPBACK, PLATFORM, MailHost
from portal.demo.inbox import Arrival, Inbox
from portal.demo.ports import DemoPorts
from portal.domain.routing.smtp_route import TlsMode

_log: Final = logging.getLogger(__name__)

LARGEST_MESSAGE: Final = 25 * 1024 * 1024  # bytes, announced as SIZE (RFC 1870)
_POLL_SECONDS: Final = 0.2
_NOT_IN_A_HOST_NAME: Final = re.compile(r"[^A-Za-z0-9.:\[\]_-]")


class SubmissionServer:
    """One mail host, listening on one or two ports of loopback.

    Args:
        ports: The port for each way to begin TLS.
        certificate: A context with the host's chain and key.
        inbox: Where accepted mail goes.
    """

    def __init__(self, host: MailHost, ports: dict[TlsMode, int], certificate: ssl.SSLContext, inbox: Inbox) -> None:
        self._host = host
        self._ports = ports
        self._certificate = certificate
        self._inbox = inbox
        self._listeners: list[asyncio.Server] = []
        self._connections: set[asyncio.Transport] = set()
        # aiosmtpd finds its hooks by these names.
        self._hooks = SimpleNamespace(
            handle_MAIL=self._judge_sender, handle_DATA=self._take, handle_exception=self._answer_error
        )

    @property
    def is_listening(self) -> bool:
        return bool(self._listeners)

    async def listen(self) -> None:
        """Open the ports.

        Raises:
            OSError: A port is taken; none is open then.
        """
        loop = asyncio.get_running_loop()
        try:
            for mode, port in self._ports.items():
                implicit = self._certificate if mode is TlsMode.IMPLICIT else None
                make_connection = functools.partial(self._make_connection, mode)
                self._listeners.append(await loop.create_server(make_connection, LOOPBACK, port, ssl=implicit))
        except OSError:
            await self.unplug()
            raise

    async def unplug(self) -> None:
        """Close the ports and drop every connection, in the middle of whatever it was doing."""
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.close()
        for connection in tuple(self._connections):
            connection.abort()
        for listener in listeners:
            await listener.wait_closed()

    def _make_connection(self, mode: TlsMode) -> "_Connection":
        return _Connection(self._connections, self._hooks, mode, self._certificate, self._host, self._authenticate)

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: LoginPassword
    ) -> AuthResult:
        known = hmac.compare_digest(login.login, self._host.username.encode())
        right = hmac.compare_digest(login.password, self._host.password.encode())
        # ``handled`` would tell aiosmtpd that a reply has been sent.
        return AuthResult(success=known and right, handled=False, auth_data=self._host.username)

    async def _judge_sender(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.rpartition("@")[2].lower() != self._host.domain:
            return f"553 5.7.1 <{address}>: Sender address rejected: not owned by user {self._host.username}"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def _take(self, server: "_Connection", session: Session, envelope: Envelope) -> str:
        now = datetime.now(UTC).astimezone()
        arrival = Arrival(
            server=self._host.name,
            envelope_from=envelope.mail_from or "",
            to=tuple(envelope.rcpt_tos),
            username=self._host.username,
            tls_version=server.tls_version,
            received_at=now,
        )
        received = _received(session.host_name or "", arrival, utf8=envelope.smtp_utf8)
        raw = received.encode() + (envelope.original_content or b"")
        try:
            mail_id = await asyncio.to_thread(self._inbox.store, raw, arrival)
        except OSError:
            return "452 4.3.1 Insufficient system storage"
        return f"250 2.0.0 Ok: queued as {mail_id}"

    async def _answer_error(self, error: Exception) -> str:
        # A client that does not trust the certificate hangs up in the handshake: its right, and no error of ours.
        if not isinstance(error, TLSSetupException):
            _log.error("the connection failed", exc_info=error)
        return "451 4.3.0 Error: the server failed"


class _Connection(SMTP):
    """aiosmtpd's connection: one that can be dropped, and that knows when TLS began before it."""

    def __init__(
        self,
        connections: set[asyncio.Transport],
        hooks: SimpleNamespace,
        mode: TlsMode,
        certificate: ssl.SSLContext,
        host: MailHost,
        authenticate: Callable[..., AuthResult],
    ) -> None:
        super().__init__(
            hooks,
            hostname=host.name,
            ident="ESMTP Waypost demo",
            data_size_limit=LARGEST_MESSAGE,
            enable_SMTPUTF8=True,
            tls_context=certificate if mode is TlsMode.STARTTLS else None,
            require_starttls=mode is TlsMode.STARTTLS,
            auth_required=True,
            authenticator=authenticate,
            loop=asyncio.get_running_loop(),
        )
        # aiosmtpd knows only TLS it has begun itself; with implicit TLS it would announce no AUTH.
        self._auth_require_tls = mode is TlsMode.STARTTLS
        self._connections = connections
        self._first_transport: asyncio.Transport | None = None

    @property
    def tls_version(self) -> str:
        tls = self.transport.get_extra_info("ssl_object") if self.transport else None
        return tls.version() or "" if tls else ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Called again after STARTTLS, with the TLS transport over the first one; dropping the first drops both.
        if self._first_transport is None and isinstance(transport, asyncio.Transport):
            self._first_transport = transport
            self._connections.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._first_transport is not None:
            self._connections.discard(self._first_transport)
        super().connection_lost(error)


def _received(ehlo_name: str, arrival: Arrival, *, utf8: bool) -> str:
    """The trace header of this hop, with its line end (RFC 5321 section 4.4; "with" values: RFC 3848, RFC 6531)."""
    client = _NOT_IN_A_HOST_NAME.sub("?", ehlo_name)[:255]
    protocol = "UTF8SMTPSA" if utf8 else "ESMTPSA"
    queue_id = f"{arrival.received_at:%H%M%S%f}"
    # RFC 5321 section 7.2: naming one of several recipients would tell it to the others.
    recipient = f" for <{arrival.to[0]}>" if len(arrival.to) == 1 else ""
    return (
        f"Received: from {client} ([{LOOPBACK}]) ({arrival.tls_version})\r\n"
        f"\tby {arrival.server} with {protocol} id {queue_id}{recipient};\r\n"
        f"\t{format_datetime(arrival.received_at)}\r\n"
    )


def server_context(folder: DemoFolder, host: MailHost) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder.server_certificate(host.name))
    return context


async def serve(folder: DemoFolder, stop: asyncio.Event) -> None:
    """Run both servers until ``stop``; Acme's is down while the file of the unplug switch exists.

    Raises:
        OSError: A port is taken.
    """
    ports = DemoPorts.read(folder.ports)
    inbox = Inbox(folder.inbox)
    acme_ports = {TlsMode.STARTTLS: ports.acme_starttls, TlsMode.IMPLICIT: ports.acme_tls}
    acme = SubmissionServer(ACME, acme_ports, server_context(folder, ACME), inbox)
    platform_ports = {TlsMode.STARTTLS: ports.platform_starttls}
    platform = SubmissionServer(PLATFORM, platform_ports, server_context(folder, PLATFORM), inbox)
    try:
        await platform.listen()
        while not stop.is_set():
            unplugged = folder.acme_server_stopped.exists()
            if unplugged and acme.is_listening:
                await acme.unplug()
            elif not unplugged and not acme.is_listening:
                await acme.listen()
            await is_set_within(stop, _POLL_SECONDS)
    finally:
        await acme.unplug()
        await platform.unplug()


async def main() -> None:
    # At every sign-in aiosmtpd warns of an attribute of its own that it sets itself.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    await serve(DemoFolder.of_this_installation(), stop_on_signals())


if __name__ == "__main__":
    asyncio.run(main())
