"""How long a security mail takes, alone and behind a digest of its own tenant, in units of the round trip.

Open loop: a message is handed in at its time whatever became of the one before. The clock starts right before
``send()`` and stops when the sink's 250 leaves: the sink lets it leave a whole emulated round trip after the message's
last byte came, so the line is paid for in full on that side, and the loopback itself takes next to nothing.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import mail, postfix
from bench.options import Options
from bench.postfix import running_postfix
from bench.processes import BenchError, Helper
from bench.results import Table, number, percentile, reached
from bench.sink_process import Certificate, Sink, running_sink
from bench.waypost import Waypost, installed
from bench.work import Account, Work

_ROUND_TRIPS: Final = (0.020, 0.050)
_EVERY: Final = 0.15  # seconds between two security mails
_DIGEST: Final = 10_000
_WARM: Final = 10
_HIGHEST: Final = 1_000_000  # more than any number of a message here
_PATIENCE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds from handing in to the 250, of the messages of one stretch."""

    name: str
    seconds: tuple[float, ...]
    round_trip: float

    def in_round_trips(self, percent: float) -> float:
        return percentile(self.seconds, percent) / self.round_trip

    def row(self) -> list[str]:
        p50, p99 = (percentile(self.seconds, percent) for percent in (50, 99))
        return [
            f"{self.round_trip * 1000:.0f} ms",
            self.name,
            number(p50 / self.round_trip),
            number(p99 / self.round_trip),
            f"{p50 * 1000:.1f}",
            f"{p99 * 1000:.1f}",
            str(len(self.seconds)),
        ]


def delays(name: str, said: dict[str, Any], sink: Sink, work: Work, round_trip: float) -> Delays:
    """Wait for the last of these messages, and put together when each was handed in and answered.

    Raises:
        BenchError: They have not all arrived in time.
    """
    time.sleep(2)  # a report takes the sink's time, which the last of them must not pay for
    deadline = time.monotonic() + _PATIENCE
    while missing := set(work.numbers) - (report := sink.report()).answered.keys():
        if time.monotonic() > deadline:
            raise BenchError(f"{len(missing)} of {work.count} messages have not arrived")
        time.sleep(1)
    report.check(work.numbers, besides=range(_HIGHEST))
    answered = report.answered
    return Delays(name, tuple(answered[number] - submitted for number, submitted in said["submitted"]), round_trip)


@contextmanager
def _one_tenant(options: Options, folder: Path, sink: Sink, certificate: Certificate) -> Iterator[Waypost]:
    folder.mkdir()
    with installed(folder, certificate, sink.ports, server=options.postgres) as waypost:
        waypost.add_tenants([Account(mail.tenant_names(1)[0], sink.ports[0])])
        waypost.start_workers(options.workers)
        yield waypost


def _of_waypost(
    options: Options, waypost: Waypost, sink: Sink, account: Account, round_trip: float
) -> Iterator[Delays]:
    """Idle first, then while a digest of 10,000 is on its way."""
    sample = options.scaled(200, least=20)
    first = 0

    def paced(count: int) -> tuple[dict[str, Any], Work]:
        nonlocal first
        work, first = Work((account,), first, count), first + count
        said = waypost.producer.ask(do="paced", work=work.to_json(), kind="otp", every=_EVERY, seconds=_PATIENCE * 10)
        return said, work

    sink.set(rtt=round_trip)
    sink.forget()
    said, work = paced(_WARM)
    delays("", said, sink, work, round_trip)
    said, work = paced(sample)
    yield delays("Waypost, idle", said, sink, work, round_trip)

    digest = Work((account,), _HIGHEST - _DIGEST, _DIGEST)
    waypost.begin_handing_in(digest, kind="digest")
    waypost.handed_in(seconds=_PATIENCE)
    paced(_WARM)
    said, work = paced(sample)
    behind = delays("Waypost, behind a digest of 10,000 of its tenant", said, sink, work, round_trip)
    if not set(digest.numbers) - sink.report().answered.keys():
        raise BenchError("the digest was through before the security mails: nothing was measured behind it")
    yield behind


def _of_postfix(options: Options, sink: Sink, account: Account, round_trip: float, ca_file: Path) -> Delays:
    sample = options.scaled(100, least=20)
    with Helper("bench.peers") as feeder, running_postfix([account], ca_file) as server:
        feeder.hear()
        sink.set(rtt=round_trip)
        sink.forget()
        for work in (Work((account,), 0, _WARM), Work((account,), _WARM, sample)):
            request = {"do": "feed_in_time", "work": work.to_json(), "port": server.port, "every": _EVERY}
            said = feeder.ask(**request, seconds=_PATIENCE * 10)
        return delays("Postfix, idle", said, sink, work, round_trip)


def tables(options: Options) -> list[Table]:
    """Both round trips, idle and behind the digest; Postfix idle beside them."""
    found: list[Delays] = []
    for round_trip in (options.rtt,) if options.rtt else _ROUND_TRIPS:
        with ExitStack() as at_exit:
            folder = Path(at_exit.enter_context(TemporaryDirectory(prefix="bench-")))
            certificate = Certificate.issued_in(folder)
            sink = at_exit.enter_context(running_sink(certificate))
            account = Account(mail.tenant_names(1)[0], sink.ports[0])
            waypost = at_exit.enter_context(_one_tenant(options, folder / "waypost", sink, certificate))
            found += _of_waypost(options, waypost, sink, account, round_trip)
        if postfix.why_not_here() is None:
            with TemporaryDirectory(prefix="bench-") as name:
                certificate = Certificate.issued_in(Path(name))
                with running_sink(certificate) as sink:
                    account = Account(mail.tenant_names(1)[0], sink.ports[0])
                    found.append(_of_postfix(options, sink, account, round_trip, certificate.ca_file))
    heads = ("round trip", "sender", "p50, round trips", "p99, round trips", "p50, ms", "p99, ms", "messages")
    return [
        Table(
            "Latency of a security mail on a warm route, send() to the server's 250",
            options.command,
            heads,
            [each.row() for each in found],
            _verdicts(found),
        )
    ]


def _verdicts(found: list[Delays]) -> list[str]:
    said: list[str] = []
    idle = {each.round_trip: each for each in found if each.name == "Waypost, idle"}
    for each in found:
        at = f"at {each.round_trip * 1000:.0f} ms"
        if each.name == "Waypost, idle":
            said.append(reached(each.in_round_trips(50), most=1.25, what=f"p50 {at}", unit=" round trips"))
            said.append(reached(each.in_round_trips(99), most=2, what=f"p99 {at}", unit=" round trips"))
        elif each.name.startswith("Waypost"):
            for percent in (50, 99):
                ratio = each.in_round_trips(percent) / idle[each.round_trip].in_round_trips(percent)
                said.append(reached(ratio, most=2, what=f"p{percent} behind the digest to p{percent} idle {at}"))
    return said
