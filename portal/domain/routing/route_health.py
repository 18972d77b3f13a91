"""The breaker of one route version, as transitions between values (DESIGN section 4, FAILURES section 1)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from portal.domain.routing import retry_schedule, state_json
from portal.domain.routing.failure_counts import (
    BUSY,
    HEALTH_RULES,
    Streak,
    Window,
    full_cause,
    streak_of,
    wears_down,
    window_after_failure,
    with_streak,
)
from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.trouble import Trouble

_AT_THE_DOOR: Final = frozenset({Fault.ROUTE_AUTH, Fault.ROUTE_CERT})
"""Decided when a connection is opened. Signing in disproves these and no others: it does not show that mail is taken.
Mail over a connection opened earlier disproves all others and not these: the password may have changed since."""
_LONGEST_WAIT: Final = max(rule.last_probe for rule in HEALTH_RULES.values())


class HealthState(StrEnum):
    CLOSED = "closed"  # mail flows
    OPEN = "open"  # new messages pass it by
    HALF_OPEN = "half_open"  # the same, while one worker tries it


@dataclass(frozen=True, slots=True)
class RouteHealth:
    """What is known of a route version's health; the default is a route of which nothing bad is known.

    Each transition returns the same object where nothing changes, so that the caller has nothing to write.

    Attributes:
        streaks: What has failed since mail was last accepted, a class each, in the order of their beginning.
        opened_at: When it became unhealthy. Kept while it is on trial: a trial has let it carry mail again, none has
            been accepted yet, and one failure of the old class opens it again, with the next longer wait.
        opened_by: The class that makes it unhealthy, as it was seen last.
        probe_at: When it is tried next; while half-open, when another worker may take the trial over.
        unknown_name_since: When a look-up first said that the server's name does not exist.
    """

    state: HealthState = HealthState.CLOSED
    streaks: tuple[Streak, ...] = ()
    window: Window | None = None
    opened_at: datetime | None = None
    opened_by: Fault | None = None
    probe_at: datetime | None = None
    unknown_name_since: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether new messages pass the route by, or wait."""
        return self.state is not HealthState.CLOSED

    def probe_is_due(self, now: datetime) -> bool:
        """Whether somebody should try the route now.

        A time farther away than any wait was written by a clock that was wrong (THREATS 38), and counts as due.
        """
        return self.probe_at is not None and not now < self.probe_at <= now + _LONGEST_WAIT

    def name_was_unknown_by(self, moment: datetime) -> bool:
        """Whether the server's name did not exist at or before that moment, and has not been found since."""
        return self.unknown_name_since is not None and self.unknown_name_since <= moment

    def after(self, fault: Fault, now: datetime, said: str = "", *, new_connection: bool = True) -> "RouteHealth":
        """An attempt with mail has ended.

        Args:
            fault: OK ends all streaks and closes the breaker; recipients' and messages' faults and RATE change
                nothing (THREATS 33).
            said: The server's words, or what happened instead of any, as in ``SubmissionError.said``.
            new_connection: Whether the connection was opened for this attempt. Mail accepted over an older one says
                nothing of the password: else warm connections would let us sign in until the account is locked.
        """
        if fault is Fault.OK:
            return _same_or(self, _after_success(self, now, new_connection=new_connection))
        if fault not in HEALTH_RULES:
            return self
        health = _remembering_the_name(self, said, now, new_connection=new_connection)
        streak = streak_of(health.streaks, fault, now)
        if self.is_open and streak.is_full:
            return _same_or(self, health)  # it is known already; only trials make the wait longer
        streak = streak.longer()
        health = replace(health, streaks=with_streak(health.streaks, streak))
        if fault in BUSY and not self.is_open:
            health = replace(health, window=window_after_failure(health.window, now))
        if wears_down(fault, health.streaks, health.window, said) and not _waits_as_long_for(fault, self):
            return _opened(health, streak, now)
        return _same_or(self, health)

    def begin_probe(self, now: datetime, lease: timedelta) -> "RouteHealth":
        """Take the trial for ``lease``; unchanged where none is due, because another has taken it or it is closed."""
        if not self.probe_is_due(now):
            return self
        return replace(self, state=HealthState.HALF_OPEN, probe_at=now + lease)

    def after_probe(self, fault: Fault, now: datetime, said: str = "", *, carried_mail: bool = False) -> "RouteHealth":
        """The trial has ended.

        A fault of the route opens it again with the next longer wait of that class. RATE says that the server is
        there and wants to be left alone, nothing more: the same wait again, or until the time it named. A fault of the
        recipient or the message says that the server let us in, as OK does.

        Args:
            carried_mail: Whether OK is a message accepted. Else it has signed in and said NOOP, which closes the
                breaker but leaves the route on trial for what only mail can disprove.
        """
        if fault in HEALTH_RULES:
            if not self.is_open:
                return self.after(fault, now, said)
            health = _remembering_the_name(self, said, now, new_connection=True)
            return _opened(health, streak_of(health.streaks, fault, now).longer(), now)
        if fault is Fault.RATE:
            return _put_off(self, now, said) if self.is_open else self
        if fault is Fault.OK and carried_mail:
            return self.after(fault, now)
        return _same_or(self, _after_sign_in(self))

    def to_json(self) -> dict[str, Any]:
        """For the route's row; times as ISO 8601."""
        return state_json.present(
            state=self.state.value,
            streaks=[streak.to_json() for streak in self.streaks],
            window=self.window.to_json() if self.window else None,
            opened_at=self.opened_at,
            opened_by=self.opened_by.value if self.opened_by else None,
            probe_at=self.probe_at,
            unknown_name_since=self.unknown_name_since,
        )

    @classmethod
    def from_json(cls, row: Mapping[str, Any] | None) -> Self:
        """Read it back. What cannot be read counts as nothing known: the next failures will tell."""
        try:
            health = cls._read(row or {})
        except state_json.DAMAGED:
            return cls()
        caused = any(streak.fault is health.opened_by for streak in health.streaks)
        sound = caused if health.opened_at else not health.is_open
        return health if sound and health.is_open is (health.probe_at is not None) else cls()

    @classmethod
    def _read(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            state=HealthState(row.get("state", HealthState.CLOSED)),
            streaks=tuple(Streak.from_json(streak) for streak in row.get("streaks", ())),
            window=Window.from_json(row["window"]) if row.get("window") else None,
            opened_at=state_json.moment_if_any(row, "opened_at"),
            opened_by=Fault(row["opened_by"]) if row.get("opened_by") else None,
            probe_at=state_json.moment_if_any(row, "probe_at"),
            unknown_name_since=state_json.moment_if_any(row, "unknown_name_since"),
        )


