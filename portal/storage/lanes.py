"""Lanes: each tenant's queue, and the workers that hold them (DESIGN section 4).

A lane says *when somebody has to look at it*: enqueueing pulls ``due_at`` forward, taking the lane clears it, letting
it go sets it to the tenant's next due message. Whoever enqueues writes messages and lane in one transaction, and
whoever holds a lane reads its messages after ``due_at`` was cleared: so a message is either seen by that read or has
made the lane due again.

A worker's one lease is its row in ``workers``; the lanes in its name are its own for as long.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import ForeignKey, Index, Insert, Row, String, bindparam, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.domain.ids import TenantId
from portal.domain.mail.notification_kinds import Priority
from portal.storage.database import Base, UtcDateTime
from portal.storage.messages import MessageRow
from portal.storage.organisations import TenantRow

_COUNTED: Final = 500


class LaneRow(Base):
    __tablename__ = "lanes"

    tenant_id: Mapped[str] = mapped_column(ForeignKey(TenantRow.id), primary_key=True)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When somebody has to look at it; NULL while there is nothing to look for."""
    worker: Mapped[str | None] = mapped_column(String(16))
    epoch: Mapped[int] = mapped_column(default=0)
    """The route epoch the holder has acknowledged: no transaction begins on an older one."""


_IS_FREE = LaneRow.worker.is_(None) & LaneRow.due_at.is_not(None)
Index("ix_lanes_free", LaneRow.due_at, sqlite_where=_IS_FREE, postgresql_where=_IS_FREE)
_IS_HELD = LaneRow.worker.is_not(None)
Index("ix_lanes_held", LaneRow.worker, LaneRow.due_at, sqlite_where=_IS_HELD, postgresql_where=_IS_HELD)


class WorkerRow(Base):
    """A worker that is alive until ``lease_until``."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime] = mapped_column(UtcDateTime)
    busy: Mapped[int] = mapped_column(default=0)
    """Lanes in which it had something to do when it last renewed its lease."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How the work is spread.

    Attributes:
        workers: Workers that are alive.
        lanes: Lanes in which one of them has something to do, or that are due and free (counted up to a few hundred).
    """

    workers: int
    lanes: int

    @property
    def fair(self) -> int:
        """How many lanes one worker should have."""
        return max(-(-self.lanes // max(self.workers, 1)), 1)


def touch(session: Session, due: Mapping[TenantId, datetime]) -> None:
    """Make lanes due at these times, or earlier; to be called before the messages are written (the order of locks)."""
    session.connection().execute(
        _touching(session.get_bind().dialect.name),
        [{"tenant_id": tenant, "due_at": at, "epoch": 0} for tenant, at in sorted(due.items())],
    )


@cache
def _touching(dialect: str) -> Insert:
    """The statement of ``touch()``; to build it costs as much as all else of handing in one message."""
    insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement: sqlite.Insert | postgresql.Insert = insert(LaneRow.__table__)
    new = statement.excluded.due_at
    # Written even where it changes nothing: the row's lock orders us against a holder that lets go.
    return statement.on_conflict_do_update(
        index_elements=[LaneRow.tenant_id],
        set_={"due_at": case((LaneRow.due_at < new, LaneRow.due_at), else_=new)},
    )


def take_due(session: Session, worker: str, *, now: datetime, most: int) -> list[TenantId]:
    """Lease up to ``most`` lanes that are free and due, those first that have been due the longest."""
    free = (
        select(LaneRow.tenant_id)
        .where(_IS_FREE, LaneRow.due_at <= now)
        .order_by(LaneRow.due_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    epoch = select(TenantRow.route_epoch).where(TenantRow.id == LaneRow.tenant_id).scalar_subquery()
    taken = session.scalars(
        update(LaneRow)
        .where(LaneRow.tenant_id.in_(free.scalar_subquery()))
        # Whoever takes a lane reads the tenant's routes afterwards: what it begins is as new as this, or newer.
        .values(worker=worker, due_at=None, epoch=epoch)
        .returning(LaneRow.tenant_id)
        .execution_options(synchronize_session=False)
    )
    return [TenantId(tenant) for tenant in taken]


def due_of(session: Session, worker: str, *, now: datetime) -> list[TenantId]:
    """The worker's own lanes that were touched since it last looked; they count as looked at from here on.

    One that is being touched at this moment is still due at the next look.
    """
    touched = session.scalars(
        select(LaneRow.tenant_id)
        .where(LaneRow.worker == worker, LaneRow.due_at <= now)
        .order_by(LaneRow.tenant_id)
        .with_for_update(skip_locked=True)
    ).all()
    if touched:
        session.execute(
            update(LaneRow)
            .where(LaneRow.tenant_id.in_(touched))
            .values(due_at=None)
            .execution_options(synchronize_session=False)
        )
    return [TenantId(tenant) for tenant in touched]


_NEXT_DUE: Final = select(
    *(
        select(func.min(MessageRow.due_at))
        .where(MessageRow.tenant_id == bindparam("tenant"), MessageRow.priority == priority)
        .where(MessageRow.due_at.is_not(None))
        .scalar_subquery()
        for priority in Priority
    )
)
"""Built once, as every statement that each lane passes."""


def next_due(session: Session, tenant_id: TenantId) -> datetime | None:
    """When the tenant's next message is due: one seek in the index for each priority."""
    found = session.connection().execute(_NEXT_DUE, {"tenant": tenant_id}).one()
    return min((at for at in found if at is not None), default=None)


