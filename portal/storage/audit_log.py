"""The audit log: rows are added, never changed.

Ids grow with time, so that a span of time is a span of ids (``first_since()``), and every index below ends in the id:
a page of the log reads as many rows as it shows, however long the log is.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, String, and_, func, insert, literal, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.domain.audit_events import OPERATIONAL, WORKER, AuditEvent
from portal.domain.ids import TenantId
from portal.storage.bulk import Bulk
from portal.storage.database import Base, UtcDateTime
from portal.storage.organisations import TenantRow

_OUT_OF_ORDER: Final = timedelta(minutes=1)
"""An event's time is taken before its id: neighbours may stand in the other order."""


class AuditRow(Base):
    __tablename__ = "audit_log"
    __table_args__ = (Index(None, "tenant_id", "id"), Index(None, "tenant_id", "action", "id"))

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    tenant_id: Mapped[str | None] = mapped_column(ForeignKey(TenantRow.id))
    action: Mapped[str] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(64))
    network: Mapped[str | None] = mapped_column(String(45))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)


# Of what people did, which is little beside what the worker writes of deliveries: those do not pay for these indexes.
# The name is part of the statement, because no database takes a bound value for the one in the index's condition.
_BY_PEOPLE: Final = AuditRow.actor != literal(WORKER.name, literal_execute=True)
_FROM_A_NETWORK: Final = AuditRow.network.is_not(None)
Index(
    "ix_audit_log_people",
    AuditRow.tenant_id,
    AuditRow.actor,
    AuditRow.id,
    sqlite_where=_BY_PEOPLE,
    postgresql_where=_BY_PEOPLE,
)
Index(
    "ix_audit_log_networks",
    AuditRow.tenant_id,
    AuditRow.network,
    AuditRow.id,
    sqlite_where=_FROM_A_NETWORK,
    postgresql_where=_FROM_A_NETWORK,
)
# One by one, because SQLite recognises the index's condition by its parts. A name that nobody knows is administrative.
IS_ADMINISTRATIVE: Final = and_(
    *(AuditRow.action != literal(action.value, literal_execute=True) for action in sorted(OPERATIONAL))
)
Index(
    "ix_audit_log_administrative",
    AuditRow.id,
    sqlite_where=IS_ADMINISTRATIVE,
    postgresql_where=IS_ADMINISTRATIVE,
)

_ADD: Final = Bulk(
    insert(Base.metadata.tables[AuditRow.__tablename__]), ("at", "tenant_id", "action", "actor", "network", "facts")
)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events are asked for; what is left empty excludes nothing.

    Attributes:
        actions: The names of the events.
        actor: Who did it, as ``Actor.name`` has it.
        network: From where, as ``Actor.network`` has it.
        since: The first moment that counts.
        until: The first moment that counts no more.
    """

    actions: frozenset[str] = frozenset()
    actor: str | None = None
    network: str | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING: Final = AuditFilter()


def append(session: Session, *events: AuditEvent) -> None:
    """Write events in the transaction of the change they tell of: both are there, or neither."""
    if events:
        _ADD.run(
            session,
            [
                {
                    "at": event.at,
                    "tenant_id": event.tenant_id,
                    "action": event.action,
                    "actor": event.actor.name,
                    "network": event.actor.network,
                    "facts": dict(event.facts),
                }
                for event in events
            ],
        )


def page(
    session: Session,
    tenant_id: TenantId,
    wanted: AuditFilter = EVERYTHING,
    *,
    before: int | None = None,
    most: int = 50,
) -> Sequence[AuditRow]:
    """The tenant's events, newest first.

    Args:
        before: Only events older than the one with this id.
    """
    query = select(AuditRow).where(AuditRow.tenant_id == tenant_id, *_within(session, wanted))
    query = query.order_by(AuditRow.id.desc()).limit(most)
    if before:
        query = query.where(AuditRow.id < before)
    by_people = wanted.actor is not None and wanted.actor != WORKER.name
    if wanted.actor is not None:
        query = query.where(AuditRow.actor == wanted.actor, *([_BY_PEOPLE] if by_people else []))
    if wanted.network is not None:
        query = query.where(_FROM_A_NETWORK, AuditRow.network == wanted.network)
    if by_people or wanted.network is not None:
        if wanted.actions:
            # Nothing is added to the name; but so no database chooses the index of names, where deliveries stand, too.
            query = query.where((AuditRow.action + "").in_(wanted.actions))
        return session.scalars(query).all()
    if not wanted.actions:
        return session.scalars(query).all()
    # One by one: each is the end of one stretch of the index, while all at once would be read and sorted whole.
    found = [session.scalars(query.where(AuditRow.action == action)).all() for action in sorted(wanted.actions)]
    return list(heapq.merge(*found, key=lambda row: -row.id))[:most]


def actors(session: Session, tenant_id: TenantId, *, most: int = 200) -> Sequence[str]:
    """Everybody but the worker who has done something in the tenant: one step in the index for each of them."""

    def next_actor(*after: Any) -> Any:
        query = select(AuditRow.actor).where(AuditRow.tenant_id == tenant_id, _BY_PEOPLE, *after)
        return query.order_by(AuditRow.actor).limit(1).scalar_subquery()

    found = select(next_actor().label("actor")).cte("found", recursive=True)
    found = found.union_all(select(next_actor(AuditRow.actor > found.c.actor)).where(found.c.actor.is_not(None)))
    query = select(found.c.actor).where(found.c.actor.is_not(None)).limit(most)
    return session.scalars(query).all()


def first_since(session: Session, moment: datetime) -> int:
    """The id that parts events before a moment from those since, found by halving: their ids grow with time."""
    # Asked for apart: SQLite looks up one end in the index, and reads the whole table for both.
    low = session.scalar(select(func.min(AuditRow.id))) or 0
    high = (session.scalar(select(func.max(AuditRow.id))) or -1) + 1
    while low < high:
        middle = (low + high) // 2
        nearest = session.execute(
            select(AuditRow.id, AuditRow.at).where(AuditRow.id >= middle).order_by(AuditRow.id).limit(1)
        ).one()
        if nearest.at < moment:
            low = nearest.id + 1
        else:
            high = middle
    return low


def _within(session: Session, wanted: AuditFilter) -> list[ColumnElement[bool]]:
    """Ids bound how much is read; the times themselves decide at the ends."""
    conditions = []
    if wanted.since:
        first = first_since(session, wanted.since - _OUT_OF_ORDER)
        conditions += [AuditRow.id >= first, AuditRow.at >= wanted.since]
    if wanted.until:
        end = first_since(session, wanted.until + _OUT_OF_ORDER)
        conditions += [AuditRow.id < end, AuditRow.at < wanted.until]
    return conditions
