"""``python -m bench SCENARIO``: measure, print the tables, and write them down when all were measured."""

import importlib
import shlex
import signal
import sys
from pathlib import Path
from typing import Final

import click

from bench.options import Options
from bench.processes import allow_many_connections
from bench.results import Table, write

_SCENARIOS: Final = ("throughput", "latency", "isolation", "scaling", "memory")
_RESULTS: Final = Path(__file__).with_name("RESULTS.md")


@click.command()
@click.argument("scenario", type=click.Choice([*_SCENARIOS, "all"]))
@click.option("--short", is_flag=True, help="A fifth of the messages, one repetition: to see that it runs.")
@click.option("--postgres", metavar="URL", help="Measure on databases made on this PostgreSQL server, not on SQLite.")
@click.option("--workers", default=1, show_default=True, help="Processes that send.")
@click.option("--rtt", type=float, default=0.0, help="Emulated round trip in milliseconds.")
@click.option("--tenants", type=int, multiple=True, help="How many, for throughput; may be given several times.")
@click.option("--write", "is_written", is_flag=True, help='Write RESULTS.md; "all" does so anyway.')
def main(
    scenario: str,
    *,
    short: bool,
    postgres: str | None,
    workers: int,
    rtt: float,
    tenants: tuple[int, ...],
    is_written: bool,
) -> None:
    """Measure a scenario, or all of them."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, as an exception does
    allow_many_connections()
    found: list[Table] = []
    for name in _SCENARIOS if scenario == "all" else (scenario,):
        words = [name, *("URL" if word == postgres else word for word in sys.argv[2:])]
        options = Options(
            command=f"python -m bench {shlex.join(words)}",
            is_short=short,
            postgres=postgres,
            workers=workers,
            rtt=rtt / 1000,
            tenants=tenants,
        )
        for table in importlib.import_module(f"bench.{name}").tables(options):
            click.echo(table.to_markdown())
            found.append(table)
    if scenario == "all" or is_written:
        write(_RESULTS, found, is_short=short)
        click.echo(f"written: {_RESULTS.name}", err=True)


if __name__ == "__main__":
    main()
