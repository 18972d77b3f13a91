"""The demo's name server, asked over real UDP and TCP."""

import contextlib
import socket

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from portal.demo import keys
from portal.demo.dns_zone import DemoZone
from portal.demo.folder import DemoFolder


def ask(port: int, name: str, rdtype: str, *, tcp: bool = False) -> dns.message.Message:
    query = dns.message.make_query(name, rdtype)
    if tcp:
        return dns.query.tcp(query, "127.0.0.1", port=port, timeout=5)
    return dns.query.udp(query, "127.0.0.1", port=port, timeout=5)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize(
    ("name", "rdtype", "records"),
    [
        ("smtp.acme.example", "A", ["127.0.0.1"]),
        ("SMTP.Acme.Example", "A", ["127.0.0.1"]),
        ("mail.platform.example", "A", ["127.0.0.1"]),
        ("acme.example", "MX", ["10 smtp.acme.example."]),
        ("platform.example", "MX", ["10 mail.platform.example."]),
        ("acme.example", "TXT", ['"v=spf1 ip4:127.0.0.1 -all"']),
        ("platform.example", "TXT", ['"v=spf1 ip4:127.0.0.1 -all"']),
        ("_dmarc.acme.example", "TXT", ['"v=DMARC1; p=none; rua=mailto:dmarc@acme.example"']),
        ("_dmarc.platform.example", "TXT", ['"v=DMARC1; p=reject; rua=mailto:dmarc@platform.example"']),
    ],
)
def test_the_demos_names_have_their_records(
    name: str, rdtype: str, records: list[str], *, tcp: bool, name_server: int
) -> None:
    response = ask(name_server, name, rdtype, tcp=tcp)

    assert response.rcode() == dns.rcode.NOERROR
    assert response.flags & dns.flags.AA
    assert [record.to_text() for rrset in response.answer for record in rrset] == records


def test_the_platforms_dkim_key_is_published(name_server: int, folder: DemoFolder) -> None:
    response = ask(name_server, "wp1._domainkey.platform.example", "TXT")

    [record] = response.answer[0]
    assert b"".join(record.strings).decode() == f"v=DKIM1; k=rsa; p={keys.dkim_public_key(folder)}"


@pytest.mark.parametrize(
    ("name", "rdtype", "rcode", "zone"),
    [
        ("smtp.acme.example", "AAAA", "NOERROR", "acme.example."),
        ("_domainkey.platform.example", "TXT", "NOERROR", "platform.example."),
        ("example", "A", "NOERROR", "."),
        ("nobody.acme.example", "A", "NXDOMAIN", "acme.example."),
        ("_dmarc.smtp.acme.example", "TXT", "NXDOMAIN", "acme.example."),
        ("1.0.0.127.in-addr.arpa", "PTR", "NXDOMAIN", "."),
        ("www.wikipedia.org", "A", "NXDOMAIN", "."),
    ],
)
def test_what_is_not_there_is_denied_by_the_zone_above_it(
    name: str, rdtype: str, rcode: str, zone: str, *, name_server: int
) -> None:
    response = ask(name_server, name, rdtype)

    assert dns.rcode.to_text(response.rcode()) == rcode
    assert not response.answer
    [soa] = response.authority
    assert (soa.name.to_text(), soa.rdtype) == (zone, dns.rdatatype.SOA)


def test_an_answer_too_long_for_a_datagram_is_truncated_and_whole_over_tcp() -> None:
    zone = DemoZone("A" * 1500)
    query = dns.message.make_query("wp1._domainkey.platform.example", "TXT").to_wire()

    cut, whole = (zone.answer_wire(query, over_udp=over_udp) for over_udp in (True, False))

    assert cut is not None
    assert len(cut) <= 512
    assert dns.message.from_wire(cut).flags & dns.flags.TC
    assert whole is not None
    [record] = dns.message.from_wire(whole).answer[0]
    assert b"".join(record.strings).decode() == "v=DKIM1; k=rsa; p=" + "A" * 1500


@pytest.mark.parametrize("noise", [b"", b"\x00", b"\xff" * 12, b"not a query at all", bytes(600)])
def test_noise_is_not_answered_and_does_no_harm(noise: bytes, name_server: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        client.sendto(noise, ("127.0.0.1", name_server))
        with contextlib.suppress(TimeoutError):
            client.recv(512)
    with socket.create_connection(("127.0.0.1", name_server), timeout=5) as stream:
        stream.sendall(len(noise).to_bytes(2) + noise)

    assert ask(name_server, "smtp.acme.example", "A").answer
