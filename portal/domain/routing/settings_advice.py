"""What is worth a word about settings while they are typed. Nothing is refused because of it: odd servers exist.

The connection test proves what these sentences only expect.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple

import idna

from portal.domain.mail.addresses import AddressError, domain_of, needs_smtputf8, parse_address
from portal.domain.mail.host_names import HostError, parse_host
from portal.domain.routing.mailbox_providers import is_server_of, mailbox_provider_of
from portal.domain.routing.provider_preset import REGION
from portal.domain.routing.provider_presets import preset_at, with_example_region
from portal.domain.routing.smtp_route import Endpoint, TlsMode
from portal.domain.routing.submission_ports import USUAL_SECURITY, is_unusual, port_for

_MODES: Final = {TlsMode.STARTTLS: "STARTTLS", TlsMode.IMPLICIT: "SSL/TLS"}
_PROOF: Final = "Should your server be an exception, the test will show it."


class Weight(StrEnum):
    """How much a sentence should be seen."""

    WARNING = "warning"  # mail will probably not arrive
    HINT = "hint"


class Advice(NamedTuple):
    """A sentence at a field, named as in CONTRACT."""

    field: str
    weight: Weight
    sentence: str


@dataclass(frozen=True, slots=True)
class TypedSettings:
    """What stands in the fields, as far as it can be read; empty or None where it cannot.

    Attributes:
        lacks_region: Whether a preset's host still waits for the account's region.
    """

    host: str
    port: int | None
    security: TlsMode | None
    username: str
    from_address: str
    lacks_region: bool = False

    FIELDS: ClassVar = ("host", "port", "security", "username", "from_address")

    @classmethod
    def of(cls, *, host: str, port: str, security: str, username: str, from_address: str) -> "TypedSettings":
        return cls(
            _host_in(with_example_region(host.strip())),
            int(port) if port.isascii() and port.isdigit() and len(port) < 6 else None,
            TlsMode(security) if security in tuple(TlsMode) else None,
            username,
            _address_in(from_address),
            REGION in host,
        )


def advice_on(typed: TypedSettings) -> tuple[Advice, ...]:
    """All there is to say, in the order of the fields."""
    return (*_on_host(typed), *_on_port(typed), *_on_username(typed), *_on_sender(typed))


def _on_host(typed: TypedSettings) -> Iterator[Advice]:
    if typed.lacks_region:
        provider = preset_at(typed.host)
        example = f", for example {provider.region_example}" if provider else ""
        yield Advice("host", Weight.WARNING, f"Put the region of your account where {REGION} stands{example}.")
    if written := _in_its_own_script(typed.host):
        yield Advice("host", Weight.HINT, f"{written} is called {typed.host} on the network.")


def _on_port(typed: TypedSettings) -> Iterator[Advice]:
    port, security = typed.port, typed.security
    if port is None or security is None:
        return
    if port == 25:
        yield Advice(
            "port",
            Weight.WARNING,
            "Port 25 is usually for servers talking to each other, and many networks block it. "
            "587 is the port for handing mail in.",
        )
    provider = preset_at(typed.host)
    if provider and security is not TlsMode.NONE and not provider.speaks(Endpoint(typed.host, port, security)):
        yield Advice("security", Weight.WARNING, f"{provider.ports} {_PROOF}")
    elif provider is None and is_unusual(port, security):
        usual = USUAL_SECURITY[port]
        yield Advice(
            "security",
            Weight.WARNING,
            f"On port {port} servers usually speak {_MODES[usual]}. Choose {_MODES[usual]}, or keep {_MODES[security]} "
            f"and use port {port_for(security, instead_of=port)}. {_PROOF}",
        )


def _on_username(typed: TypedSettings) -> Iterator[Advice]:
    provider = preset_at(typed.host)
    if provider and provider.only_username and typed.username not in ("", provider.only_username):
        yield Advice("username", Weight.WARNING, f"{provider.name} will refuse this: type {provider.only_username}.")


def _on_sender(typed: TypedSettings) -> Iterator[Advice]:
    if not typed.from_address:
        return
    domain = domain_of(typed.from_address)
    mailbox = mailbox_provider_of(domain)
    if mailbox and typed.host and is_server_of(mailbox, typed.host):
        yield Advice(
            "from_address",
            Weight.HINT,
            f"{mailbox.name} sends only in the account's own name: any other From is rewritten or refused. It is made "
            "for people and limits how much a program may send; for notifications an address of your own domain is "
            "better.",
        )
    elif mailbox:
        yield Advice(
            "from_address",
            Weight.WARNING,
            f"Mail from this address will mostly not arrive: receivers expect mail from {domain} to come from "
            f"{mailbox.name}'s own servers (DMARC), and reject the rest or file it as spam. Use an address of your own "
            "domain that your provider has verified.",
        )
    if written := _in_its_own_script(domain):
        yield Advice("from_address", Weight.HINT, f"{written} is called {domain} on the network.")
    if needs_smtputf8(typed.from_address):
        yield Advice(
            "from_address",
            Weight.WARNING,
            "Letters beyond a to z before the @ need SMTPUTF8, which some servers and many receivers lack.",
        )


def _host_in(text: str) -> str:
    try:
        return parse_host(text.strip())
    except HostError:
        return ""


def _address_in(text: str) -> str:
    try:
        return parse_address(text.strip())
    except AddressError:
        return ""


def _in_its_own_script(name: str) -> str:
    """A name with A-labels as people write it; empty for one that has none."""
    return str(idna.decode(name)) if "xn--" in name else ""
