"""Where a request comes from, and how much of that limits and lists go by."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

_ONE_SITE: Final = 64
"""The bits of an IPv6 address that are one customer's: who has one address of the rest has all of them."""


@dataclass(frozen=True, slots=True)
class KnownBrowser:
    """A browser in which somebody has proven who they are before.

    Attributes:
        user_id: Who that was.
        name: Random, this browser's own.
    """

    user_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser that wants something.

    Attributes:
        network: Its address in text, or None where that is not known.
        user_agent: What it says it is.
        known: What it can prove of itself.
    """

    network: str | None
    user_agent: str = ""
    known: KnownBrowser | None = None


def network_of(address: str | None) -> str:
    """The network that tries from an address are counted for: an IPv4 address, the first 64 bits of an IPv6 one."""
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if isinstance(found, IPv4Address):
        return str(found)
    return f"{IPv6Address(int(found) >> (128 - _ONE_SITE) << (128 - _ONE_SITE))}/{_ONE_SITE}"
