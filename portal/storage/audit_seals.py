"""Seals of the audit log, and the administrative events that they cover."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, LargeBinary, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.domain.audit_chain import Seal, SealedEvent, Segment
from portal.storage.audit_log import IS_ADMINISTRATIVE, AuditRow
from portal.storage.database import Base, UtcDateTime
from portal.storage.upsert import insert_into

_READ_AT_ONCE: Final = 500


class AuditSealRow(Base):
    __tablename__ = "audit_seals"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Its number in the chain. With ``previous`` it is why the chain cannot fork, whoever seals at the same time."""
    first_id: Mapped[int]
    last_id: Mapped[int]
    events: Mapped[int]
    previous: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    mac: Mapped[bytes] = mapped_column(LargeBinary(32))
    key_id: Mapped[str] = mapped_column(String(16))
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the log went at a moment.

    Attributes:
        last_id: Of the newest administrative event, 0 without any.
        transactions: PostgreSQL's next transaction number; 0 on SQLite.
    """

    last_id: int
    transactions: int


def mark(session: Session) -> Mark:
    last_id = session.scalar(select(func.max(AuditRow.id)).where(IS_ADMINISTRATIVE)) or 0
    return Mark(last_id, _transactions(session, func.txid_snapshot_xmax))


def is_settled(session: Session, mark: Mark) -> bool:
    """Whether every transaction that was open at the mark is over: up to it, no id can come in any more.

    SQLite's writers take turns, so there an id is committed before the next one is given.
    """
    return _transactions(session, func.txid_snapshot_xmin) >= mark.transactions


def _transactions(session: Session, end: Callable[..., Any]) -> int:
    if session.get_bind().dialect.name == "sqlite":
        return 0
    return int(session.scalars(select(end(func.txid_current_snapshot()))).one())


def newest(session: Session) -> Seal | None:
    row = session.scalar(select(AuditSealRow).order_by(AuditSealRow.id.desc()).limit(1))
    return _seal(row) if row else None


def numbered(session: Session, number: int) -> Seal | None:
    row = session.get(AuditSealRow, number)
    return _seal(row) if row else None


def after(session: Session, number: int | None, most: int) -> Sequence[Seal]:
    """The next seals of the chain; the lowest when nothing is before them."""
    query = select(AuditSealRow).order_by(AuditSealRow.id).limit(most)
    if number is not None:
        query = query.where(AuditSealRow.id > number)
    return [_seal(row) for row in session.scalars(query)]


def add(session: Session, seal: Seal) -> bool:
    """Append a seal; False when somebody else has appended one in this place."""
    segment = seal.segment
    adding = insert_into(session, AuditSealRow).on_conflict_do_nothing().returning(AuditSealRow.id)
    values = {
        "id": segment.number,
        "first_id": segment.first_id,
        "last_id": segment.last_id,
        "events": segment.events,
        "previous": segment.previous,
        "mac": seal.mac,
        "key_id": segment.key_id,
        "sealed_at": segment.sealed_at,
    }
    return session.scalar(adding.values(**values)) is not None


def events(session: Session, *, after_id: int | None, last_id: int, most: int | None = None) -> Iterator[SealedEvent]:
    """The administrative events of a stretch of ids, in their order, a few hundred in memory at a time.

    Args:
        after_id: None for all from the lowest. No database gives an id below 1, but somebody may make one up.

    Raises:
        ValueError, TypeError, RecursionError: One of them is nothing that this program can have written.
    """
    query = (
        select(
            AuditRow.id,
            AuditRow.at,
            AuditRow.tenant_id,
            AuditRow.action,
            AuditRow.actor,
            AuditRow.network,
            AuditRow.facts,
        )
        .where(*_stretch(after_id, last_id))
        .order_by(AuditRow.id)
        .limit(most)
        .execution_options(yield_per=_READ_AT_ONCE)
    )
    for row in session.execute(query):
        yield SealedEvent(*row)


def extent(session: Session, *, after_id: int | None, last_id: int | None = None) -> tuple[int, int | None]:
    """How many administrative events there are in a stretch of ids, and the first id; nothing else of them is read."""
    count, first_id = session.execute(
        select(func.count(), func.min(AuditRow.id)).where(*_stretch(after_id, last_id))
    ).one()
    return count, first_id


def _stretch(after_id: int | None, last_id: int | None) -> list[ColumnElement[bool]]:
    conditions = [IS_ADMINISTRATIVE]
    if after_id is not None:
        conditions.append(AuditRow.id > after_id)
    if last_id is not None:
        conditions.append(AuditRow.id <= last_id)
    return conditions


def waits_since(session: Session) -> datetime | None:
    """When the oldest administrative event happened that no seal covers."""
    last_id = select(func.max(AuditSealRow.last_id)).scalar_subquery()
    query = select(AuditRow.at).where(IS_ADMINISTRATIVE, AuditRow.id > func.coalesce(last_id, 0))
    return session.scalar(query.order_by(AuditRow.id).limit(1))


def _seal(row: AuditSealRow) -> Seal:
    segment = Segment(row.id, row.first_id, row.last_id, row.events, row.previous, row.key_id, row.sealed_at)
    return Seal(segment, row.mac)
