"""The harness's end of a sink, and the check that everything arrived once and whole."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from bench.processes import BenchError, Helper, cpu_seconds, until

SERVER_NAMES = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the sinks of a run show, and the authority their clients trust."""

    file: Path
    ca_file: Path

    @classmethod
    def issued_in(cls, folder: Path) -> "Certificate":
        made = cls(folder / "sink.pem", folder / "ca.pem")
        authority = trustme.CA()
        authority.cert_pem.write_to_path(made.ca_file)
        authority.issue_cert(*SERVER_NAMES).private_key_and_cert_chain_pem.write_to_path(made.file)
        return made


@dataclass(frozen=True, slots=True)
class Report:
    """What a sink has seen; see ``ledger.Ledger`` for the counters.

    Attributes:
        arrivals: ``(number, arrived, answered)`` of each message, in order of arrival.
    """

    arrivals: tuple[tuple[int, float, float], ...]
    counted: dict[str, int]

    def check(self, numbers: Iterable[int], *, besides: Container[int] = ()) -> None:
        """Prove that these messages, and no others, arrived once and whole.

        Args:
            besides: Others that may have arrived too, once and whole as well.

        Raises:
            BenchError: They did not; a figure taken from such a run would be worth nothing.
        """
        times = Counter(number for number, _, _ in self.arrivals)
        wanted = set(numbers)
        lost, strange = wanted - times.keys(), {one for one in times.keys() - wanted if one not in besides}
        twice = [number for number, count in times.items() if count > 1]
        if lost or strange or twice or self.counted["broken"]:
            raise BenchError(
                f"{len(lost)} messages lost, {len(twice)} more than once, {len(strange)} not of this run, "
                f"{self.counted['broken']} not whole"
            )

    @property
    def last_arrival(self) -> float:
        return max(arrived for _, arrived, _ in self.arrivals)

    @property
    def answered(self) -> dict[int, float]:
        """When each message's 250 left the sink; those whose has not are left out."""
        return {number: answered for number, _, answered in self.arrivals if answered}

    @property
    def round_trips(self) -> float:
        """Of transactions alone, a message."""
        return self.counted["message_flights"] / len(self.arrivals)

    @property
    def opening_round_trips(self) -> float:
        """Of connecting, TLS, EHLO, sign-in and QUIT, a message: TCP's own counts as one a connection."""
        flights = self.counted["connections"] + self.counted["setup_flights"] + self.counted["other_flights"]
        return flights / len(self.arrivals)

    @property
    def handshakes(self) -> float:
        return self.counted["handshakes"] / len(self.arrivals)


class Sink:
    """A sink in a process of its own."""

    def __init__(self, certificate: Certificate, *, ports: int = 1, words: Sequence[str] = ()) -> None:
        self._helper = Helper("bench.sink", "--certificate", str(certificate.file), "--ports", str(ports), *words)
        self.ports: list[int] = self._helper.hear()["ports"]

    def set(self, **behaviour: Any) -> None:
        """Change ``rtt``, ``hold`` (seconds) or ``black_holes`` (ports)."""
        self._helper.ask(do="set", **behaviour)

    def forget(self) -> None:
        self._helper.ask(do="forget")

    @property
    def answered(self) -> int:
        """How many messages have been taken whose 250 has left."""
        return int(self._helper.ask(do="count")["answered"])

    @property
    def held(self) -> int:
        """How many have been taken whose 250 has not left."""
        counted = self._helper.ask(do="count")
        return int(counted["arrived"]) - int(counted["answered"])

    def until_answered(self, count: int, *, seconds: float) -> None:
        until(lambda: self.answered >= count, seconds=seconds, what=f"{count} messages to arrive")

    def report(self) -> Report:
        given = self._helper.ask(do="report")
        return Report(tuple(map(tuple, given.pop("arrivals"))), given)

    @property
    def cpu_seconds(self) -> float:
        return cpu_seconds(self._helper.pid)

    def close(self) -> None:
        self._helper.close()


@contextmanager
def running_sink(certificate: Certificate, *, ports: int = 1, words: Sequence[str] = ()) -> Iterator[Sink]:
    """Run a sink with that many ports; ``words`` are options of ``bench.sink``, such as ``--starttls``."""
    sink = Sink(certificate, ports=ports, words=words)
    try:
        yield sink
    finally:
        sink.close()
