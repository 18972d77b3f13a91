"""What other people's SMTP programs make of us: the same message, the same bytes."""

import asyncio
import contextlib
import smtplib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from portal.domain.routing.smtp_route import AuthChoice, TlsMode
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline
from tests.support.certificates import Certificate, Certificates
from tests.support.scripted_smtp import PASSWORD, USERNAME, ScriptedServer
from tests.support.smtp_routes import ENVELOPE, MESSAGE, client_options, route_to


@dataclass
class Inbox:
    """An aiosmtpd handler that keeps what it is given."""

    received: list[tuple[str | None, list[str], bytes]] = field(default_factory=list)
    signed_in: list[str] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.received.append((envelope.mail_from, envelope.rcpt_tos, bytes(envelope.original_content or b"")))
        self.signed_in.append(str(session.auth_data or ""))
        return "250 2.0.0 kept"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        is_right = (data.login, data.password) == (USERNAME.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, auth_data=mechanism)


@contextlib.asynccontextmanager
async def aiosmtpd_server(inbox: Inbox, mode: TlsMode, context: ssl.SSLContext) -> AsyncIterator[int]:
    def protocol() -> SMTP:
        return SMTP(
            inbox,
            hostname="smtp.acme.example",
            enable_SMTPUTF8=True,
            tls_context=context if mode is TlsMode.STARTTLS else None,
            require_starttls=mode is TlsMode.STARTTLS,
            authenticator=inbox.authenticate,
            auth_required=mode is TlsMode.STARTTLS,  # it does not see that it is behind implicit TLS
            auth_require_tls=mode is TlsMode.STARTTLS,
        )

    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=context if mode is TlsMode.IMPLICIT else None
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


async def deliver_by_us(port: int, mode: TlsMode, auth: AuthChoice, ca_file: str) -> None:
    route = route_to(port, tls=mode, auth=auth)
    connection = await SmtpConnection.open(route, client_options(ca_file=ca_file), deadline=Deadline.after(20))
    for _ in range(2):
        await connection.submit(ENVELOPE, deadline=Deadline.after(20))
    await connection.quit()


def deliver_by_smtplib(port: int, mode: TlsMode, ca_file: str) -> None:
    context = ssl.create_default_context(cafile=ca_file)
    client: smtplib.SMTP
    if mode is TlsMode.IMPLICIT:
        client = smtplib.SMTP_SSL("localhost", port, timeout=20, context=context)
    else:
        client = smtplib.SMTP("localhost", port, timeout=20)
    with client:
        if mode is TlsMode.STARTTLS:
            client.starttls(context=context)
        if mode is not TlsMode.NONE:
            client.login(USERNAME, PASSWORD)
        client.sendmail(ENVELOPE.sender, [ENVELOPE.recipient], MESSAGE)


async def deliver_by_aiosmtplib(port: int, mode: TlsMode, ca_file: str) -> None:
    await aiosmtplib.send(
        MESSAGE,
        sender=ENVELOPE.sender,
        recipients=[ENVELOPE.recipient],
        hostname="localhost",
        port=port,
        use_tls=mode is TlsMode.IMPLICIT,
        start_tls=mode is TlsMode.STARTTLS,
        username=None if mode is TlsMode.NONE else USERNAME,
        password=None if mode is TlsMode.NONE else PASSWORD,
        tls_context=ssl.create_default_context(cafile=ca_file),
        timeout=20,
    )


@pytest.mark.parametrize("mode", TlsMode)
@pytest.mark.parametrize("auth", [AuthChoice.PLAIN, AuthChoice.LOGIN])
def test_aiosmtpd_gets_from_us_what_it_gets_from_others(
    mode: TlsMode, auth: AuthChoice, certificates: Certificates
) -> None:
    inbox = Inbox()

    async def deliver() -> None:
        context = certificates.server_context(Certificate.GOOD)
        async with aiosmtpd_server(inbox, mode, context) as port:
            await deliver_by_us(port, mode, auth, certificates.ca_file)
            await asyncio.to_thread(deliver_by_smtplib, port, mode, certificates.ca_file)
            await deliver_by_aiosmtplib(port, mode, certificates.ca_file)

    asyncio.run(deliver())

    assert inbox.received == [(ENVELOPE.sender, [ENVELOPE.recipient], MESSAGE)] * 4
    assert mode is TlsMode.NONE or inbox.signed_in[:2] == [auth.value.upper()] * 2


@pytest.mark.parametrize("mode", TlsMode)
def test_the_scripted_server_is_a_server_to_others_as_well(mode: TlsMode, certificates: Certificates) -> None:
    with ScriptedServer(tls=mode, context=certificates.server_context(Certificate.GOOD)) as server:
        deliver_by_smtplib(server.port, mode, certificates.ca_file)
        asyncio.run(deliver_by_aiosmtplib(server.port, mode, certificates.ca_file))

    assert [message.data for message in server.messages] == [MESSAGE] * 2
