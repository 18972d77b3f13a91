"""How fast a route may be used after its server has asked us to slow down (FAILURES section 1, row RATE)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from portal.domain.routing import retry_schedule, state_json
from portal.domain.routing.fault_traits import Fault

_ONE_MORE_AFTER: Final = timedelta(minutes=1)
_OVER_AFTER: Final = timedelta(hours=1)
_LONGEST_PAUSE: Final = timedelta(hours=6)  # as retry_schedule.not_before() has it
_CLOCKS_DIFFER_BY: Final = timedelta(minutes=1)  # at most, between workers
_DAILY: Final = re.compile(r"\b(?:daily|per day|credits?|24[ -]?hours?)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RoutePace:
    """What a route's server has asked of us; the default is a route that may be used up to its cap.

    Each RATE fault halves the connections and pauses the route; each minute without one gives a connection back.
    Each transition returns the same object where nothing changes, so that the caller has nothing to write.

    Attributes:
        connections: How many may be open at once; None leaves it at the cap.
        paused_until: No message begins before this.
        throttles: RATE faults without a success between; each doubles the pause.
        changed_at: When ``connections`` was last changed.
        throttled_since: The first RATE fault since the route had last recovered.
        throttled_at: The latest RATE fault that counted.
        is_daily_quota: It has spoken of a daily quota, or of credits used up, since then.
    """

    connections: int | None = None
    paused_until: datetime | None = None
    throttles: int = 0
    changed_at: datetime | None = None
    throttled_since: datetime | None = None
    throttled_at: datetime | None = None
    is_daily_quota: bool = False

    def allowed(self, cap: int, now: datetime) -> int:
        """How many connections may be used now: 0 during a pause, else 1 to ``cap``."""
        return 0 if _is_paused(self, now) else _in_use(self, cap)

    def after(
        self, fault: Fault, now: datetime, cap: int, not_before: datetime | None = None, said: str = ""
    ) -> "RoutePace":
        """An attempt with mail has ended.

        RATE faults that arrive during a pause count once, with the one that began it: they come from connections that
        were used at the same time, and were told the same thing. They can only prolong the pause, by the time they
        name. A success that arrives during a pause was begun before it, and says nothing.

        Args:
            cap: How many connections the route may have when nothing slows it down, at least 1.
            not_before: From ``retry_schedule.not_before()``, for a RATE fault.
            said: The server's words.
        """
        if fault is Fault.RATE:
            paced = _slowed(RoutePace() if _is_over(self, now) else self, now, cap, not_before)
            if _DAILY.search(said):
                paced = replace(paced, is_daily_quota=True)
        elif fault is Fault.OK and not _is_paused(self, now):
            paced = _eased(self, now, cap)
        else:
            return self
        return self if paced == self else paced

    def to_json(self) -> dict[str, Any]:
        """For the route's row; times as ISO 8601."""
        return state_json.present(
            connections=self.connections,
            paused_until=self.paused_until,
            throttles=self.throttles,
            changed_at=self.changed_at,
            throttled_since=self.throttled_since,
            throttled_at=self.throttled_at,
            is_daily_quota=self.is_daily_quota,
        )

    @classmethod
    def from_json(cls, row: Mapping[str, Any] | None) -> Self:
        """Read it back. What cannot be read counts as nothing known: the server will say it again."""
        try:
            pace = cls._read(row or {})
        except state_json.DAMAGED:
            return cls()
        together = {pace.connections is None, pace.changed_at is None, pace.throttled_since is None}
        return pace if len(together | {pace.throttled_at is None}) == 1 else cls()

    @classmethod
    def _read(cls, row: Mapping[str, Any]) -> Self:
        connections = row.get("connections")
        return cls(
            connections=None if connections is None else state_json.count(connections, at_least=1),
            paused_until=state_json.moment_if_any(row, "paused_until"),
            throttles=state_json.count(row.get("throttles", 0)),
            changed_at=state_json.moment_if_any(row, "changed_at"),
            throttled_since=state_json.moment_if_any(row, "throttled_since"),
            throttled_at=state_json.moment_if_any(row, "throttled_at"),
            is_daily_quota=row.get("is_daily_quota") is True,
        )


def _is_paused(pace: RoutePace, now: datetime) -> bool:
    """Not where the clock was set back since: no pause is longer than was meant (THREATS 38)."""
    if pace.paused_until is None or pace.throttled_at is None or now < pace.throttled_at - _CLOCKS_DIFFER_BY:
        return False
    return now < pace.paused_until


def _is_over(pace: RoutePace, now: datetime) -> bool:
    """Whether a further RATE fault begins anew: an hour without a word says nothing of the pace in it."""
    ends = [moment for moment in (pace.paused_until, pace.throttled_at) if moment is not None]
    return bool(ends) and now > max(ends) + _OVER_AFTER


def _slowed(pace: RoutePace, now: datetime, cap: int, not_before: datetime | None) -> RoutePace:
    named = min(not_before, now + _LONGEST_PAUSE) if not_before is not None and not_before > now else None
    if _is_paused(pace, now):
        return replace(pace, paused_until=max(filter(None, (pace.paused_until, named))))
    return RoutePace(
        connections=max(_in_use(pace, cap) // 2, 1),
        paused_until=named or now + retry_schedule.RATE.wait(pace.throttles),
        throttles=pace.throttles + 1,
        changed_at=now,
        throttled_since=pace.throttled_since or now,
        throttled_at=now,
        is_daily_quota=pace.is_daily_quota,
    )


def _eased(pace: RoutePace, now: datetime, cap: int) -> RoutePace:
    if pace.changed_at is None:
        return pace
    minutes = (now - pace.changed_at) // _ONE_MORE_AFTER
    if minutes == 0:
        return replace(pace, throttles=0, paused_until=None)
    connections = _in_use(pace, cap) + max(minutes, 0)  # below 0 the clock was set back: counted from here
    if minutes > 0 and connections >= cap:
        return RoutePace()
    return replace(pace, connections=connections, throttles=0, paused_until=None, changed_at=now)


def _in_use(pace: RoutePace, cap: int) -> int:
    return cap if pace.connections is None else min(pace.connections, cap)
