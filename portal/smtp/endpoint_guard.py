"""Where may a tenant make us connect? The one place that says (THREATS 1 to 4).

A host that a tenant types is an address *we* connect to, from inside our network. It is judged when it is connected to
and not when it is saved, because names change their addresses (DNS rebinding); and the caller connects to the
addresses returned here, never to the name again.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, Protocol

from portal.domain.mail.host_names import HostError, LookupFailed, NoSuchHost, parse_host
from portal.domain.routing.address_rules import may_connect_to
from portal.domain.routing.smtp_route import Endpoint

__all__ = [
    "AddressResolver",
    "ForbiddenDestination",
    "GuardRules",
    "LookupFailed",
    "NoSuchHost",
    "judged_addresses",
]

SUBMISSION_PORTS: Final = frozenset({25, 465, 587, 2465, 2525, 2587})
"""Where mail servers take mail, the alternatives of the large providers included."""


class AddressResolver(Protocol):
    async def addresses(
        self,
        host: str,
        *,
        timeout: float,  # noqa: ASYNC109 - a resolver divides it between tries
    ) -> tuple[IPv4Address | IPv6Address, ...]:
        """All addresses of a name, in the order to try them; at least one.

        Args:
            host: A name as ``parse_host`` returns it, never an address.
            timeout: Seconds for everything.

        Raises:
            NoSuchHost: The name does not exist or has no address.
            LookupFailed: There was no usable answer.
        """
        ...


@dataclass(frozen=True)
class GuardRules:
    """What the operator allows tenants.

    Attributes:
        allowed_networks: Reachable besides the public internet, e.g. an internal relay's. They hold for addresses as
            written, not for other forms that carry them (``may_connect_to``).
        allowed_ports: The only ports tenants reach, on allowed networks too.
    """

    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    allowed_ports: frozenset[int] = SUBMISSION_PORTS


class ForbiddenDestination(Exception):  # noqa: N818 - names what was asked for; it is no fault of the program
    """The guard refused, and no packet has left.

    One text for every cause: whether a name resolved to an inside address, or which, is nothing a tenant should learn.
    """

    def __init__(self) -> None:
        super().__init__("This destination is not allowed.")


async def judged_addresses(
    endpoint: Endpoint,
    rules: GuardRules,
    resolver: AddressResolver,
    *,
    timeout: float,  # noqa: ASYNC109 - handed to the resolver, which divides it between its tries
) -> tuple[IPv4Address | IPv6Address, ...]:
    """The addresses that may be connected to, each judged.

    Args:
        endpoint: What the tenant configured.
        rules: What the operator allows.
        resolver: Asked once, and only when the host is a name.
        timeout: Seconds for the look-up.

    Returns:
        At least one address, none twice, in the resolver's order. A literal gives itself.

    Raises:
        ForbiddenDestination: The port is not allowed, the host is not written as it should be, or *any* of the name's
            addresses is not allowed: a name with one inside address is not a mail server that happens to have another.
        NoSuchHost, LookupFailed: From the resolver.
    """
    if endpoint.port not in rules.allowed_ports or not _is_well_written(endpoint.host):
        raise ForbiddenDestination
    literal = _literal(endpoint.host)
    found = (literal,) if literal else tuple(dict.fromkeys(await resolver.addresses(endpoint.host, timeout=timeout)))
    if not all(may_connect_to(address, rules.allowed_networks) for address in found):
        raise ForbiddenDestination
    return found


def _is_well_written(host: str) -> bool:
    try:
        return parse_host(host) == host
    except HostError:
        return False


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
