"""What the sink writes down: every message with its times, and what it cost in connections and round trips."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Arrival:
    """One message that was taken.

    Attributes:
        number: Of ``mail.MARK``; -1 when that was lost.
        arrived: When its last byte was here, by CLOCK_MONOTONIC, which is one clock for all processes of a machine.
        answered: When the 250 left, which is a whole emulated round trip later; 0 until then.
    """

    number: int
    arrived: float
    answered: float = 0.0


@dataclass(slots=True)
class Ledger:
    """Counted since the sink was last told to forget.

    Attributes:
        answered: Arrivals whose 250 has left.
        broken: Messages taken that were not whole.
        signed: Messages with a DKIM signature.
        resumed: Handshakes that took up an earlier TLS session.
        setup_flights: Round trips up to and with the sign-in, without TCP's own.
        message_flights: Round trips in which a part of a transaction was said.
        other_flights: The rest: QUIT, and RSET or NOOP alone.
    """

    arrivals: list[Arrival] = field(default_factory=list)
    answered: int = 0
    broken: int = 0
    signed: int = 0
    connections: int = 0
    handshakes: int = 0
    resumed: int = 0
    setup_flights: int = 0
    message_flights: int = 0
    other_flights: int = 0
    refused_sign_ins: int = 0
    refused_senders: int = 0

    def to_json(self) -> dict[str, Any]:
        counted = {name: value for name, value in asdict(self).items() if name != "arrivals"}
        return counted | {"arrivals": [(one.number, one.arrived, one.answered) for one in self.arrivals]}
