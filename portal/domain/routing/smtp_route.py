"""A way out for a message: a server, how to speak to it, and who the message is from on that way."""

from dataclasses import dataclass, field
from enum import StrEnum

from portal.domain.ids import TenantId
from portal.domain.mail.sender_identity import SenderIdentity
from portal.domain.routing.dkim_policy import SigningChoice
from portal.domain.secret import Secret


class TlsMode(StrEnum):
    """How the connection is encrypted. One choice, so "SSL and STARTTLS" cannot be said."""

    STARTTLS = "starttls"  # required, never opportunistic (RFC 3207)
    IMPLICIT = "tls"  # TLS from the first byte; "SSL" in most admin panels (RFC 8314)
    NONE = "none"  # clear text; credentials are refused

    @property
    def usual_port(self) -> int:
        """The submission port of this mode (RFC 8314 section 3.3, RFC 6409)."""
        return 465 if self is TlsMode.IMPLICIT else 587


class AuthChoice(StrEnum):
    """Which SASL mechanism to sign in with. One attempt is made, never a second with another mechanism."""

    AUTO = "auto"  # PLAIN where offered, else LOGIN
    PLAIN = "plain"  # RFC 4616
    LOGIN = "login"  # never standardised, and some servers offer nothing else
    NONE = "none"  # no sign-in, even when the server offers one


class Via(StrEnum):
    """Whose server carries a message, in whose name. The values are promises (CONTRACT: message)."""

    TENANT = "tenant"  # the tenant's own server
    DOMAIN = "domain"  # the tenant's own domain, through the platform's server
    PLATFORM = "platform"  # the platform's server and address


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server to connect to. ``host`` is lower-case and IDNA-encoded or an IP literal, ``port`` 1-65535."""

    host: str
    port: int
    tls: TlsMode

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What to sign in with. Two routes with equal credentials may still not share connections."""

    username: str
    password: Secret


class PoolKey(tuple[object, ...]):  # noqa: SLOT001 - it keeps its hash, and a tuple has no room of its own
    """What one connection may be used for; it is looked up several times a message, and hashed once."""

    def __hash__(self) -> int:
        known: int | None = self.__dict__.get("hash")
        if known is None:
            known = self.__dict__["hash"] = super().__hash__()
        return known


@dataclass(frozen=True, slots=True)
class SmtpRoute:
    """Everything an attempt needs to know of its way.

    Attributes:
        via: Whose way it is.
        tenant_id: The tenant whose version this is; None for the platform's own route, which all share.
        version: The number of the email settings version; 0 for the platform's own route.
        guarded: Whether a tenant typed the host, so that the address guard must judge it.
    """

    via: Via
    tenant_id: TenantId | None
    version: int
    endpoint: Endpoint
    credentials: Credentials | None
    auth: AuthChoice
    ehlo_name: str
    identity: SenderIdentity
    signing: SigningChoice
    guarded: bool
    pool_key: "PoolKey" = field(init=False, repr=False, compare=False)
    """Connections are shared within this key and never across it (THREATS 17)."""

    def __post_init__(self) -> None:
        key = PoolKey((self.tenant_id, self.version, self.endpoint, self.ehlo_name, self.credentials, self.guarded))
        object.__setattr__(self, "pool_key", key)

    @property
    def key(self) -> str:
        """How the database names it: one breaker, one pace and one set of slots for all workers."""
        return route_key(self.tenant_id, self.version)

    @property
    def name(self) -> str:
        """How records name the route: ``tenant v3`` or ``platform``."""
        return f"{self.via} v{self.version}" if self.version else str(self.via)


def route_key(tenant_id: TenantId | None, version: int) -> str:
    """``SmtpRoute.key`` of a route that is not at hand."""
    return "platform" if tenant_id is None else f"{tenant_id}:{version}"