_LANES: Final = Base.metadata.tables[LaneRow.__tablename__]
_FREE: Final = (
    update(_LANES).where(_LANES.c.tenant_id == bindparam("_tenant")).values(worker=None, due_at=bindparam("_due_at"))
)


def let_go(session: Session, worker: str, tenants: Collection[TenantId], *, now: datetime) -> None:
    """Free lanes; each becomes due when its next message is, and now at the earliest: it goes behind the others."""
    ours = session.scalars(
        select(LaneRow.tenant_id)
        .where(LaneRow.worker == worker, LaneRow.tenant_id.in_(tenants))
        .order_by(LaneRow.tenant_id)
        .with_for_update()
    ).all()
    # Read after the lock: what was enqueued before is seen, what comes later touches the lane itself.
    due = {tenant: next_due(session, TenantId(tenant)) for tenant in ours}
    if due:
        session.connection().execute(
            _FREE, [{"_tenant": tenant, "_due_at": at and max(at, now)} for tenant, at in due.items()]
        )


def acknowledge(session: Session, worker: str, epochs: Mapping[TenantId, int]) -> None:
    """Note that no transaction of these tenants begins on a route older than the epoch any more."""
    for tenant, epoch in sorted(epochs.items()):
        session.execute(
            update(LaneRow)
            .where(LaneRow.tenant_id == tenant, LaneRow.worker == worker)
            .values(epoch=epoch)
            .execution_options(synchronize_session=False)
        )


def holder(session: Session, tenant_id: TenantId) -> Row[Any] | None:
    """``worker``, ``epoch`` and ``lease_until`` of whoever holds the lane, or None when nobody does."""
    found: Any = session.execute(
        select(LaneRow.worker, LaneRow.epoch, WorkerRow.lease_until)
        .join(WorkerRow, WorkerRow.id == LaneRow.worker)
        .where(LaneRow.tenant_id == tenant_id)
    ).one_or_none()
    row: Row[Any] | None = found
    return row


def enter(session: Session, worker: str, *, now: datetime, until: datetime) -> None:
    session.add(WorkerRow(id=worker, started_at=now, lease_until=until))


def is_alive(session: Session, worker: str) -> bool:
    """Whether a worker has not been buried; it is not until the transaction ends."""
    row = select(WorkerRow.id).where(WorkerRow.id == worker).with_for_update()
    return session.scalar(row) is not None


def renew(session: Session, worker: str, *, until: datetime, busy: int) -> bool:
    """Prolong a worker's lease. False: it was taken for dead, and what was its own is somebody else's by now."""
    return bool(
        session.scalar(
            update(WorkerRow)
            .where(WorkerRow.id == worker)
            .values(lease_until=until, busy=busy)
            .returning(WorkerRow.id)
            .execution_options(synchronize_session=False)
        )
    )


def note_busy(session: Session, worker: str, busy: int) -> None:
    session.execute(
        update(WorkerRow).where(WorkerRow.id == worker).values(busy=busy).execution_options(synchronize_session=False)
    )


def dead_workers(session: Session, *, now: datetime, latest: datetime) -> Sequence[str]:
    """Workers whose lease has run out, or would run on beyond ``latest``; their rows are locked."""
    gone = (WorkerRow.lease_until < now) | (WorkerRow.lease_until > latest)
    return session.scalars(select(WorkerRow.id).where(gone).with_for_update(skip_locked=True)).all()


def bury(session: Session, worker: str, *, now: datetime) -> list[TenantId]:
    """Free the lanes of a worker that has stopped or died, each due at once; return their tenants."""
    # The worker's own row first: it takes no lane while somebody else counts its lanes.
    session.execute(delete(WorkerRow).where(WorkerRow.id == worker))
    freed = session.scalars(
        select(LaneRow.tenant_id).where(LaneRow.worker == worker).order_by(LaneRow.tenant_id).with_for_update()
    ).all()
    session.execute(
        update(LaneRow)
        .where(LaneRow.worker == worker)
        .values(worker=None, due_at=now)
        .execution_options(synchronize_session=False)
    )
    return [TenantId(tenant) for tenant in freed]


def shares(session: Session, *, now: datetime) -> Shares:
    alive = select(func.count(WorkerRow.id), func.coalesce(func.sum(WorkerRow.busy), 0)).where(
        WorkerRow.lease_until >= now
    )
    workers, busy = session.execute(alive).one()
    free = select(LaneRow.tenant_id).where(_IS_FREE, LaneRow.due_at <= now).limit(_COUNTED).subquery()
    return Shares(workers, busy + (session.scalar(select(func.count()).select_from(free)) or 0))
