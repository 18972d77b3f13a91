from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest

from portal.domain.routing.address_rules import addresses_inside, may_connect_to

# A block nobody may reach, and the addresses just outside it that everybody may.
BLOCKS = [
    ("0.0.0.0/8", None, "1.0.0.0"),
    ("10.0.0.0/8", "9.255.255.255", "11.0.0.0"),
    ("100.64.0.0/10", "100.63.255.255", "100.128.0.0"),
    ("127.0.0.0/8", "126.255.255.255", "128.0.0.0"),
    ("168.63.129.16/32", "168.63.129.15", "168.63.129.17"),
    ("169.254.0.0/16", "169.253.255.255", "169.255.0.0"),
    ("172.16.0.0/12", "172.15.255.255", "172.32.0.0"),
    ("192.0.0.0/24", "191.255.255.255", "192.0.1.0"),
    ("192.0.2.0/24", "192.0.1.255", "192.0.3.0"),
    ("192.31.196.0/24", "192.31.195.255", "192.31.197.0"),
    ("192.52.193.0/24", "192.52.192.255", "192.52.194.0"),
    ("192.88.99.0/24", "192.88.98.255", "192.88.100.0"),
    ("192.168.0.0/16", "192.167.255.255", "192.169.0.0"),
    ("192.175.48.0/24", "192.175.47.255", "192.175.49.0"),
    ("198.18.0.0/15", "198.17.255.255", "198.20.0.0"),
    ("198.51.100.0/24", "198.51.99.255", "198.51.101.0"),
    ("203.0.113.0/24", "203.0.112.255", "203.0.114.0"),
    ("224.0.0.0/4", "223.255.255.255", None),
    ("240.0.0.0/4", None, None),
    ("::/3", None, "2000::"),
    ("100::/64", None, None),
    ("100:0:0:1::/64", None, None),
    ("2001:0:ffff::/48", None, None),
    ("2001:2::/48", None, None),
    ("2001:20::/28", None, None),
    ("2001:1ff::/32", None, "2001:200::"),
    ("2001:db8::/32", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"),
    ("2620:4f:8000::/48", "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", "2620:4f:8001::"),
    ("3fff::/20", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"),
    ("4000::/2", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
    ("5f00::/16", None, None),
    ("8000::/1", None, None),
    ("fc00::/7", None, None),
    ("fe80::/10", None, None),
    ("fec0::/10", None, None),
    ("ff00::/8", None, None),
]

CARRIERS = [
    ("::7f00:1", ["127.0.0.1"]),  # compatible
    ("::ffff:a00:1", ["10.0.0.1"]),  # mapped
    ("::ffff:0:a00:1", ["10.0.0.1"]),  # SIIT
    ("64:ff9b::a00:1", ["10.0.0.1"]),  # NAT64
    ("64:ff9b:1::a00:1", ["10.0.0.1"]),  # local NAT64 by /96, and below by /48, /56 and /64
    ("64:ff9b:1:a01:2:300::", ["10.1.2.3", "1.2.3.0", "2.3.0.0"]),
    ("64:ff9b:1:a:1:203::", ["10.1.2.3", "1.2.3.0"]),
    ("64:ff9b:1:0:a:102:300:0", ["10.1.2.3", "3.0.0.0"]),
    ("2002:a00:1::", ["10.0.0.1"]),  # 6to4
    ("2001:0:a00:1::f5ff:fffd", ["10.0.0.1", "10.0.0.2"]),  # Teredo: server and client
    ("2a00::5efe:a00:1", ["10.0.0.1"]),  # ISATAP, and the same with the universal bit set
    ("2a00::200:5efe:a00:1", ["10.0.0.1"]),
    ("2a00::a00:1", []),  # ordinary
    ("::", []),
    ("::1", []),
    ("10.0.0.1", []),
]


@pytest.mark.parametrize(("block", "below", "above"), BLOCKS)
def test_a_special_block_is_refused_to_its_edges(block: str, below: str | None, above: str | None) -> None:
    network = ip_network(block)

    assert not may_connect_to(network[0])
    assert not may_connect_to(network[-1])
    assert all(may_connect_to(ip_address(outside)) for outside in (below, above) if outside)


@pytest.mark.parametrize(("carrier", "inside"), CARRIERS)
def test_what_an_address_carries_is_found(carrier: str, inside: list[str]) -> None:
    assert [str(address) for address in addresses_inside(ip_address(carrier))] == inside


@pytest.mark.parametrize(
    "carrier",
    [
        "64:ff9b::808:808",  # so an IPv6-only network of ours reaches every IPv4 server
        "2002:808:808::1",
        "2001:0:808:808::f7f7:f7f7",
        "2a00::5efe:808:808",
    ],
)
def test_a_carrier_of_public_addresses_is_public(carrier: str) -> None:
    assert may_connect_to(ip_address(carrier))


@pytest.mark.parametrize(
    "carrier",
    [
        "64:ff9b::7f00:1",
        "2002:a9fe:a9fe::1",
        "2001:0:808:808::80ff:fffe",  # the client is 127.0.0.1
        "2001:0:7f00:1::f7f7:f7f7",  # the server is
        "2a00::5efe:c0a8:1",
        "2a00::200:5efe:c0a8:1",
    ],
)
def test_a_carrier_of_an_inside_address_is_refused(carrier: str) -> None:
    assert not may_connect_to(ip_address(carrier))


@pytest.mark.parametrize("carrier", ["::ffff:808:808", "::808:808", "::ffff:0:808:808", "64:ff9b:1::808:808"])
def test_a_carrier_outside_global_unicast_is_refused_whatever_it_carries(carrier: str) -> None:
    assert not may_connect_to(ip_address(carrier))


TEN = IPv4Network("10.0.0.0/8")
LOOPBACK = IPv4Network("127.0.0.0/8")
LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
MAPPED = IPv6Network("::ffff:0:0/96")
LINK_LOCAL = IPv6Network("fe80::/10")

Networks = tuple[IPv4Network | IPv6Network, ...]


@pytest.mark.parametrize(
    ("address", "networks"),
    [
        ("10.1.2.3", (TEN,)),
        ("8.8.8.8", (TEN,)),
        ("::1", (IPv6Network("::1/128"),)),
        ("fd00::25", (IPv6Network("fd00::/8"),)),
        ("fe80::1", (LINK_LOCAL,)),
        ("::ffff:a01:203", (MAPPED, TEN)),
        ("64:ff9b:1::808:808", (LOCAL_NAT64,)),
        ("64:ff9b:1:808:8:800::", (LOCAL_NAT64,)),
        ("64:ff9b:1:a01:2:300::", (LOCAL_NAT64, IPv4Network("0.0.0.0/0"))),
    ],
)
def test_an_operators_network_is_reachable_besides_the_public_ones(address: str, networks: Networks) -> None:
    assert may_connect_to(ip_address(address), networks)


@pytest.mark.parametrize(
    ("address", "networks"),
    [
        ("192.168.0.1", (TEN,)),
        ("::1", (LOOPBACK,)),
        ("::ffff:a01:203", (TEN,)),
        ("64:ff9b::a01:203", (TEN,)),
        ("2002:a01:203::", (TEN,)),
        ("::ffff:a01:203", (MAPPED,)),
        ("64:ff9b:1::a01:203", (LOCAL_NAT64,)),
        ("64:ff9b:1:a01:2:300::", (LOCAL_NAT64,)),
        ("64:ff9b:1:7f01:2:300::", (LOCAL_NAT64, TEN)),
        ("fe80::1%eth0", (LINK_LOCAL,)),
    ],
)
def test_an_operators_network_says_nothing_of_other_ways_to_the_same_address(address: str, networks: Networks) -> None:
    assert not may_connect_to(ip_address(address), networks)
