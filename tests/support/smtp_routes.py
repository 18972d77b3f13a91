"""Routes to test servers, and what a client needs to take them."""

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from portal.domain.ids import TenantId
from portal.domain.mail.sender_identity import SenderIdentity
from portal.domain.routing.dkim_policy import SigningChoice
from portal.domain.routing.smtp_route import AuthChoice, Credentials, Endpoint, SmtpRoute, TlsMode, Via
from portal.domain.secret import Secret
from portal.smtp.client_options import ClientOptions
from portal.smtp.deadlines import StageLimits
from portal.smtp.endpoint_guard import GuardRules
from portal.smtp.envelope import Envelope
from tests.support.scripted_smtp import PASSWORD, USERNAME

SENDER = SenderIdentity("noreply@acme.example", "Acme", None, "bounces@acme.example")
MESSAGE = b"Subject: hello\r\n\r\nfirst\r\n.second begins with a dot\r\n..third with two\r\n"
ENVELOPE = Envelope("bounces@acme.example", "ada@dest.example", MESSAGE)


def message_of(size: int) -> Envelope:
    """About so many bytes."""
    line = b"x" * 70 + b"\r\n"
    return replace(ENVELOPE, data=b"Subject: hello\r\n\r\n" + line * (size // len(line)))


@dataclass(frozen=True)
class Hosts:
    """A resolver that knows what it is told."""

    known: dict[str, tuple[IPv4Address | IPv6Address, ...]]

    async def addresses(self, host: str, *, timeout: float) -> tuple[IPv4Address | IPv6Address, ...]:  # noqa: ARG002, ASYNC109 - the protocol's signature
        return self.known[host]


def route_to(
    port: int,
    *,
    tls: TlsMode = TlsMode.NONE,
    host: str = "localhost",
    username: str = USERNAME,
    password: str | None = PASSWORD,
    auth: AuthChoice = AuthChoice.AUTO,
    guarded: bool = False,
    tenant: str = "acme",
    version: int = 1,
) -> SmtpRoute:
    """A tenant's route to a server on this machine; without credentials when there is no TLS to protect them."""
    credentials = Credentials(username, Secret(password)) if password and tls is not TlsMode.NONE else None
    return SmtpRoute(
        via=Via.TENANT,
        tenant_id=TenantId(tenant),
        version=version,
        endpoint=Endpoint(host, port, tls),
        credentials=credentials,
        auth=auth,
        ehlo_name="portal.platform.example",
        identity=SENDER,
        signing=SigningChoice.OWN_SERVER,
        guarded=guarded,
    )


def client_options(
    *ports: int, ca_file: str | None = None, limits: StageLimits | None = None, allow_clear_text: bool = True
) -> ClientOptions:
    """Options under which guarded routes may reach the loopback on these ports, also as ``smtp.acme.example``."""
    return ClientOptions(
        resolver=Hosts({"smtp.acme.example": (IPv4Address("127.0.0.1"),)}),
        rules=GuardRules(allowed_networks=(IPv4Network("127.0.0.0/8"),), allowed_ports=frozenset(ports)),
        limits=limits or StageLimits(),
        ca_file=ca_file,
        allow_clear_text=allow_clear_text,
    )
