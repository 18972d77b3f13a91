"""One run of one sender against a sink, and its figures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.postfix import Postfix
from bench.processes import Helper
from bench.sink_process import Sink
from bench.waypost import Waypost
from bench.work import Work

_PATIENCE: Final = 900.0  # seconds for one run


@dataclass(frozen=True, slots=True)
class Run:
    """One sender's figures of one run.

    Attributes:
        per_second: Messages.
        cpu: Milliseconds a message, by process.
        round_trips: Of the transaction, a message.
        opening: Round trips of connecting, TLS, EHLO, AUTH and QUIT, a message.
    """

    per_second: float
    cpu: dict[str, float]
    round_trips: float
    opening: float
    handshakes: float
    resumed: float

    @property
    def own_cpu(self) -> float:
        """Milliseconds a message of everybody but the sink."""
        return sum(milliseconds for name, milliseconds in self.cpu.items() if name != "sink")

    @property
    def worker_cpu(self) -> float:
        """Milliseconds a message of Waypost's workers."""
        return self.cpu["worker"]


def measured(
    sink: Sink, work: Work, send: Callable[[], tuple[float, float]], *, by: str, **meters: Callable[[], float]
) -> Run:
    """Let a sender send and look what the sink got.

    Args:
        send: Hands all of it in; returns when that began, and the processor seconds it took the process ``by``.
        meters: Of the processor seconds of those who work on it besides, the sender proper first.
    """
    sink.forget()
    before, sink_before = {name: meter() for name, meter in meters.items()}, sink.cpu_seconds
    began, handing_in = send()
    sink.until_answered(work.count, seconds=_PATIENCE)
    report = sink.report()
    spent = {name: meter() - before[name] for name, meter in meters.items()}
    spent |= {by: handing_in, "sink": sink.cpu_seconds - sink_before}
    report.check(work.numbers)
    return Run(
        per_second=work.count / (report.last_arrival - began),
        cpu={name: seconds * 1000 / work.count for name, seconds in spent.items()},
        round_trips=report.round_trips,
        opening=report.opening_round_trips,
        handshakes=report.handshakes,
        resumed=report.counted["resumed"] / work.count,
    )


def waypost_run(waypost: Waypost, sink: Sink, work: Work) -> Run:
    """What ``send_many()`` in batches of 500 by one process, and the running workers, do with this work."""

    def send() -> tuple[float, float]:
        waypost.begin_handing_in(work)
        handed = waypost.handed_in(seconds=_PATIENCE)
        return handed.began, handed.cpu

    return measured(sink, work, send, by="producer", worker=lambda: waypost.worker_cpu_seconds)


def peer_run(name: str, sink: Sink, work: Work, ca_file: Path) -> Run:
    """What another sender does with it, in a process of its own."""
    with Helper("bench.peers") as helper:
        send = _sending(helper, do=name, work=work.to_json(), ca_file=str(ca_file))
        return measured(sink, work, send, by="sender")


def postfix_run(server: Postfix, sink: Sink, work: Work) -> Run:
    """What Postfix does with it, fed durably over 16 connections."""
    with Helper("bench.peers") as feeder:
        send = _sending(feeder, do="feed", work=work.to_json(), port=server.port)
        return measured(sink, work, send, by="feeder", Postfix=lambda: server.cpu_seconds)


def _sending(helper: Helper, **request: Any) -> Callable[[], tuple[float, float]]:
    helper.hear()  # it is ready

    def send() -> tuple[float, float]:
        said = helper.ask(**request, seconds=_PATIENCE)
        return said["began"], said["cpu"]

    return send
