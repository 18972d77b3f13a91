"""A connection test as the page shows it, while it runs and afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from portal.storage.organisations import TenantRow
from portal.storage.probes import ProbeRow

_GIVEN_UP_AFTER: Final = timedelta(seconds=60)
"""A test takes 20 seconds at most; the process of one that still has no end by now has died."""
_JUST_NOW: Final = timedelta(minutes=5)
_ALWAYS: Final = ("resolve", "connect", "banner", "ehlo", "auth", "mail", "rcpt", "dot")
"""Stages of every test, in their order; the others depend on encryption and server."""


class Progress(StrEnum):
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class ProbePanel:
    """One run of Test connection.

    Attributes:
        not_reached: Names of the stages that were still to come when it ended.
        activated_just_now: Whether it has made the version it tested the active one, in the last minutes.
    """

    row: ProbeRow
    progress: Progress
    not_reached: Sequence[str]
    activated_just_now: bool

    @classmethod
    def of(cls, row: ProbeRow, tenant: TenantRow, *, now: datetime) -> "ProbePanel":
        progress = _progress(row, now)
        is_recent = row.finished_at is not None and now - row.finished_at < _JUST_NOW
        activated = progress is Progress.PASSED and row.activates and tenant.active_version == row.version
        reached = {stage["stage"] for stage in row.stages}
        last = max((_ALWAYS.index(stage) for stage in reached if stage in _ALWAYS), default=-1)
        not_reached = () if progress is Progress.PASSED else _ALWAYS[last + 1 :]
        return cls(row, progress, not_reached, activated and is_recent)

    @property
    def is_running(self) -> bool:
        return self.progress is Progress.RUNNING

    @property
    def verdict(self) -> Mapping[str, Any]:
        return self.row.verdict or {}


def _progress(row: ProbeRow, now: datetime) -> Progress:
    if row.verdict is not None:
        return Progress.PASSED if row.verdict["ok"] else Progress.FAILED
    if row.finished_at is not None or now - row.started_at > _GIVEN_UP_AFTER:
        return Progress.INTERRUPTED
    return Progress.RUNNING
