"""How much a provider lets a tenant send, as the tenant has set it: so many a second, a minute and a day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final, Self

from portal.domain.routing import state_json

_PARTS: Final = 12
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)


class Period(Enum):
    """A period and the length of its sub-windows in microseconds; twelve of them are never shorter than it."""

    SECOND = 83_334
    MINUTE = 60_000_000 // _PARTS
    DAY = 86_400_000_000 // _PARTS

    def part_at(self, tick: int) -> int:
        return tick // self.value

    def freed_at(self, part: int) -> int:
        """The tick from which no window of this length reaches back into that sub-window."""
        return (part + _PARTS + 1) * self.value


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A provider's cap. None stands for no cap.

    Raises:
        ValueError: A cap below 1: who wants nothing sent turns the route off.
    """

    per_second: int | None = None
    per_minute: int | None = None
    per_day: int | None = None

    def __post_init__(self) -> None:
        if any(cap < 1 for cap in self.caps.values()):
            raise ValueError("A cap is at least 1.")

    @property
    def caps(self) -> dict[Period, int]:
        caps = {Period.SECOND: self.per_second, Period.MINUTE: self.per_minute, Period.DAY: self.per_day}
        return {period: cap for period, cap in caps.items() if cap is not None}


@dataclass(frozen=True, slots=True)
class _Log:
    """Grants of one period by sub-window, oldest first."""

    grants: tuple[tuple[int, int], ...] = ()

    def since(self, oldest: int) -> "_Log":
        return _Log(tuple((part, granted) for part, granted in self.grants if part >= oldest))

    def plus(self, part: int, number: int) -> "_Log":
        by_part = dict(self.grants)
        by_part[part] = by_part.get(part, 0) + number
        return _Log(tuple((part, granted) for part, granted in by_part.items() if granted > 0))

    @classmethod
    def from_json(cls, pairs: Iterable[Any]) -> Self:
        """Read it back; raises one of ``state_json.DAMAGED``."""
        return cls(tuple(sorted((state_json.count(part), state_json.count(n, at_least=1)) for part, n in pairs)))

    @property
    def total(self) -> int:
        return sum(granted for _, granted in self.grants)

    def full_until(self, cap: int) -> int:
        """The newest sub-window that has to be forgotten before there is room for one more."""
        left = self.total
        for part, granted in self.grants:
            left -= granted
            if left < cap:
                return part
        raise AssertionError("A cap is at least 1, and an empty log holds nothing.")


@dataclass(frozen=True, slots=True)
class RateUse:
    """What of a cap has been used: in any window of a period's length, the grants stay within the cap.

    Grants are counted in sub-windows of a twelfth. The one a window begins in is counted whole, so that thirteen
    sub-windows hold no more than the cap; the price is a thirteenth of the rate.

    A grant is for use at once. ``now`` has to come from one clock for all workers, the database's. Time does not run
    backwards here: where the clock is set back, it goes on from the latest moment seen (THREATS 38).

    Attributes:
        logs: One for each ``Period``.
        seen: The latest moment anything was granted at, in microseconds since 1970.
        ahead: How far the clock has been set back since, in microseconds.
    """

    logs: tuple[_Log, _Log, _Log] = (_Log(), _Log(), _Log())
    seen: int = 0
    ahead: int = 0

    def take(self, limit: RateLimit, wanted: int, now: datetime) -> tuple["RateUse", int, datetime | None]:
        """Take up to ``wanted`` grants.

        Returns:
            What is used then (the same object where nothing changes), how many were granted, and when at least one
            more may be; None where all were granted.
        """
        if not limit.caps or wanted < 1:
            return self, max(wanted, 0), None
        tick, ahead = self._tick(now)
        recent = {period: self._log(period).since(period.part_at(tick) - _PARTS) for period in limit.caps}
        granted = max(min(wanted, *(cap - recent[period].total for period, cap in limit.caps.items())), 0)
        use = replace(self, ahead=ahead) if ahead != self.ahead else self
        if granted:
            recent = {period: log.plus(period.part_at(tick), granted) for period, log in recent.items()}
            second, minute, day = (recent.get(period, _Log()) for period in Period)
            use = RateUse((second, minute, day), seen=tick, ahead=ahead)
        if granted == wanted:
            return use, granted, None
        full = ((period, cap) for period, cap in limit.caps.items() if recent[period].total >= cap)
        frees_at = max(period.freed_at(recent[period].full_until(cap)) for period, cap in full)
        return use, granted, _EPOCH + (frees_at - ahead) * _TICK

    def give_back(self, number: int, taken_at: datetime) -> "RateUse":
        """Return grants that were not used.

        Args:
            taken_at: The ``now`` they were taken at. Returned at any other moment they would make room where others
                have sent.
        """
        tick = (taken_at - _EPOCH) // _TICK
        if tick + self.ahead <= self.seen:  # else it was taken before the clock was set back
            tick += self.ahead
        second, minute, day = (self._log(period).plus(period.part_at(tick), -max(number, 0)) for period in Period)
        use = replace(self, logs=(second, minute, day))
        return self if use == self else use

    def to_json(self) -> dict[str, Any]:
        """For the route's row: sub-windows as ``[number, grants]``."""
        logs = {period.name.lower(): [list(pair) for pair in self._log(period).grants] for period in Period}
        return state_json.present(**logs, seen=self.seen, ahead=self.ahead)

    @classmethod
    def from_json(cls, row: Mapping[str, Any] | None) -> Self:
        """Read it back. What cannot be read counts as nothing used: the provider keeps a count of its own."""
        row = row or {}
        try:
            second, minute, day = (_Log.from_json(row.get(period.name.lower(), ())) for period in Period)
            seen, ahead = state_json.count(row.get("seen", 0)), state_json.count(row.get("ahead", 0))
        except state_json.DAMAGED:
            return cls()
        return cls((second, minute, day), seen, ahead)

    def _log(self, period: Period) -> _Log:
        return self.logs[list(Period).index(period)]

    def _tick(self, now: datetime) -> tuple[int, int]:
        """The moment in microseconds, and how far it is ahead of the clock."""
        tick = (now - _EPOCH) // _TICK
        if tick >= self.seen:
            return tick, 0
        ahead = max(self.ahead, self.seen - tick)
        return tick + ahead, ahead
