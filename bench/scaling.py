"""What a message costs as tenants, queue and workers grow. Flat lines are the aim."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench import mail, postgres
from bench.options import Options
from bench.postgres import running_postgres
from bench.processes import BenchError
from bench.results import Table, median, number, reached
from bench.runs import Run, waypost_run
from bench.sink_process import Certificate, Sink, running_sink
from bench.waypost import Waypost, installed
from bench.work import Account, Numbering

_MOST_PORTS: Final = 1000
_PATIENCE: Final = 1800.0
_BUSY: Final = 10
_SLEEPERS: Final = 1_000
_EACH: Final = 5  # messages a tenant, at least, when all send
_FEW: Final = 8  # connections of one worker, so that the round trip and not the processor is what limits it
_RTT: Final = 0.020
_SHORT_TEXT: Final = "This is not sent before the benchmark is over.\n"


@contextmanager
def _ready(
    options: Options, tenants: int, *, server: str | None = None, rtt: float = 0.0, **settings: str
) -> Iterator[tuple[Waypost, Sink, tuple[Account, ...]]]:
    """An installation with so many tenants, no worker yet, and its sink."""
    with ExitStack() as at_exit:
        folder = Path(at_exit.enter_context(TemporaryDirectory(prefix="bench-")))
        certificate = Certificate.issued_in(folder)
        sink = at_exit.enter_context(running_sink(certificate, ports=min(tenants, _MOST_PORTS)))
        sink.set(rtt=rtt)
        (folder / "waypost").mkdir()
        waypost = at_exit.enter_context(
            installed(folder / "waypost", certificate, sink.ports, server=server or options.postgres, **settings)
        )
        accounts = tuple(
            Account(name, sink.ports[place % len(sink.ports)]) for place, name in enumerate(mail.tenant_names(tenants))
        )
        waypost.add_tenants(accounts)
        yield waypost, sink, accounts


def by_tenants(options: Options) -> Table:
    """Ten tenants send while the others sleep; all send, opening connections; all send again, over open ones."""
    counts = (10, 100, 1_000) if options.is_short else (10, 1_000, 10_000)
    rows: list[list[str]] = []
    few: list[list[Run]] = []
    warm: list[list[Run]] = []
    for tenants in counts:
        with _ready(options, tenants, worker_connections=str(max(200, tenants * 2))) as (waypost, sink, accounts):
            numbering, ten = Numbering(accounts), Numbering(accounts[:_BUSY])
            _let_sleep(waypost, numbering, tenants)
            waypost.start_workers(options.workers)
            waypost_run(waypost, sink, ten.work(50))
            count = options.scaled(10_000)
            few.append([waypost_run(waypost, sink, ten.work(count)) for _ in range(options.repetitions)])
            count = max(count, tenants * _EACH)
            opening = [waypost_run(waypost, sink, numbering.work(count))]
            # A hundred thousand messages need no repetition to be a fair sample.
            repetitions = options.repetitions if count <= 10_000 else 1
            warm.append([waypost_run(waypost, sink, numbering.work(count)) for _ in range(repetitions)])
            for who, runs in (
                (f"{_BUSY} of them, the others asleep", few[-1]),
                (f"all, {count // tenants:,} messages each, opening connections", opening),
                (f"all, {count // tenants:,} messages each, over open connections", warm[-1]),
            ):
                rows.append(_cost_row(f"{tenants:,}", who, runs))
    span = f"from {counts[0]:,} to {counts[-1]:,} tenants"
    return Table(
        "Cost of a message by number of tenants",
        options.command,
        ("tenants", "who sends", "worker CPU ms a message", "messages/s", "handshakes a message"),
        rows,
        [_flat(few, f"{span}, ten of them sending"), _flat(warm, f"{span}, all sending over open connections")],
    )


def _cost_row(count: str, name: str, runs: Sequence[Run]) -> list[str]:
    medians = (median(run.worker_cpu for run in runs), median(run.per_second for run in runs))
    return [count, name, *map(number, medians), number(median(run.handshakes for run in runs))]


def _flat(measured: Sequence[Sequence[Run]], what: str) -> str:
    costs = [median(run.worker_cpu for run in runs) for runs in measured]
    return reached(max(costs) / costs[0], most=1.15, what=f"dearest to first, {what}")


def by_queue(options: Options) -> Table:
    """Ten tenants send, while so many messages are queued besides.

    A tenth of those are due, in the lanes of the ten, behind what is measured; the others are asleep until tomorrow in
    the lanes of a thousand tenants. All of them were handed in by ``send_many()``.
    """
    sizes = (1_000, 20_000, 100_000) if options.is_short else (1_000, 100_000, 1_000_000)
    measured: list[list[Run]] = []
    with _ready(options, _BUSY + _SLEEPERS) as (waypost, sink, accounts):
        busy, asleep = Numbering(accounts[:_BUSY]), Numbering(accounts[_BUSY:])
        queued = 0
        for size in sizes:
            fill(waypost, busy, asleep, size - queued)
            waypost.start_workers(options.workers)
            each = [_beside_the_queue(waypost, sink, busy, options.scaled(5_000)) for _ in range(options.repetitions)]
            waypost.stop_workers()
            measured.append([run for run, _ in each])
            queued = size - sum(sent for _, sent in each)
    return Table(
        "Cost of a message by length of the queue",
        options.command,
        ("queued besides", "who sends", "worker CPU ms a message", "messages/s", "handshakes a message"),
        [_cost_row(f"{size:,}", f"{_BUSY} tenants", runs) for size, runs in zip(sizes, measured, strict=True)],
        [_flat(measured, f"from {sizes[0]:,} to {sizes[-1]:,} queued")],
    )


def fill(waypost: Waypost, busy: Numbering, asleep: Numbering, count: int) -> None:
    """Queue so many: a tenth due and last in the lanes of the busy, the others until tomorrow."""
    due = count // 10
    waypost.begin_handing_in(busy.work(due), kind="digest")
    waypost.handed_in(seconds=_PATIENCE)
    _let_sleep(waypost, asleep, count - due)


def _let_sleep(waypost: Waypost, asleep: Numbering, count: int) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    waypost.begin_handing_in(asleep.work(count), kind="notification", send_at=tomorrow, text=_SHORT_TEXT)
    waypost.handed_in(seconds=_PATIENCE)


def _beside_the_queue(waypost: Waypost, sink: Sink, busy: Numbering, count: int) -> tuple[Run, int]:
    """Measure until all of these have arrived, overtaking the queue; return how many of the queue were sent too."""
    sink.forget()
    warm = busy.work(50)  # starting takes a worker time that no message is to pay for
    waypost.begin_handing_in(warm)
    waypost.handed_in(seconds=_PATIENCE)
    sink.until_answered(warm.count, seconds=_PATIENCE)
    sink.forget()
    work = busy.work(count)
    cpu = waypost.worker_cpu_seconds
    waypost.begin_handing_in(work)
    began = waypost.handed_in(seconds=_PATIENCE).began
    sink.until_answered(count, seconds=_PATIENCE)
    deadline = time.monotonic() + _PATIENCE
    while set(work.numbers) - (report := sink.report()).answered.keys():
        if time.monotonic() > deadline:
            raise BenchError("what was handed in did not overtake the queue in time")
        time.sleep(0.2)
    cpu = waypost.worker_cpu_seconds - cpu
    report.check(work.numbers, besides=range(work.first))
    sent = len(report.arrivals)
    run = Run(
        per_second=sent / (report.last_arrival - began),
        cpu={"worker": cpu * 1000 / sent},
        round_trips=report.round_trips,
        opening=report.opening_round_trips,
        handshakes=report.handshakes,
        resumed=0.0,
    )
    return run, sent - count


def by_workers(options: Options) -> Table:
    """One worker and four on PostgreSQL, at a round trip of 20 ms, in turn."""
    rtt = options.rtt or _RTT
    sets: dict[str, dict[str, str]] = {
        f"{_FEW} connections a worker": {"worker_connections": str(_FEW)},
        "200 connections a worker (the default)": {},
    }
    runs: dict[tuple[str, int], list[Run]] = {(name, workers): [] for name in sets for workers in (1, 4)}
    with running_postgres() as server:
        for _ in range(options.repetitions):
            for (name, workers), of in runs.items():
                with _ready(options, 20, server=server, rtt=rtt, **sets[name]) as (waypost, sink, accounts):
                    waypost.start_workers(workers)
                    numbering = Numbering(accounts)
                    waypost_run(waypost, sink, numbering.work(200 * workers))
                    of.append(waypost_run(waypost, sink, numbering.work(options.scaled(8_000))))
    rows: list[list[str]] = []
    verdicts: list[str] = []
    for name, settings in sets.items():
        alone = median(run.per_second for run in runs[name, 1])
        for workers in (1, 4):
            of = runs[name, workers]
            rate = median(run.per_second for run in of)
            cpu = number(median(run.worker_cpu for run in of))
            rows.append([name, str(workers), number(rate / alone), number(rate), cpu])
        ratio = median(run.per_second for run in runs[name, 4]) / alone
        if settings:
            verdicts.append(reached(ratio, least=2.5, what="four workers to one"))
    verdicts.append(
        f"{_FEW} connections a worker: so that the round trip, at {_FEW / rtt:,.0f} messages/s, is the first limit "
        "of one worker, as with far servers, and not the processor, which workers, database, producer and sink share"
    )
    heads = ("", "workers", "to one", "messages/s", "CPU ms a message, all workers")
    title = f"Workers on PostgreSQL, 20 tenants, round trip {rtt * 1000:.0f} ms"
    return Table(title, options.command, heads, rows, verdicts)


def tables(options: Options) -> list[Table]:
    """By tenants, by queue, and where PostgreSQL is installed by workers."""
    found = [by_tenants(options), by_queue(options)]
    if (missing := postgres.why_not_here()) is None:
        return [*found, by_workers(options)]
    return [*found, Table("Workers on PostgreSQL", options.command, ("",), (), [f"not measured: {missing}"])]
