"""How often a route has failed, and when that is too often (FAILURES section 1, column *health*)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from portal.domain.routing import state_json
from portal.domain.routing.fault_rules import words_of
from portal.domain.routing.fault_traits import TRAITS, Fault, HealthRule
from portal.domain.routing.trouble import Trouble

HEALTH_RULES: Final = {fault: traits.health for fault, traits in TRAITS.items() if traits.health is not None}
BUSY: Final = frozenset({Fault.ROUTE_TEMP, Fault.AMBIGUOUS})
"""Counted together: an ambiguous end wears a route down "as ROUTE_TEMP"."""

_CLOSED_ACCOUNT: Final = frozenset({"disabled", "suspended", "locked"})
_MOST_DOUBLINGS: Final = 16


@dataclass(frozen=True, slots=True)
class Streak:
    """Faults of one class without a success that disproves them.

    "In a row" means without such a success between. Faults of another class do not end a streak: a server that
    could not be reached has not accepted the password refused before.

    Attributes:
        times: Up to its rule's number these are failures of mail; above, trials of an unhealthy route that failed.
        since: When the first of them happened.
    """

    fault: Fault
    times: int
    since: datetime

    @property
    def rule(self) -> HealthRule:
        return HEALTH_RULES[self.fault]

    @property
    def is_full(self) -> bool:
        return self.times >= self.rule.in_a_row

    @property
    def wait(self) -> timedelta:
        """How long an unhealthy route is left alone: doubled by each failed trial, up to the rule's longest."""
        doublings = min(max(self.times - self.rule.in_a_row, 0), _MOST_DOUBLINGS)
        return min(self.rule.first_probe * (1 << doublings), self.rule.last_probe)

    def longer(self) -> Self:
        """One more failure."""
        return replace(self, times=min(self.times + 1, self.rule.in_a_row + _MOST_DOUBLINGS))

    def filled(self) -> Self:
        """As unhealthy as its rule knows, whatever has made the route so: its share of failures, or one clear word."""
        return replace(self, times=max(self.times, self.rule.in_a_row))

    def to_json(self) -> dict[str, Any]:
        return state_json.present(fault=self.fault.value, times=self.times, since=self.since)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        """Read it back; raises one of ``state_json.DAMAGED``."""
        fault = Fault(row["fault"])
        if fault not in HEALTH_RULES:
            raise ValueError(f"{fault} says nothing about a route.")
        return cls(fault, state_json.count(row["times"], at_least=1), state_json.moment(row["since"]))


def streak_of(streaks: tuple[Streak, ...], fault: Fault, now: datetime) -> Streak:
    """The one of that class; one that is to begin now where there is none."""
    return next((streak for streak in streaks if streak.fault is fault), Streak(fault, 0, now))


def with_streak(streaks: tuple[Streak, ...], streak: Streak) -> tuple[Streak, ...]:
    """The same with this one in the place of its class."""
    return tuple(({known.fault: known for known in streaks} | {streak.fault: streak}).values())


def full_cause(streaks: tuple[Streak, ...], before: Fault | None) -> Fault | None:
    """What still makes a route unhealthy: the same as before where its streak is among these, else another."""
    full = [streak.fault for streak in streaks if streak.is_full]
    return before if before in full else next(iter(full), None)


@dataclass(frozen=True, slots=True)
class Window:
    """Five minutes that begin with a temporary failure: more than half of at least ten attempts must not fail.

    Successes are counted only in here, so that a healthy route has nothing to write down. A window also ends when ten
    more have succeeded than failed. Nothing is missed by that: for the failures to outweigh those successes again,
    there would have to be more than ten failures above the successes that follow, and these fill a window of their
    own.
    """

    began: datetime
    ok: int = 0
    failed: int = 1

    @property
    def has_mostly_failed(self) -> bool:
        return self.ok + self.failed >= 10 and self.failed > self.ok

    def holds(self, now: datetime) -> bool:
        return self.began <= now < self.began + timedelta(minutes=5)

    def after_success(self, now: datetime) -> Self | None:
        if not self.holds(now) or self.ok + 1 >= self.failed + 10:
            return None
        return replace(self, ok=self.ok + 1)

    def to_json(self) -> dict[str, Any]:
        return state_json.present(began=self.began, ok=self.ok, failed=self.failed)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        """Read it back; raises one of ``state_json.DAMAGED``."""
        ok, failed = state_json.count(row.get("ok", 0)), state_json.count(row["failed"], at_least=1)
        return cls(state_json.moment(row["began"]), ok, failed)


def window_after_failure(window: Window | None, now: datetime) -> Window:
    if window is None or not window.holds(now):
        return Window(now)
    return replace(window, failed=window.failed + 1)


def wears_down(fault: Fault, streaks: tuple[Streak, ...], window: Window | None, said: str) -> bool:
    """Whether this fault, which is counted already, makes the route unhealthy.

    Args:
        said: The server's words, or what happened instead of any: then it begins with a ``Trouble``, as no reply does.
    """
    together = BUSY if fault in BUSY else {fault}
    in_a_row = sum(streak.times for streak in streaks if streak.fault in together)
    mostly = fault in BUSY and window is not None and window.has_mostly_failed
    return in_a_row >= HEALTH_RULES[fault].in_a_row or mostly or _decides_at_once(fault, said)


def _decides_at_once(fault: Fault, said: str) -> bool:
    """Whether one refusal is enough, because a second could only say the same."""
    if fault is Fault.ROUTE_AUTH:
        return not _CLOSED_ACCOUNT.isdisjoint(words_of(said).split())
    return fault is Fault.ROUTE_PERM and said.startswith(Trouble.FORBIDDEN_ADDRESS)
