"""The demo's name server: ``.example`` resolves nowhere, so the demo brings its own part of it."""

import asyncio
from typing import Final, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from portal.demo import keys
from portal.demo.child import stop_on_signals
from portal.demo.folder import DemoFolder
from portal.demo.hosts import ACME, LOOPBACK, PLATFORM, PLATFORM_SELECTOR
from portal.demo.ports import DemoPorts

_TCP_IDLE_SECONDS: Final = 5.0
_TTL_SECONDS: Final = 300
_STRING_LENGTH: Final = 255  # octets in one string of a TXT record (RFC 1035 section 3.3.14)

# Name, type, record. The last zone is the root: what the others do not know does not exist, for a minute at a time.
_RECORDS: Final = """\
{acme}.            SOA  ns.{platform}. hostmaster.{acme}. 1 3600 600 86400 60
{acme}.            NS   ns.{platform}.
{acme}.            MX   10 {acme_host}.
{acme}.            TXT  "v=spf1 ip4:{address} -all"
_dmarc.{acme}.     TXT  "v=DMARC1; p=none; rua=mailto:dmarc@{acme}"
{acme_host}.       A    {address}
{platform}.        SOA  ns.{platform}. hostmaster.{platform}. 1 3600 600 86400 60
{platform}.        NS   ns.{platform}.
{platform}.        MX   10 {platform_host}.
{platform}.        TXT  "v=spf1 ip4:{address} -all"
_dmarc.{platform}. TXT  "v=DMARC1; p=reject; rua=mailto:dmarc@{platform}"
{selector}._domainkey.{platform}. TXT {dkim}
{platform_host}.   A    {address}
ns.{platform}.     A    {address}
.                  SOA  ns.{platform}. hostmaster.{platform}. 1 3600 600 86400 60
"""


class DemoZone:
    """Answers from a fixed set of records, as a server that has authority over all of DNS would."""

    def __init__(self, dkim_public_key: str) -> None:
        """Take the platform's public key as base64, as in the ``p=`` tag of RFC 6376 section 3.6.1."""
        record = f"v=DKIM1; k=rsa; p={dkim_public_key}"
        strings = [record[start : start + _STRING_LENGTH] for start in range(0, len(record), _STRING_LENGTH)]
        text = _RECORDS.format(
            acme=ACME.domain,
            acme_host=ACME.name,
            platform=PLATFORM.domain,
            platform_host=PLATFORM.name,
            selector=PLATFORM_SELECTOR,
            address=LOOPBACK,
            dkim=" ".join(f'"{string}"' for string in strings),
        )
        rrsets = (
            dns.rrset.from_text(name, _TTL_SECONDS, dns.rdataclass.IN, rdtype, record)
            for name, rdtype, record in (line.split(maxsplit=2) for line in text.splitlines())
        )
        self._rrsets = {(rrset.name, rrset.rdtype): rrset for rrset in rrsets}
        self._names = {name for name, _ in self._rrsets}

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """Answer one query: the records, or no record, or no such name; the last two with a SOA (RFC 2308)."""
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        if query.opcode() != dns.opcode.QUERY:
            response.set_rcode(dns.rcode.NOTIMP)
            return response
        if len(query.question) != 1 or query.question[0].rdclass != dns.rdataclass.IN:
            response.set_rcode(dns.rcode.REFUSED)
            return response
        asked = query.question[0]
        found = self._rrsets.get((asked.name, asked.rdtype))
        if found is not None:
            response.answer.append(found)
            return response
        response.authority.append(self._soa_above(asked.name))
        # A name with something below it exists, though it has no record of its own (RFC 8020).
        if not any(name.is_subdomain(asked.name) for name in self._names):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response

    def answer_wire(self, wire: bytes, *, over_udp: bool) -> bytes | None:
        """Answer a query as it came from the network; None when it cannot be read as a query at all."""
        try:
            query = dns.message.from_wire(wire)
            if query.flags & dns.flags.QR:
                return None
            response = self.answer(query)
            # Without EDNS a datagram holds 512 octets (RFC 1035 section 4.2.1); the rest is asked for over TCP.
            return response.to_wire(max_size=max(query.payload, 512) if over_udp else 65535, prefer_truncation=over_udp)
        except (dns.exception.DNSException, ValueError):
            return None

    def _soa_above(self, name: dns.name.Name) -> dns.rrset.RRset:
        while (soa := self._rrsets.get((name, dns.rdatatype.SOA))) is None:
            name = name.parent()
        return soa


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, zone: DemoZone) -> None:
        self._zone = zone
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Before Python 3.12 the loop's own datagram transport does not inherit from DatagramTransport.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        response = self._zone.answer_wire(data, over_udp=True)
        if response is not None and self._transport is not None:
            self._transport.sendto(response, addr)


async def _answer_stream(zone: DemoZone, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the queries of one TCP connection, each with its length before it (RFC 1035 section 4.2.2)."""
    try:
        while True:
            async with asyncio.timeout(_TCP_IDLE_SECONDS):
                length = int.from_bytes(await reader.readexactly(2))
                response = zone.answer_wire(await reader.readexactly(length), over_udp=False)
                if response is None:
                    return
                writer.write(len(response).to_bytes(2) + response)
                await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
        return
    finally:
        writer.close()


async def serve(zone: DemoZone, port: int, stop: asyncio.Event) -> None:
    """Answer on UDP and TCP until ``stop``.

    Raises:
        OSError: The port is taken.
    """
    loop = asyncio.get_running_loop()
    datagrams, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(zone), (LOOPBACK, port))
    try:
        streams = await asyncio.start_server(lambda r, w: _answer_stream(zone, r, w), LOOPBACK, port)
        async with streams:
            await stop.wait()
    finally:
        datagrams.close()


async def main() -> None:
    folder = DemoFolder.of_this_installation()
    zone = DemoZone(keys.dkim_public_key(folder))
    await serve(zone, DemoPorts.read(folder.ports).dns, stop_on_signals())


if __name__ == "__main__":
    asyncio.run(main())
