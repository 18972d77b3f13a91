"""One connection to the sink: TLS over memory buffers, and replies that leave a round trip late.

The far end of a line of ``rtt`` seconds is emulated on this side alone: whatever answers bytes leaves ``rtt`` after
they came, so replies to one flight leave together. TCP's own handshake, which the kernel has done by then, is added to
the first reply.
"""

import asyncio
import ssl
import time
from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

from bench.ledger import Arrival, Ledger
from bench.sink_session import Features, Session

_READ_BYTES: Final = 32 * 1024


@dataclass(slots=True)
class Behaviour:
    """How all connections of a sink behave; what is changed holds from the next flight on.

    Attributes:
        rtt: The emulated round trip in seconds.
        hold: Seconds more that the 250 to a content is kept back.
        black_holes: Ports where connections are accepted and nothing is said any more, on open ones neither.
    """

    features: Features
    context: ssl.SSLContext
    ledger: Ledger
    rtt: float = 0.0
    hold: float = 0.0
    black_holes: frozenset[int] = frozenset()


class _Departure(NamedTuple):
    octets: bytes
    answers: list[Arrival]
    closes: bool


class Connection(asyncio.Protocol):
    """Accepts, listens, answers late."""

    def __init__(self, behaviour: Behaviour, port: int) -> None:
        self._behaviour = behaviour
        self._port = port
        self._session = Session(behaviour.features, behaviour.ledger, is_encrypted=False)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._has_shaken_hands = False
        self._has_answered = True  # since bytes last came: the next ones begin a flight
        self._tcp_round_trip = behaviour.rtt
        self._departures: deque[_Departure] = deque()
        self._last_departure = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream is expected")
        self._transport = transport
        # asyncio takes 256 KiB for each read of each connection; this attribute is its own way to say otherwise.
        setattr(transport, "max_size", _READ_BYTES)  # noqa: B010 - it is not in the types
        self._behaviour.ledger.connections += 1
        if self._port in self._behaviour.black_holes:
            return
        if self._behaviour.features.implicit_tls:
            self._begin_tls()
        else:
            self._answer(self._session.greeting())

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if self._port in self._behaviour.black_holes:
            return  # a server that was well when the connection was made, and swallows what is said on it now
        session = self._session
        begins_flight, self._has_answered = self._has_answered, False
        was_signed_in, session.has_transacted = bool(session.account), False
        try:
            replies = session.receive(data, now) if self._tls is None else self._receive_tls(data, now)
        except ssl.SSLError:
            self._transport.abort()
            return
        if begins_flight:
            self._count_flight(was_signed_in=was_signed_in)
        self._answer(replies)
        if session.wants_tls and self._tls is None:
            self._begin_tls()

    def _count_flight(self, *, was_signed_in: bool) -> None:
        ledger = self._behaviour.ledger
        if not was_signed_in:
            ledger.setup_flights += 1
        elif self._session.has_transacted:
            ledger.message_flights += 1
        else:
            ledger.other_flights += 1

    def _begin_tls(self) -> None:
        self._tls = self._behaviour.context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def _receive_tls(self, data: bytes, now: float) -> bytes:
        tls = self._tls
        if tls is None:
            raise RuntimeError("there is no TLS to read from")
        self._incoming.write(data)
        replies = b"" if self._has_shaken_hands else self._shake_hands(tls)
        while self._has_shaken_hands and (self._incoming.pending or tls.pending()):
            try:
                plain = tls.read(_READ_BYTES)
            except ssl.SSLWantReadError:
                break
            if not plain:
                self._session.is_over = True
                break
            replies += self._session.receive(plain, now)
        return replies

    def _shake_hands(self, tls: ssl.SSLObject) -> bytes:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            return b""
        self._has_shaken_hands = True
        self._behaviour.ledger.handshakes += 1
        self._behaviour.ledger.resumed += tls.session_reused is True
        greeting = b"" if self._session.wants_tls else self._session.greeting()
        self._session.secured()
        return greeting

    def _answer(self, replies: bytes) -> None:
        session, behaviour = self._session, self._behaviour
        if self._tls is not None:
            if replies:
                self._tls.write(replies)
            replies = self._outgoing.read()
        if not replies and not session.is_over:
            return
        answers, session.accepted = session.accepted, []
        departure = _Departure(replies, answers, session.is_over)
        delay = behaviour.rtt + self._tcp_round_trip + (behaviour.hold if answers else 0.0)
        self._tcp_round_trip = 0.0
        if not delay and not self._departures:
            self._depart(departure)
            return
        loop = asyncio.get_running_loop()
        self._last_departure = max(self._last_departure, loop.time() + delay)
        self._departures.append(departure)
        loop.call_at(self._last_departure, self._depart_next)

    def _depart_next(self) -> None:
        self._depart(self._departures.popleft())

    def _depart(self, departure: _Departure) -> None:
        self._has_answered = True
        self._transport.write(departure.octets)
        if departure.answers:
            now = time.monotonic()
            for arrival in departure.answers:
                arrival.answered = now
            self._behaviour.ledger.answered += len(departure.answers)
        if departure.closes:
            self._transport.close()
