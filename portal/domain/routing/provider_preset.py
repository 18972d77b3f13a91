"""What is known of one mail provider: its servers and what goes into which field of the form.

A preset fills in and hints. It never holds a secret, and nothing is refused because of it: providers change.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from portal.domain.routing.provider_hosts import is_at
from portal.domain.routing.smtp_route import Endpoint, TlsMode

REGION: Final = "{region}"
"""Stands in a preset's host where the name of the account's region belongs."""


class UsernameKind(StrEnum):
    """What a provider takes as username."""

    LITERAL = "literal"  # one word, the same for all customers
    ADDRESS = "address"  # the mailbox's full address
    LOGIN = "login"  # a name the provider's pages show
    KEY = "key"  # a key that is a secret as well
    FREE = "free"  # anything


@dataclass(frozen=True, slots=True)
class Service:
    """A port and what is spoken on it."""

    port: int
    security: TlsMode


@dataclass(frozen=True, slots=True)
class FieldHints:
    """What goes into the fields for username and password, and which From addresses are accepted: whole sentences."""

    username: str
    password: str
    sender: str


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How many messages the provider takes from every account, whatever its plan; None where that is not known."""

    per_second: int | None = None
    per_minute: int | None = None
    per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Sunset:
    """Something the provider ends.

    Attributes:
        on: From when on.
        sentence: What ends and what to do.
    """

    on: date
    sentence: str


@dataclass(frozen=True, slots=True)
class ProviderPreset:
    """One provider, or one of its regions where those have names of their own.

    Attributes:
        id: How a URL names it.
        name: How sentences name it.
        hosts: Domains of its servers; see ``provider_hosts``.
        host: What goes into the host field; may hold ``REGION``.
        services: The first is the one to recommend.
        dashboard_url: Where the provider shows what became of a message.
        doc_url: The provider's page about its SMTP servers.
        verified_on: When these facts were last looked at.
        variant: What sets it apart from another preset of that name.
        region_example: A region, where the host has one.
        username_kind: What the username is.
        username_value: What the preset puts into the username field; empty for nothing.
        limits: What is known of its limits, as a sentence.
        rates: Limits that hold for every account.
        caveats: What surprises people there, each a sentence.
        sunset: What ends there.
    """

    id: str
    name: str
    hosts: tuple[str, ...]
    host: str
    services: tuple[Service, ...]
    hints: FieldHints
    dashboard_url: str
    doc_url: str
    verified_on: date
    variant: str = ""
    region_example: str = ""
    username_kind: UsernameKind = UsernameKind.LOGIN
    username_value: str = ""
    limits: str = ""
    rates: RateLimits = RateLimits()
    caveats: tuple[str, ...] = ()
    sunset: Sunset | None = None

    @property
    def label(self) -> str:
        """How a list of providers names it."""
        return f"{self.name} ({self.variant})" if self.variant else self.name

    @property
    def only_username(self) -> str | None:
        """The one username it takes, where that is the same for all customers."""
        return self.username_value if self.username_kind is UsernameKind.LITERAL else None

    @property
    def recommended(self) -> Service:
        return self.services[0]

    @property
    def starttls_ports(self) -> tuple[int, ...]:
        """The first is the one to recommend."""
        return self._ports_with(TlsMode.STARTTLS)

    @property
    def ports(self) -> str:
        """What it speaks where, as a sentence."""
        modes = ((TlsMode.STARTTLS, "STARTTLS"), (TlsMode.IMPLICIT, "SSL/TLS"))
        doors = (f"port {_listed(ports)} with {word}" for mode, word in modes if (ports := self._ports_with(mode)))
        return f"{self.name} uses {' and '.join(doors)}."

    def is_at(self, host: str) -> bool:
        return is_at(host, self.hosts)

    def speaks(self, endpoint: Endpoint) -> bool:
        """Whether it serves this port in this mode."""
        return Service(endpoint.port, endpoint.tls) in self.services

    def _ports_with(self, mode: TlsMode) -> tuple[int, ...]:
        return tuple(service.port for service in self.services if service.security is mode)


def starttls(*ports: int) -> tuple[Service, ...]:
    return tuple(Service(port, TlsMode.STARTTLS) for port in ports)


def implicit_tls(*ports: int) -> tuple[Service, ...]:
    return tuple(Service(port, TlsMode.IMPLICIT) for port in ports)


def _listed(ports: tuple[int, ...]) -> str:
    *first, last = map(str, ports)
    return f"{', '.join(first)} or {last}" if first else last
