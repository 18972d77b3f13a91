"""What a worker weighs with a million messages queued and 500 TLS connections open, each with a message on it."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench import mail
from bench.options import Options
from bench.processes import memory_mib, until
from bench.results import Table, number, reached
from bench.scaling import fill
from bench.sink_process import Certificate, running_sink
from bench.waypost import installed
from bench.work import Account, Numbering

_QUEUED: Final = 1_000_000
_OPEN: Final = 500
_SLEEPERS: Final = 500
_HOLD: Final = 240.0  # seconds that the sink keeps its 250 back, and so each connection busy
_PATIENCE: Final = 180.0


def tables(options: Options) -> list[Table]:
    """Fill, start a worker, let 500 messages be held by a slow server, look."""
    queued = options.scaled(_QUEUED)
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        certificate = Certificate.issued_in(folder)
        (folder / "waypost").mkdir()
        settings = {"worker_connections": str(_OPEN + 100)}
        with (
            running_sink(certificate, ports=_OPEN) as sink,
            installed(folder / "waypost", certificate, sink.ports, server=options.postgres, **settings) as waypost,
        ):
            names = mail.tenant_names(_OPEN + _SLEEPERS)
            accounts = [Account(name, sink.ports[place % _OPEN]) for place, name in enumerate(names)]
            waypost.add_tenants(accounts)
            fill(waypost, Numbering(accounts[:_OPEN]), Numbering(accounts[_OPEN:]), queued)
            waypost.start_workers()
            worker = waypost.workers[0].pid
            sink.set(hold=_HOLD)
            until(lambda: sink.held >= _OPEN, seconds=_PATIENCE, what=f"{_OPEN} connections with a message each")
            now, most = memory_mib(worker)
    verdict = reached(most, most=200, what="resident memory of the worker at its largest", unit=" MiB")
    heads = ("queued", "open TLS connections", "resident now, MiB", "at its largest, MiB")
    row = [f"{queued:,}", str(_OPEN), number(now), number(most)]
    return [Table("Memory of one worker", options.command, heads, [row], [verdict])]
