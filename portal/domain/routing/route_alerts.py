"""When a tenant's admins are told about their route (FAILURES section 1, last column; THREATS 41).

``told`` holds, for each class of fault, when the admins were last told of it on this route version. A class is told
once in 24 hours at most, and again after that only while it goes on. What was over before anybody was told of it is
told to nobody.

Two alerts of the table are not decided here, because they count mail and not the route's health: more than 1 % of
ambiguous ends in an hour, and twenty messages refused in a row. Both need every success counted; the recorded
attempts have these numbers already.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from portal.domain.routing.failure_counts import Streak
from portal.domain.routing.fault_traits import Alert, Fault
from portal.domain.routing.route_health import RouteHealth
from portal.domain.routing.route_pace import RoutePace

_UNHEALTHY_FOR: Final = timedelta(minutes=10)
_SLOWED_FOR: Final = timedelta(hours=1)
_ONCE_IN: Final = timedelta(hours=24)


def alert_due(health: RouteHealth, pace: RoutePace, told: Mapping[str, datetime], now: datetime) -> Fault | None:
    """The class the admins should be told of now, the longest due first.

    To be asked after each change of ``health`` or ``pace`` and at ``next_look()``, and again once its answer is in
    ``told``: two classes can be due.
    """
    due = [(at, fault) for at, fault in _alerts(health, pace, told) if at <= now]
    return min(due, key=lambda alert: alert[0])[1] if due else None


def next_look(health: RouteHealth, pace: RoutePace, told: Mapping[str, datetime], now: datetime) -> datetime | None:
    """When this route has to be looked at again: a trial or an alert is due then. None where nothing is to come.

    What is due already gives a moment that is not after ``now``.
    """
    moments = [at for at, _ in _alerts(health, pace, told)]
    if health.probe_at is not None:
        moments.append(now if health.probe_is_due(now) else health.probe_at)
    return min(moments, default=None)


def recovery_to_tell(before: RouteHealth, after: RouteHealth, told: Mapping[str, datetime]) -> bool:
    """Whether the admins should be told that the route works again, because they were told that it did not.

    Only when the trouble they were told of has been disproved, all of it: a sign-in that works does not show that a
    refused sender is accepted now.
    """
    still = {streak.fault for streak in after.streaks}
    known = {streak.fault for streak in before.streaks if _was_told(streak, told)}
    return not after.is_open and bool(known) and still.isdisjoint(known)


def _was_told(streak: Streak, told: Mapping[str, datetime]) -> bool:
    at = told.get(streak.fault)
    return at is not None and at >= streak.since


def _alerts(health: RouteHealth, pace: RoutePace, told: Mapping[str, datetime]) -> Iterator[tuple[datetime, Fault]]:
    """Each class that is to be told as things stand, and from when on."""
    for streak in health.streaks:
        begins = _begins(streak, health)
        last = told.get(streak.fault)
        goes_on = health.is_open and health.opened_by is streak.fault
        if begins is not None and last is None:
            yield begins, streak.fault
        elif begins is not None and last is not None and (goes_on or last < streak.since):
            yield max(begins, last + _ONCE_IN), streak.fault
    if (slowed := _slowed_at(pace)) is not None:
        last = told.get(Fault.RATE)
        if last is None or slowed >= last + _ONCE_IN:
            yield slowed, Fault.RATE


def _begins(streak: Streak, health: RouteHealth) -> datetime | None:
    if streak.fault.traits.alert is Alert.AT_ONCE:
        return streak.since
    if health.is_open and health.opened_by is streak.fault and health.opened_at is not None:
        return max(health.opened_at, streak.since) + _UNHEALTHY_FOR
    return None


def _slowed_at(pace: RoutePace) -> datetime | None:
    """When the server last confirmed that it is worth telling: silence does not prolong a throttle."""
    if pace.throttled_since is None or pace.throttled_at is None:
        return None
    lasting = pace.is_daily_quota or pace.throttled_at - pace.throttled_since > _SLOWED_FOR
    return pace.throttled_at if lasting else None
