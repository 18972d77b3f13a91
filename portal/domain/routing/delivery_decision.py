"""What becomes of a message after an attempt on one route (FAILURES sections 1 and 4)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from portal.domain.mail.notification_kinds import NotificationKind, Priority
from portal.domain.routing import retry_schedule as schedule
from portal.domain.routing.attempt_history import History
from portal.domain.routing.decisions import (
    Decision,
    Delivered,
    Expire,
    GiveUp,
    NextRoute,
    Reason,
    RetryNow,
    TryAgain,
    sentence,
)
from portal.domain.routing.fault_traits import Fallback, Fault
from portal.domain.routing.route_choice import Choice
from portal.domain.routing.smtp_route import SmtpRoute

__all__ = [
    "Decision",
    "Delivered",
    "Expire",
    "GiveUp",
    "NextRoute",
    "Reason",
    "RetryNow",
    "Situation",
    "TryAgain",
    "decide",
    "sentence",
]


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a message stands when an attempt on a route has ended.

    Attributes:
        remaining: The choice just tried, then those left (a tail of what ``routes_to_try()`` gave). Policy and
            kind have spoken there: a route that may not be used is not in it.
        history: The attempts that ended before the one now judged, quick retries included.
        began_at: When the worker took the message up this time.
        expires_at: When the message is no longer worth delivering.
        not_before: From ``retry_schedule.not_before()``, for a RATE fault.
        jitter: 0 to 1.
    """

    kind: NotificationKind
    remaining: tuple[Choice, ...]
    history: History
    now: datetime
    began_at: datetime
    expires_at: datetime
    not_before: datetime | None = None
    jitter: float = 0.0

    @property
    def route(self) -> SmtpRoute:
        return self.remaining[0].route

    @property
    def next_choice(self) -> Choice | None:
        return self.remaining[1] if len(self.remaining) > 1 else None

    @property
    def may_have_arrived(self) -> bool:
        """Whether a server may have taken a copy in an earlier attempt."""
        return self.history.copies_possible > 0

    def tries_before(self, *faults: Fault) -> int:
        return self.history.on(self.route).ending(*faults).tries

    def since_first(self, *faults: Fault) -> timedelta:
        """How long ago the first attempt on this route ended so; zero when this one is the first."""
        return self.now - (self.history.on(self.route).ending(*faults).first_at or self.now)


def decide(fault: Fault, situation: Situation) -> Decision:
    """What to do now.

    Each fault has its row in ``_ROWS``. Around it stands what holds for all: at most three copies ever, and nothing
    is sent after its expiry.
    """
    if not fault.traits.final:
        if situation.history.copies_possible + (fault is Fault.AMBIGUOUS) >= schedule.MOST_COPIES:
            return GiveUp(Reason.ENOUGH_COPIES, fault, may_have_arrived=True)
        if situation.now >= situation.expires_at:
            return Expire(Reason.TOO_LATE, situation.expires_at)
    decision = _ROWS[fault](fault, situation)
    match decision:
        case RetryNow(_, after) if situation.now + after >= situation.expires_at:
            return _last_chance(fault, situation)
        case TryAgain(_, at) if at >= situation.expires_at:
            return _last_chance(fault, situation)
        case _:
            return decision


def _last_chance(fault: Fault, situation: Situation) -> Decision:
    """The next try here would come after the message's expiry: better the next route now than nothing."""
    if situation.next_choice and fault.traits.fallback in {Fallback.AFTER_RETRIES, Fallback.AFTER_PATIENCE}:
        return _go_on(Reason.NO_TIME_LEFT, situation.next_choice, situation)
    return Expire(Reason.TOO_LATE, situation.expires_at)


def _delivered(_fault: Fault, situation: Situation) -> Decision:
    return Delivered(Reason.ACCEPTED, possible_duplicate=situation.may_have_arrived)


def _refused_for_good(fault: Fault, situation: Situation) -> Decision:
    because = Reason.RECIPIENT_REFUSED if fault is Fault.RCPT_PERM else Reason.MESSAGE_REFUSED
    return GiveUp(because, fault, may_have_arrived=situation.may_have_arrived)


def _route_refused(fault: Fault, situation: Situation) -> Decision:
    if situation.next_choice:
        return _go_on(Reason.ROUTE_FAILED, situation.next_choice, situation)
    waits = schedule.SIGN_IN_REFUSED if fault is Fault.ROUTE_AUTH else schedule.REFUSED
    return _later(Reason.NO_OTHER_ROUTE, waits, situation, fault)


