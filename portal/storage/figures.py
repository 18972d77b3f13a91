"""What somebody who watches the engine asks of the database, in numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select, union_all
from sqlalchemy.orm import Session

from portal.domain.ids import TenantId
from portal.domain.mail.notification_kinds import Priority
from portal.domain.routing.route_health import RouteHealth
from portal.storage.lanes import LaneRow, WorkerRow
from portal.storage.messages import IS_OPEN, MessageRow, MessageState
from portal.storage.route_states import RouteStateRow


@dataclass(frozen=True, slots=True)
class Queue:
    """All messages, counted.

    Attributes:
        messages: How many are in each state.
        due: How many could be begun now.
    """

    messages: Mapping[MessageState, int]
    due: int


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers by their leases.

    Attributes:
        alive: How many keep theirs.
        dead: Since when each of the others has not, the longest first. A worker that is alive removes them, unless
            there is none.
    """

    alive: int
    dead: tuple[datetime, ...]


def queue(session: Session, now: datetime) -> Queue:
    """Count every message there is, final ones too: one pass over the table."""
    is_due = (MessageRow.due_at <= now) & (MessageRow.state != MessageState.SENDING)
    rows = session.execute(
        select(MessageRow.state, func.count(), func.count(case((is_due, 1)))).group_by(MessageRow.state)
    ).all()
    found: dict[str, int] = {state: messages for state, messages, _ in rows}
    return Queue({state: found.get(state, 0) for state in MessageState}, sum(due for *_, due in rows))


def oldest_due(session: Session, now: datetime) -> datetime | None:
    """Since when the message has been due that has waited the longest to be begun; None when none waits.

    Asked of the messages, not of their lanes: a lane that is held says nothing of them, and one whose worker has died
    was made due at that moment. Takes a few seeks in the index for each lane with something to do, however long it is.
    """
    held = select(LaneRow.tenant_id).where(LaneRow.worker.is_not(None))
    free = select(LaneRow.tenant_id).where(LaneRow.worker.is_(None), LaneRow.due_at <= now)
    lane = union_all(held, free).subquery()
    firsts = (
        select(MessageRow.due_at)
        .where(MessageRow.tenant_id == lane.c.tenant_id, MessageRow.priority == priority)
        .where(MessageRow.due_at <= now, MessageRow.state != MessageState.SENDING)
        .order_by(MessageRow.due_at)
        .limit(1)
        .scalar_subquery()
        for priority in Priority
    )
    oldest: Sequence[datetime | None] = session.execute(select(*map(func.min, firsts)).select_from(lane)).one()
    return min((at for at in oldest if at is not None), default=None)


def waiting(session: Session, tenant_id: TenantId, *, most: int) -> int:
    """How many messages of a tenant are still to be sent: counted in its lane's index, and no further than ``most``."""
    unsent = select(MessageRow.id).where(MessageRow.tenant_id == tenant_id, IS_OPEN).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(unsent)) or 0


def workers(session: Session, now: datetime) -> Workers:
    """Who works.

    Args:
        now: ``Database.time()``, as with everything about leases.
    """
    leases = session.scalars(select(WorkerRow.lease_until).order_by(WorkerRow.lease_until)).all()
    dead = tuple(until for until in leases if until < now)
    return Workers(len(leases) - len(dead), dead)


def unhealthy_routes(session: Session) -> int:
    """How many routes new messages pass by, or wait for. Each of them has a probe ahead."""
    healths = session.scalars(select(RouteStateRow.health).where(RouteStateRow.look_at.is_not(None)))
    return sum(RouteHealth.from_json(health).is_open for health in healths)