def _same_or(before: RouteHealth, after: RouteHealth) -> RouteHealth:
    return before if after == before else after


def _remembering_the_name(health: RouteHealth, said: str, now: datetime, *, new_connection: bool) -> RouteHealth:
    if said.startswith(Trouble.NO_SUCH_HOST):
        return replace(health, unknown_name_since=health.unknown_name_since or now)
    if said.startswith(Trouble.LOOKUP_FAILED) or not new_connection:
        return health
    return replace(health, unknown_name_since=None)


def _waits_as_long_for(fault: Fault, health: RouteHealth) -> bool:
    """Whether it is open already for a reason that takes at least as long: a refused password outweighs a 421."""
    by = health.opened_by if health.is_open else None
    return by is not None and HEALTH_RULES[fault].first_probe <= HEALTH_RULES[by].first_probe


def _opened(health: RouteHealth, streak: Streak, now: datetime) -> RouteHealth:
    streak = streak.filled()
    return replace(
        health,
        state=HealthState.OPEN,
        streaks=with_streak(health.streaks, streak),
        window=None,
        opened_at=health.opened_at or now,
        opened_by=streak.fault,
        probe_at=now + streak.wait,
    )


def _put_off(health: RouteHealth, now: datetime, said: str) -> RouteHealth:
    wait = max((streak.wait for streak in health.streaks if streak.fault is health.opened_by), default=_LONGEST_WAIT)
    named = retry_schedule.not_before(said, now) or now
    return replace(health, state=HealthState.OPEN, probe_at=max(now + wait, named))


def _after_success(health: RouteHealth, now: datetime, *, new_connection: bool) -> RouteHealth:
    left = () if new_connection else tuple(streak for streak in health.streaks if streak.fault in _AT_THE_DOOR)
    if cause := full_cause(left, health.opened_by):
        return replace(health, streaks=left, opened_by=cause)
    return RouteHealth(
        streaks=left,
        window=health.window.after_success(now) if health.window else None,
        unknown_name_since=None if new_connection else health.unknown_name_since,
    )


def _after_sign_in(health: RouteHealth) -> RouteHealth:
    left = tuple(streak for streak in health.streaks if streak.fault not in _AT_THE_DOOR)
    if cause := full_cause(left, health.opened_by):  # on trial
        return replace(
            health, state=HealthState.CLOSED, streaks=left, opened_by=cause, probe_at=None, unknown_name_since=None
        )
    return RouteHealth(streaks=left, window=health.window)
