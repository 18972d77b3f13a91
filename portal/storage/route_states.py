"""What is known of a route beyond its settings, shared by all workers: its health, its pace, its slots."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.domain.ids import TenantId
from portal.storage.database import Base, UtcDateTime
from portal.storage.lanes import WorkerRow
from portal.storage.organisations import TenantRow
from portal.storage.upsert import insert_into


class RouteStateRow(Base):
    """One version of a route, or the platform's. There is no row while there is nothing to say."""

    __tablename__ = "route_states"

    route: Mapped[str] = mapped_column(String(80), primary_key=True)
    """``SmtpRoute.key``."""
    tenant_id: Mapped[str | None] = mapped_column(ForeignKey(TenantRow.id), index=True)
    version: Mapped[int] = mapped_column(default=0)
    health: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    pace: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    rate: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    told: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """When the tenant's admins were last told of each class of fault."""
    look_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When a probe or an alert is due."""


_IS_LOOKED_AT = RouteStateRow.look_at.is_not(None)
Index(None, RouteStateRow.look_at, sqlite_where=_IS_LOOKED_AT, postgresql_where=_IS_LOOKED_AT)


class RouteSlotsRow(Base):
    """A worker's share of the connections of a route that several workers use."""

    __tablename__ = "route_slots"

    route: Mapped[str] = mapped_column(String(80), primary_key=True)
    worker: Mapped[str] = mapped_column(ForeignKey(WorkerRow.id, ondelete="CASCADE"), primary_key=True, index=True)
    holds: Mapped[int] = mapped_column(default=0)
    wants: Mapped[int] = mapped_column(default=0)


@dataclass(frozen=True, slots=True)
class RateUsed:
    """What a route has used of its provider's limit (``RateUse.to_json()``)."""

    route: str
    tenant_id: TenantId | None
    version: int
    log: dict[str, Any]


def state_of(session: Session, route: str) -> RouteStateRow | None:
    return session.get(RouteStateRow, route)


def state_to_change(
    session: Session, route: str, *, tenant_id: TenantId | None = None, version: int = 0
) -> RouteStateRow:
    """The route's row, made if there is none yet, and locked until the transaction ends."""
    session.execute(
        insert_into(session, RouteStateRow)
        .values(route=route, tenant_id=tenant_id, version=version)
        .on_conflict_do_nothing()
    )
    return session.get_one(RouteStateRow, route, with_for_update=True, populate_existing=True)


def put_rates(session: Session, rates: Iterable[RateUsed]) -> None:
    """Write how much of their providers' limits routes have used."""
    statement = insert_into(session, RouteStateRow)
    session.execute(
        statement.on_conflict_do_update(index_elements=[RouteStateRow.route], set_={"rate": statement.excluded.rate}),
        [
            {"route": one.route, "tenant_id": one.tenant_id, "version": one.version, "rate": one.log}
            for one in sorted(rates, key=lambda one: one.route)
        ],
    )


def due_to_look_at(session: Session, *, now: datetime, most: int) -> Sequence[RouteStateRow]:
    """Routes whose probe or alert is due, those first that have been due the longest; not locked."""
    return session.scalars(
        select(RouteStateRow).where(RouteStateRow.look_at <= now).order_by(RouteStateRow.look_at).limit(most)
    ).all()


def to_look_at(session: Session, *, now: datetime, most: int) -> Sequence[RouteStateRow]:
    """Routes whose probe or alert is due, locked; other workers pass them by."""
    return session.scalars(
        select(RouteStateRow)
        .where(RouteStateRow.look_at <= now)
        .order_by(RouteStateRow.look_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()


def share_slots(session: Session, route: str, worker: str, *, in_use: int, wants: int, cap: int) -> int:
    """Ask for connections on a route: up to ``wants``, and never more than ``cap`` over all workers.

    Args:
        in_use: Connections that are open: so many are held at least, whatever the others want.

    Returns:
        How many this worker holds from now on. Where several want more than there is, each gets its even share as
        the others give theirs back.
    """
    state_to_change(session, route)  # its lock makes the sum exact
    others = session.execute(
        select(RouteSlotsRow.holds, RouteSlotsRow.wants).where(
            RouteSlotsRow.route == route, RouteSlotsRow.worker != worker
        )
    ).all()
    wanted = [wants, *(row.wants for row in others)]
    # The highest level at which all can be served: who wants less leaves the rest to those who want more.
    level = next((each for each in range(cap, 0, -1) if sum(min(one, each) for one in wanted) <= cap), 1)
    free = cap - sum(row.holds for row in others)
    holds: int = max(min(wants, free, level), in_use, 0)
    statement = insert_into(session, RouteSlotsRow).values(route=route, worker=worker, holds=holds, wants=wants)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[RouteSlotsRow.route, RouteSlotsRow.worker], set_={"holds": holds, "wants": wants}
        )
    )
    return holds


def give_back_slots(session: Session, worker: str, route: str) -> None:
    session.execute(
        delete(RouteSlotsRow)
        .where(RouteSlotsRow.worker == worker, RouteSlotsRow.route == route)
        .execution_options(synchronize_session=False)
    )


def slots_in_use(session: Session, route: str) -> int:
    total = select(func.coalesce(func.sum(RouteSlotsRow.holds), 0)).where(RouteSlotsRow.route == route)
    held: int | None = session.scalar(total)
    return held or 0