def _route_busy(fault: Fault, situation: Situation) -> Decision:
    if situation.kind.priority is Priority.BULK and situation.next_choice:
        left = schedule.BULK_PATIENCE - situation.since_first(fault)
        if left <= timedelta():
            return _go_on(Reason.RETRIES_USED, situation.next_choice, situation)
        return _later(Reason.BULK_WAITS, schedule.BULK_BEFORE_FALLBACK, situation, fault, at_most=left)
    if situation.tries_before(fault) == 0 and _has_time_for_a_quick_retry(situation):
        return RetryNow(Reason.QUICK_RETRY)
    if situation.next_choice:
        return _go_on(Reason.RETRIES_USED, situation.next_choice, situation)
    return _later(Reason.NO_OTHER_ROUTE, schedule.ONLY_ROUTE, situation, fault)


def _has_time_for_a_quick_retry(situation: Situation) -> bool:
    if situation.kind.priority is Priority.BULK:
        return False
    budget = schedule.own_route_seconds(situation.kind, next_route=situation.next_choice is not None)
    spent = situation.now - situation.began_at
    return spent + schedule.QUICK_RETRY < timedelta(seconds=budget)


def _too_fast(fault: Fault, situation: Situation) -> Decision:
    named = situation.not_before
    at_least = max(named - situation.now, timedelta()) if named else timedelta()
    if not situation.next_choice:
        return _later(Reason.TOO_FAST, schedule.RATE, situation, fault, at_least=at_least)
    left = schedule.rate_patience(situation.kind) - situation.since_first(fault)
    if left <= timedelta():
        return _go_on(Reason.PATIENCE_ENDED, situation.next_choice, situation)
    return _later(Reason.TOO_FAST, schedule.RATE, situation, fault, at_least=at_least, at_most=left)


def _recipient_not_ready(fault: Fault, situation: Situation) -> Decision:
    # On whichever route: it is the recipient who is not ready.
    earlier = situation.history.ending(fault)
    at_most: timedelta | None = None
    if not situation.kind.is_security:
        at_most = schedule.RECIPIENT_PATIENCE - (situation.now - (earlier.first_at or situation.now))
        if at_most <= timedelta():
            return GiveUp(Reason.RECIPIENT_NEVER_READY, fault, may_have_arrived=situation.history.copies_possible > 0)
    wait = schedule.RECIPIENT.wait(earlier.tries, situation.jitter)
    return TryAgain(Reason.RECIPIENT_LATER, situation.now + (min(wait, at_most) if at_most else wait))


def _maybe_accepted(fault: Fault, situation: Situation) -> Decision:
    on_this_route = situation.tries_before(fault)
    if on_this_route > 0 and situation.next_choice:
        return NextRoute(Reason.MAYBE_TWICE, situation.next_choice, possible_duplicate=True)
    # Where there is no next route, the third copy goes this way too, after a longer wait.
    return _later(Reason.MAYBE_ACCEPTED, schedule.AMBIGUOUS, situation, fault)


def _go_on(because: Reason, choice: Choice, situation: Situation) -> NextRoute:
    return NextRoute(because, choice, possible_duplicate=situation.may_have_arrived)


def _later(
    because: Reason,
    waits: schedule.Schedule,
    situation: Situation,
    fault: Fault,
    *,
    at_least: timedelta = timedelta(),
    at_most: timedelta = timedelta.max,
) -> TryAgain:
    wait = waits.wait(situation.tries_before(fault), situation.jitter)
    return TryAgain(because, situation.now + min(max(wait, at_least), at_most))


_ROWS: Final[dict[Fault, Callable[[Fault, Situation], Decision]]] = {
    Fault.OK: _delivered,
    Fault.ROUTE_AUTH: _route_refused,
    Fault.ROUTE_CERT: _route_refused,
    Fault.ROUTE_SENDER: _route_refused,
    Fault.ROUTE_PERM: _route_refused,
    Fault.ROUTE_PROTOCOL: _route_refused,
    Fault.ROUTE_TEMP: _route_busy,
    Fault.RATE: _too_fast,
    Fault.RCPT_PERM: _refused_for_good,
    Fault.RCPT_TEMP: _recipient_not_ready,
    Fault.MSG_PERM: _refused_for_good,
    Fault.AMBIGUOUS: _maybe_accepted,
}
