"""A real name server on loopback, UDP and TCP, that can be told to change its mind, to fail and to be silent."""

import socket
import socketserver
import struct
import threading
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Final, Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone
from dns.rcode import Rcode

_TTL: Final = 60
_LONGEST_CHAIN: Final = 8


class Silence(Enum):
    SILENCE = "no answer at all"


SILENCE: Final = Silence.SILENCE


class Gibberish(Enum):
    GIBBERISH = "a message that says it holds a record, and ends before it"


GIBBERISH: Final = Gibberish.GIBBERISH

Answer = tuple[str, ...] | Rcode | Silence | Gibberish
"""The record data, an empty tuple for "no such record"; or a failure; or nothing; or nothing that can be read."""


class NameServer:
    """Answers from a zone in master file format and from scripts; follows CNAMEs as a recursive resolver does.

    Args:
        zone: Records of any domains, names absolute with or without the last dot, e.g.
            ``"mail.acme.example. A 192.0.2.1"``; ``$TTL`` is set.
        tcp: Whether anybody listens there.
        cuts_short: Sends everything by TCP only: by UDP, the bit that says so.

    Attributes:
        address: Where it listens, as ``PORTAL_DNS_SERVERS`` and ``DnsResolver`` take it.
        asked: Every question so far, e.g. ``("mail.acme.example", "A", "udp")``.
    """

    def __init__(self, zone: str = "", *, tcp: bool = True, cuts_short: bool = False) -> None:
        self._zone = dns.zone.from_text(
            f"$TTL {_TTL}\n{zone}", origin=dns.name.root, relativize=False, check_origin=False
        )
        self._scripts: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], list[Answer]] = {}
        self._lock = threading.Lock()
        self.asked: list[tuple[str, str, str]] = []
        self._cuts_short = cuts_short
        by_udp, by_tcp = _listen(self)
        self.address: tuple[str, int] = ("127.0.0.1", by_udp.server_address[1])
        self._servers: tuple[socketserver.BaseServer, ...] = (by_udp, by_tcp)
        if not tcp:
            by_tcp.server_close()
            self._servers = (by_udp,)
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True) for server in self._servers
        ]

    def script(self, name: str, rdtype: str, *answers: Answer) -> None:
        """Answer this question with one answer after the other, and from then on with the last."""
        with self._lock:
            self._scripts[dns.name.from_text(name), dns.rdatatype.from_text(rdtype)] = list(answers)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()

    def respond(self, wire: bytes, transport: str) -> bytes | None:
        """The answer to one query; None where the server is silent."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        question = query.question[0]
        self.asked.append((question.name.to_text(omit_final_dot=True), question.rdtype.name, transport))
        answer = self._scripted(question.name, question.rdtype)
        if answer is SILENCE:
            return None
        response = dns.message.make_response(query, recursion_available=True)
        response.flags |= dns.flags.AA
        if answer is GIBBERISH:
            wire = response.to_wire()
            return wire[:6] + b"\0\1" + wire[8:]
        if isinstance(answer, Rcode):
            response.set_rcode(answer)
        elif answer is None:
            self._answer_from_zone(response, question.name, question.rdtype)
        elif answer:
            response.answer.append(dns.rrset.from_text_list(question.name, _TTL, "IN", question.rdtype, answer))
        return _to_wire(response, query, transport, cut_short=self._cuts_short)

    def _scripted(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Answer | None:
        with self._lock:
            answers = self._scripts.get((name, rdtype))
            if not answers:
                return None
            return answers.pop(0) if len(answers) > 1 else answers[0]

    def _answer_from_zone(
        self, response: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType
    ) -> None:
        for _ in range(_LONGEST_CHAIN):
            owner = self._owner(name)
            if owner is None:
                response.set_rcode(dns.rcode.NXDOMAIN)
                return
            records = self._zone.get_rrset(owner, rdtype) or self._zone.get_rrset(owner, dns.rdatatype.CNAME)
            if records is None:
                return
            response.answer.append(dns.rrset.from_rdata_list(name, _TTL, list(records)))
            if records.rdtype == rdtype:
                return
            name = records[0].target

    def _owner(self, name: dns.name.Name) -> dns.name.Name | None:
        """Whose records answer for a name: its own, or those of the wildcard below its closest encloser (RFC 4592)."""
        if self._exists(name):
            return name
        while name != dns.name.root:
            name = name.parent()
            wildcard = dns.name.Name((b"*", *name.labels))
            if self._exists(wildcard):
                return wildcard
            if self._exists(name):
                break
        return None

    def _exists(self, name: dns.name.Name) -> bool:
        """Also without records of its own: "acme.example" exists when "smtp.acme.example" does (RFC 8020)."""
        return any(node.is_subdomain(name) for node in self._zone.nodes)


def _to_wire(response: dns.message.Message, query: dns.message.Message, transport: str, *, cut_short: bool) -> bytes:
    if transport == "tcp":
        return response.to_wire(max_size=65535, want_shuffle=False)
    with suppress(dns.exception.TooBig):
        if not cut_short:
            return response.to_wire(max_size=max(512, query.payload), want_shuffle=False)
    truncated = dns.message.make_response(query, recursion_available=True)
    truncated.flags |= dns.flags.TC
    return truncated.to_wire()


class _UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True
    name_server: NameServer


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    name_server: NameServer


class _UdpQuery(socketserver.BaseRequestHandler):
    server: _UdpServer

    def handle(self) -> None:
        wire, listener = self.request
        answer = self.server.name_server.respond(wire, "udp")
        if answer is not None:
            listener.sendto(answer, self.client_address)


class _TcpQuery(socketserver.StreamRequestHandler):
    server: _TcpServer
    timeout = 5

    def handle(self) -> None:
        """Messages follow one another, each behind its length in two octets (RFC 7766 section 8)."""
        while len(length := self.rfile.read(2)) == 2:
            wire = self.rfile.read(struct.unpack("!H", length)[0])
            answer = self.server.name_server.respond(wire, "tcp")
            if answer is None:
                return
            self.wfile.write(struct.pack("!H", len(answer)) + answer)


def _listen(name_server: NameServer) -> tuple[_UdpServer, _TcpServer]:
    """Both transports on one free port: the port that is free for UDP may be taken for TCP, so try a few."""
    for _ in range(20):
        udp = _UdpServer(("127.0.0.1", 0), _UdpQuery)
        try:
            tcp = _TcpServer(udp.server_address, _TcpQuery)
        except OSError:
            udp.server_close()
            continue
        udp.name_server = tcp.name_server = name_server
        return udp, tcp
    raise OSError("no port is free for both UDP and TCP")


def closed_port() -> tuple[str, int]:
    """An address where no name server is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return "127.0.0.1", port
