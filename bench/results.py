"""Tables of results, as Markdown."""

import math
import os
import platform
import sqlite3
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Table:
    """What one scenario has found.

    Attributes:
        title: What was measured.
        command: What was typed to measure it.
        heads: Of the columns.
        rows: A cell each, as text.
        verdicts: Whether a number to reach was reached, and what must be known to read the table: a sentence each.
    """

    title: str
    command: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    verdicts: Sequence[str] = field(default=())

    def to_markdown(self) -> str:
        lines = [f"## {self.title}", "", f"`{self.command}`", ""]
        lines += [_row(self.heads), _row(["---"] * len(self.heads)), *map(_row, self.rows), ""]
        lines += [f"- {verdict}" for verdict in self.verdicts]
        return "\n".join(lines).rstrip() + "\n"


def reached(value: float, *, most: float | None = None, least: float | None = None, what: str, unit: str = "") -> str:
    """One number to reach, and whether it was, by how much.

    Args:
        most: Reached when the value is not more.
        least: Reached when the value is not less.
    """
    is_reached = (most is None or value <= most) and (least is None or value >= least)
    wanted = f"at most {number(most)}" if most is not None else f"at least {number(least or 0)}"
    return f"{'reached' if is_reached else '**NOT reached**'}: {what}: {number(value)}{unit}, wanted {wanted}{unit}"


def number(value: float) -> str:
    """Three digits that mean something, and no more."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percentile(values: Iterable[float], percent: float) -> float:
    """The value that so many percent of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def heading(*, is_short: bool) -> str:
    """When, on what kind of machine, with which programs, and how to read it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    programs = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    system = f"{platform.system()} {platform.machine()}, {programs}"
    lines = (
        "# The delivery engine, measured",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores shared by everything, {memory:.0f} GiB, {system}.",
        "Loopback; fsync as the programs do it by default; TLS with verification and AUTH PLAIN on every connection.",
        "Read ratios first: absolute figures are this machine's. A run counts only when the sink has had every",
        "message once and whole. Rates, costs and isolation are medians of repetitions, interleaved where they are",
        "compared.",
        "**Short form: fewer messages, one repetition, more noise.**" if is_short else "",
    )
    return "\n".join(lines).rstrip() + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write(path: Path, tables: Sequence[Table], *, is_short: bool) -> None:
    path.write_text("\n".join([heading(is_short=is_short), *(table.to_markdown() for table in tables)]))
