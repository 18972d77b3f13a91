"""What all workers know of a route together: its health, its pace, and what its tenant's admins were told."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Self

from sqlalchemy.orm import Session

from portal.domain.audit_events import WORKER, AuditAction, AuditEvent
from portal.domain.routing import retry_schedule, route_alerts, state_json
from portal.domain.routing.failure_counts import HEALTH_RULES
from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.rate_limit import RateUse
from portal.domain.routing.route_health import RouteHealth
from portal.domain.routing.route_pace import RoutePace
from portal.domain.routing.smtp_route import SmtpRoute
from portal.storage import audit_log
from portal.storage import route_states as stored
from portal.storage.route_states import RouteStateRow

_SAYS_NOTHING: Final = frozenset(Fault) - HEALTH_RULES.keys() - {Fault.OK, Fault.RATE}
"""Faults of a recipient or of a message (THREATS 33)."""
_LONGEST_QUOTE: Final = 300
_RECOVERED: Final = "recovered"


@dataclass(frozen=True, slots=True)
class Recovery:
    """The route works again, and not everything that follows of it is done yet.

    Attributes:
        releases: What waits for the route has still to be let go.
        tell: The admins were told of the failure, so they are told of its end.
    """

    at: datetime
    releases: bool
    tell: bool


@dataclass(frozen=True, slots=True)
class RouteCondition:
    """The state of one route version, or of the platform's route, as it was read.

    Attributes:
        key: ``SmtpRoute.key``; empty where nothing is known of any route.
        told: For each class of fault, when the admins were last told of it.
        recovery: What is still to be done about a recovery; None mostly.
    """

    key: str = ""
    health: RouteHealth = field(default_factory=RouteHealth)
    pace: RoutePace = field(default_factory=RoutePace)
    rate_use: RateUse = field(default_factory=RateUse)
    told: Mapping[str, datetime] = field(default_factory=dict)
    recovery: Recovery | None = None

    @classmethod
    def of(cls, row: RouteStateRow) -> Self:
        told, recovery = _read_told(row.told or {})
        return cls(
            row.route,
            RouteHealth.from_json(row.health),
            RoutePace.from_json(row.pace),
            RateUse.from_json(row.rate),
            told,
            recovery,
        )

    @property
    def is_spotless(self) -> bool:
        """Whether nothing bad is known, so that a success has nothing to change."""
        return self.health == RouteHealth() and self.pace == RoutePace()

    def next_look(self, now: datetime) -> datetime | None:
        """When the watch has to look at the route; None where nothing is to come."""
        if self.recovery:
            return now
        return route_alerts.next_look(self.health, self.pace, self.told, now)

    def with_health(self, health: RouteHealth, now: datetime) -> "RouteCondition":
        """Its health has changed; where that is a recovery, what follows of it is noted."""
        before = self.recovery or Recovery(now, releases=False, tell=False)
        releases = before.releases or (self.health.is_open and not health.is_open)
        tell = before.tell or route_alerts.recovery_to_tell(self.health, health, self.told)
        if health.is_open:
            releases = tell = False  # it has failed again before anybody was told
        recovery = Recovery(before.at, releases, tell) if releases or tell else None
        return replace(self, health=health, recovery=recovery)


def read(session: Session, route_key: str) -> RouteCondition:
    row = stored.state_of(session, route_key)
    return RouteCondition.of(row) if row else RouteCondition(route_key)


def needs_recording(condition: RouteCondition, fault: Fault) -> bool:
    """Whether an attempt that ended so may change what is known; a healthy route that succeeds touches no row."""
    if fault is Fault.OK:
        return not condition.is_spotless
    return fault not in _SAYS_NOTHING


def record(
    session: Session,
    route: SmtpRoute,
    *,
    fault: Fault,
    said: str,
    now: datetime,
    cap: int,
    new_connection: bool = True,
) -> RouteCondition:
    """Note what an attempt with mail says of its route, in the transaction of its outcome.

    It locks the route's row and no other, so that it may come after the messages. What follows of it - mail to the
    admins, messages that wait no longer - is done by ``RouteWatch.due()``, for which the row is made due.

    Args:
        said: The server's words, or what happened instead of any, as in ``SubmissionError.said``.
        cap: How many connections the route may have when nothing slows it down.
        new_connection: Whether the connection was opened for this attempt; see ``RouteHealth.after``.

    Returns:
        What is known from now on.
    """
    row = stored.state_to_change(session, route.key, tenant_id=route.tenant_id, version=route.version)
    before = RouteCondition.of(row)
    not_before = retry_schedule.not_before(said, now) if fault is Fault.RATE else None
    after = replace(
        before.with_health(before.health.after(fault, now, said, new_connection=new_connection), now),
        pace=before.pace.after(fault, now, cap, not_before, said),
    )
    return _changed(session, row, before, after, now, said=said, shown_by="delivery")


def record_probe(session: Session, route: SmtpRoute, *, fault: Fault, said: str, now: datetime) -> RouteCondition:
    """Note how a trial of an unhealthy route has ended: a sign-in and a NOOP, without mail."""
    row = stored.state_to_change(session, route.key, tenant_id=route.tenant_id, version=route.version)
    before = RouteCondition.of(row)
    after = before.with_health(before.health.after_probe(fault, now, said), now)
    return _changed(session, row, before, after, now, said=said, shown_by="probe")


def write(row: RouteStateRow, condition: RouteCondition, now: datetime) -> None:
    """Put a condition into its locked row, all but its rate, which is written where messages begin."""
    row.health = None if condition.health == RouteHealth() else condition.health.to_json()
    row.pace = None if condition.pace == RoutePace() else condition.pace.to_json()
    row.told = _written_told(condition) or None
    row.look_at = condition.next_look(now)


def _changed(
    session: Session,
    row: RouteStateRow,
    before: RouteCondition,
    after: RouteCondition,
    now: datetime,
    *,
    said: str,
    shown_by: str,
) -> RouteCondition:
    if after == before:
        return before
    write(row, after, now)
    facts: dict[str, Any] = {"version": row.version, "shown_by": shown_by}
    tenant_id = row.tenant_id
    if after.health.is_open and not before.health.is_open:
        facts |= {"class": after.health.opened_by, "reply": said[:_LONGEST_QUOTE]}
        _audit(session, AuditAction.ROUTE_UNHEALTHY, now, tenant_id, facts)
    elif before.health.is_open and not after.health.is_open:
        facts |= {"class": before.health.opened_by, "since": _iso(before.health.opened_at)}
        _audit(session, AuditAction.ROUTE_RECOVERED, now, tenant_id, facts)
    return after


def _audit(session: Session, action: AuditAction, now: datetime, tenant_id: Any, facts: Mapping[str, object]) -> None:
    audit_log.append(session, AuditEvent(action, now, WORKER, tenant_id, facts))


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _written_told(condition: RouteCondition) -> dict[str, Any]:
    told: dict[str, Any] = {str(fault): at.isoformat() for fault, at in condition.told.items()}
    if condition.recovery:
        at, releases, tell = condition.recovery.at, condition.recovery.releases, condition.recovery.tell
        told[_RECOVERED] = {"at": at.isoformat(), "releases": releases, "tell": tell}
    return told


def _read_told(row: Mapping[str, Any]) -> tuple[Mapping[str, datetime], Recovery | None]:
    """What cannot be read counts as told to nobody."""
    try:
        recovered = row.get(_RECOVERED)
        told: dict[str, datetime] = {
            Fault(fault): state_json.moment(at) for fault, at in row.items() if fault != _RECOVERED
        }
        recovery = recovered and Recovery(
            state_json.moment(recovered["at"]), bool(recovered["releases"]), bool(recovered["tell"])
        )
    except state_json.DAMAGED:
        return {}, None
    return told, recovery or None
