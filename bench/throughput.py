"""From durable acceptance to delivery: how many messages a second, and what each costs.

The clock runs from the first call that hands mail in to the last byte of the last message at the sink, so acceptance
and delivery overlap as they do in life.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench import mail, postfix
from bench.options import Options
from bench.postfix import running_postfix
from bench.results import Table, median, number, reached
from bench.runs import Run, peer_run, postfix_run, waypost_run
from bench.sink_process import Certificate, running_sink
from bench.waypost import dkim_settings, installed
from bench.work import Account, Numbering

_OURS: Final = "**Waypost**"
_SIGNED: Final = "Waypost, DKIM RSA-2048"
_POSTFIX: Final = "Postfix, sender-dependent relay hosts"
_MOST_PORTS: Final = 1000
_FAR: Final = 0.020
_HEADS: Final = (
    "sender",
    "durable",
    "rate to Postfix",
    "CPU to Postfix",
    "messages/s",
    "CPU ms a message",
    "round trips a message",
    "handshakes a message",
)


@dataclass(frozen=True, slots=True)
class Sender:
    """Somebody who sends, and how to let them."""

    name: str
    is_durable: bool
    count: int
    run: Callable[[int], Run]


@contextmanager
def senders(options: Options, tenants: int, *, peers: bool) -> Iterator[list[Sender]]:
    """Everybody who sends for so many tenants, ready, to one sink."""
    names = mail.tenant_names(tenants)
    with ExitStack() as at_exit:
        folder = Path(at_exit.enter_context(TemporaryDirectory(prefix="bench-")))
        certificate = Certificate.issued_in(folder)
        sink = at_exit.enter_context(running_sink(certificate, ports=min(tenants, _MOST_PORTS)))
        sink.set(rtt=options.rtt)
        ports = [sink.ports[place % len(sink.ports)] for place in range(tenants)]
        accounts = [Account(name, port) for name, port in zip(names, ports, strict=True)]
        numbering = Numbering(accounts)
        signed = Numbering([Account(f"s{account.name}", account.port) for account in accounts])
        home = folder / "waypost"
        home.mkdir()
        waypost = at_exit.enter_context(
            installed(home, certificate, sink.ports, server=options.postgres, **dkim_settings())
        )
        waypost.add_tenants(accounts)
        waypost.add_tenants(signed.accounts if peers else (), signing="platform")
        waypost.start_workers(options.workers)

        def own(numbers: Numbering) -> Callable[[int], Run]:
            return lambda count: waypost_run(waypost, sink, numbers.work(count))

        def other(name: str) -> Callable[[int], Run]:
            return lambda count: peer_run(name, sink, numbering.work(count), certificate.ca_file)

        found = [Sender(_OURS, True, options.scaled(10_000), own(numbering))]
        if postfix.why_not_here() is None:
            server = at_exit.enter_context(running_postfix(accounts, certificate.ca_file))
            count = options.scaled(2_000)
            found.append(Sender(_POSTFIX, True, count, lambda count: postfix_run(server, sink, numbering.work(count))))
        if peers:
            found.append(Sender(_SIGNED, True, options.scaled(10_000), own(signed)))
            found += [
                Sender(title, False, options.scaled(count), other(name))
                for title, name, count in (
                    ("smtplib, a connection for each message, shared context, 20 threads", "smtplib_fresh", 2_500),
                    ("smtplib, one kept connection a tenant, 20 threads", "smtplib_kept", 10_000),
                    ("aiosmtplib, one kept connection a tenant", "aiosmtplib_kept", 10_000),
                )
            ]
        yield found


def table(options: Options, tenants: int, *, peers: bool) -> Table:
    """Measure one number of tenants, everybody in turn, several times."""
    with senders(options, tenants, peers=peers) as everybody:
        for sender in everybody:
            sender.run(max(tenants, sender.count // 20))  # warm: caches, connections, code
        runs: dict[str, list[Run]] = {sender.name: [] for sender in everybody}
        for _ in range(options.repetitions):
            for sender in everybody:
                runs[sender.name].append(sender.run(sender.count))
    rows = [_row(sender, runs[sender.name], runs.get(_POSTFIX, [])) for sender in everybody]
    where = "PostgreSQL" if options.postgres else "SQLite"
    rtt = f"{options.rtt * 1000:.0f} ms"
    title = f"Throughput: tenants {tenants:,}, {where}, workers {options.workers}, round trip {rtt}"
    return Table(title, options.command, _HEADS, rows, _verdicts(runs) if peers else ())


def _ratio(runs: Sequence[Run], others: Sequence[Run], figure: Callable[[Run], float]) -> float:
    """The median of what each repetition's figure was to the other's of the same repetition."""
    return median(figure(run) / figure(other) for run, other in zip(runs, others, strict=True))


def _row(sender: Sender, runs: Sequence[Run], of_postfix: Sequence[Run]) -> list[str]:
    parts = [f"{name} {number(median(run.cpu[name] for run in runs))}" for name in runs[0].cpu]
    resumed = median(run.resumed for run in runs)
    figures: tuple[Callable[[Run], float], ...] = (lambda run: run.per_second, lambda run: run.own_cpu)
    return [
        sender.name,
        "yes" if sender.is_durable else "no",
        *(number(_ratio(runs, of_postfix, figure)) if of_postfix else "" for figure in figures),
        number(median(run.per_second for run in runs)),
        ", ".join(parts),
        f"{number(median(run.round_trips for run in runs))} + {number(median(run.opening for run in runs))}",
        number(median(run.handshakes for run in runs)) + (f", {number(resumed)} resumed" if resumed else ""),
    ]


def _verdicts(runs: dict[str, list[Run]]) -> list[str]:
    ours = runs[_OURS]
    if _POSTFIX in runs:
        ratio = _ratio(ours, runs[_POSTFIX], lambda run: run.per_second)
        said = [reached(ratio, least=4, what="Waypost to Postfix (aim: 10)")]
    else:
        said = [f"not compared: {postfix.why_not_here()}"]
    cpu = median(run.worker_cpu for run in ours)
    said.append(reached(cpu, most=0.5, what="CPU of the worker, unsigned", unit=" ms a message"))
    signing = median(run.worker_cpu for run in runs[_SIGNED]) - cpu
    said.append(reached(signing, most=1, what="what a DKIM signature costs the worker", unit=" ms"))
    said.append("round trips: of the transaction + of connecting, TLS, EHLO, AUTH and QUIT")
    return said


def tables(options: Options) -> list[Table]:
    """One tenant, 20 with all peers, 1,000; and 20 once more over a line of 20 ms."""
    found = [table(options, tenants, peers=tenants == 20) for tenants in options.tenants or (1, 20, 1000)]
    if not options.tenants and not options.rtt:
        found.append(table(replace(options, rtt=_FAR), 20, peers=False))
    return found
