"""Which addresses a tenant may make us connect to: the IANA registries as data, and the judgement over them.

``ipaddress.is_global`` is not asked: it changes between Python's versions (3.11 lets 64:ff9b:1::/48, 5f00::/16 and
multicast pass) and knows nothing of the addresses that carry another one inside.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190), column "Globally Reachable", the longest
# prefix deciding: no here, yes and N/A below. What stands nowhere is reachable if it is unicast at all.
_NOT_REACHABLE: Final = (
    IPv4Network("0.0.0.0/8"),  # "this network" (RFC 791); Linux takes 0.0.0.0 for itself
    IPv4Network("10.0.0.0/8"),  # private (RFC 1918)
    IPv4Network("100.64.0.0/10"),  # shared by carriers (RFC 6598); one cloud's metadata at 100.100.100.200
    IPv4Network("127.0.0.0/8"),  # loopback (RFC 1122)
    IPv4Network("169.254.0.0/16"),  # link-local (RFC 3927); most clouds' metadata at 169.254.169.254
    IPv4Network("172.16.0.0/12"),  # private (RFC 1918)
    IPv4Network("192.0.0.0/24"),  # protocol assignments (RFC 6890); one cloud's metadata at 192.0.0.192
    IPv4Network("192.0.2.0/24"),  # documentation (RFC 5737)
    IPv4Network("192.88.99.0/24"),  # former 6to4 relays (RFC 7526), 6a44 relays (RFC 6751)
    IPv4Network("192.168.0.0/16"),  # private (RFC 1918)
    IPv4Network("198.18.0.0/15"),  # benchmarking (RFC 2544)
    IPv4Network("198.51.100.0/24"),  # documentation (RFC 5737)
    IPv4Network("203.0.113.0/24"),  # documentation (RFC 5737)
    IPv4Network("224.0.0.0/4"),  # multicast (RFC 5771)
    IPv4Network("240.0.0.0/4"),  # reserved (RFC 1112), limited broadcast (RFC 919)
    IPv6Network("2001::/23"),  # protocol assignments (RFC 2928): benchmarking, ORCHID, anycast of the kinds below
    IPv6Network("2001:db8::/32"),  # documentation (RFC 3849)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)
# Reachable by the registry, or by no entry in it, and yet answered by something near us that is no mail server.
_NEAR_US: Final = (
    IPv4Network("168.63.129.16/32"),  # one cloud's platform services, at an address of the public space
    IPv4Network("192.31.196.0/24"),  # AS112 (RFC 7535)
    IPv4Network("192.52.193.0/24"),  # AMT relays (RFC 7450)
    IPv4Network("192.175.48.0/24"),  # AS112 (RFC 7534)
    IPv6Network("2620:4f:8000::/48"),  # AS112 (RFC 7534)
)
# Of IPv6, only what the IANA has opened for global unicast (RFC 4291 section 2.4), and NAT64 (RFC 6052).
_NAT64: Final = IPv6Network("64:ff9b::/96")
_UNICAST_V6: Final = (IPv6Network("2000::/3"), _NAT64)

_NAT64_LOCAL: Final = IPv6Network("64:ff9b:1::/48")  # RFC 8215; its users choose any prefix length of RFC 6052 in it
_COMPATIBLE: Final = IPv6Network("::/96")  # RFC 4291 section 2.5.5.1, deprecated
_MAPPED: Final = IPv6Network("::ffff:0:0/96")  # RFC 4291 section 2.5.5.2
_SIIT: Final = IPv6Network("::ffff:0:0:0/96")  # RFC 2765 section 2.1, obsolete
_TEREDO: Final = IPv6Network("2001::/32")  # RFC 4380; "N/A" in the registry: what is inside decides
_6TO4: Final = IPv6Network("2002::/16")  # RFC 3056; the same
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})  # RFC 5214 section 6.1: begins the interface identifier
_UNSPECIFIED_AND_LOOPBACK: Final = (IPv6Address("::"), IPv6Address("::1"))


def may_connect_to(address: Address, allowed_networks: tuple[Network, ...] = ()) -> bool:
    """Whether a tenant's settings may lead us to this address.

    It must be global unicast, and so must every address inside it that a translator or a tunnel would send the
    packets on to. Of translators, those under a prefix that a network took from its own addresses (RFC 6052 section
    2.2) cannot be told from ordinary servers: such a network must keep its translator from leading inside.

    Args:
        address: Where the connection would go.
        allowed_networks: What the operator allows besides (THREATS 4). An allowance holds for the address as it is
            written: 10.0.0.0/8 says nothing of ::ffff:10.0.0.5 or 64:ff9b::a00:5, which take other ways. When the
            operator lists the prefix of such a form, the address inside is judged under the same list.
    """
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    listed = any(address in network for network in allowed_networks)
    inner_rules = allowed_networks if listed else ()
    return (listed or _is_global_unicast(address)) and all(
        may_connect_to(inner, inner_rules) for inner in addresses_inside(address)
    )


def _is_global_unicast(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        if not any(address in network for network in _UNICAST_V6):
            return False
        if address in _TEREDO:
            return True
    return not any(address in network for network in (*_NOT_REACHABLE, *_NEAR_US))


def addresses_inside(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that an IPv6 address carries, by every form it has; none for most."""
    if isinstance(address, IPv4Address):
        return
    value = int(address)
    last_four_octets = IPv4Address(value & 0xFFFF_FFFF)
    if address in _COMPATIBLE and address not in _UNSPECIFIED_AND_LOOPBACK:
        yield last_four_octets
    if any(address in network for network in (_MAPPED, _SIIT, _NAT64)):
        yield last_four_octets
    if address in _NAT64_LOCAL:
        yield from _nat64_readings(value)
    if address in _6TO4:
        yield IPv4Address(value >> 80 & 0xFFFF_FFFF)
    if address in _TEREDO:
        yield IPv4Address(value >> 64 & 0xFFFF_FFFF)  # its server
        yield IPv4Address(~value & 0xFFFF_FFFF)  # its client, complemented (RFC 4380 section 4)
    if value >> 32 & 0xFFFF_FFFF in _ISATAP:
        yield last_four_octets


def _nat64_readings(value: int) -> Iterator[IPv4Address]:
    """What an address means under each prefix length its network may have chosen (RFC 6052 section 2.2).

    Nobody outside can tell which was chosen. Readings in 0.0.0.0/8 come from lengths that were not, and lead nowhere.
    """
    without_u_octet = value >> 64 << 56 | value & 0x00FF_FFFF_FFFF_FFFF
    for prefix_length in (48, 56, 64):
        reading = without_u_octet >> (120 - 32 - prefix_length) & 0xFFFF_FFFF
        if reading >> 24:
            yield IPv4Address(reading)
    if value >> 24 & 0xFF:
        yield IPv4Address(value & 0xFFFF_FFFF)
