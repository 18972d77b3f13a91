"""What a fifth of all servers, gone silent, costs everybody else.

200 tenants with a server each; 40 servers accept connections and say nothing more, on open connections neither. An open
loop hands in mail for all tenants in turn; what is compared is how long the healthy tenants' mail takes, up to the
server's 250, with and without the dead among them.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench import mail
from bench.options import Options
from bench.processes import BenchError
from bench.results import Table, median, number, percentile, reached
from bench.sink_process import Certificate, Report, Sink, running_sink
from bench.waypost import installed
from bench.work import Account, Work

_TENANTS: Final = 200
_DEAD: Final = 40
_MESSAGES: Final = 4_000
_EVERY: Final = 0.01  # seconds between two messages, whoever's
_RTT: Final = 0.020
_PATIENCE: Final = 300.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was seen of one run.

    Attributes:
        p50: Seconds, of the healthy tenants.
        p99: The same.
        healthy: Their messages, all delivered.
        fallen_back: Messages of tenants with dead servers that were delivered meanwhile over the platform's route.
        affected: All messages of tenants with dead servers.
    """

    p50: float
    p99: float
    healthy: int
    fallen_back: int
    affected: int


def stretch(options: Options, *, dead: int) -> Stretch:
    """Run one stretch on a fresh installation, warm before anybody dies."""
    rtt = options.rtt or _RTT
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        certificate = Certificate.issued_in(folder)
        home = folder / "waypost"
        home.mkdir()
        with (
            running_sink(certificate, ports=1 + _TENANTS) as sink,
            installed(home, certificate, sink.ports, server=options.postgres) as waypost,
        ):
            own_ports = sink.ports[1:]  # the first is the platform's, which is well
            accounts = tuple(map(Account, mail.tenant_names(_TENANTS), own_ports))
            waypost.add_tenants(accounts)
            waypost.start_workers(options.workers)
            sink.set(rtt=rtt)
            warm = Work(accounts, 1_000_000, _TENANTS)
            waypost.begin_handing_in(warm)
            waypost.handed_in(seconds=_PATIENCE)
            sink.until_answered(warm.count, seconds=_PATIENCE)

            sink.forget()
            sink.set(black_holes=own_ports[:dead])
            work = Work(accounts, 0, options.scaled(_MESSAGES, least=1_000))
            said = waypost.producer.ask(
                do="paced", work=work.to_json(), kind="notification", every=_EVERY, seconds=_PATIENCE
            )
            submitted = dict(said["submitted"])
            affected = {number for place in range(dead) for number in work.numbers_of(place)}
            healthy = set(work.numbers) - affected
            report = _when_all_are_here(sink, healthy)
            report.check(healthy, besides=affected)
    seconds = [at - submitted[number] for number, at in report.answered.items() if number not in affected]
    return Stretch(
        p50=percentile(seconds, 50),
        p99=percentile(seconds, 99),
        healthy=len(seconds),
        fallen_back=len(affected & report.answered.keys()),
        affected=len(affected),
    )


def _when_all_are_here(sink: Sink, numbers: set[int]) -> Report:
    time.sleep(2)  # a report takes the sink's time, which the last of them must not pay for
    deadline = time.monotonic() + _PATIENCE
    while missing := numbers - (report := sink.report()).answered.keys():
        if time.monotonic() > deadline:
            raise BenchError(f"{len(missing)} of {len(numbers)} messages of healthy tenants have not arrived")
        time.sleep(1)
    return report


def tables(options: Options) -> list[Table]:
    """With and without the dead, in turn."""
    runs: dict[str, list[Stretch]] = {"none": [], "20 %": []}
    for _ in range(options.repetitions):
        runs["none"].append(stretch(options, dead=0))
        runs["20 %"].append(stretch(options, dead=_DEAD))
    heads = (
        "servers dead",
        "p50, ms",
        "p99, ms",
        "messages of healthy tenants",
        "of tenants with dead servers, over the platform meanwhile",
    )
    rows = [
        [
            dead,
            number(median(run.p50 for run in of) * 1000),
            number(median(run.p99 for run in of) * 1000),
            f"{of[0].healthy:,}",
            f"{median(run.fallen_back for run in of):,.0f} of {of[0].affected:,}",
        ]
        for dead, of in runs.items()
    ]
    ratio = median(run.p99 for run in runs["20 %"]) / median(run.p99 for run in runs["none"])
    rtt = (options.rtt or _RTT) * 1000
    return [
        Table(
            f"Isolation: {_TENANTS} tenants, {1 / _EVERY:.0f} messages/s, round trip {rtt:.0f} ms",
            options.command,
            heads,
            rows,
            [reached(ratio, most=1.3, what="healthy tenants' p99 with 20 % dead to the p99 with none")],
        )
    ]
