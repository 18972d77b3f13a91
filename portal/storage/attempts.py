"""Attempts: one try over one route each, with the server's own words."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ForeignKey, Row, String, Text, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.domain.ids import MessageId
from portal.storage.bulk import Bulk
from portal.storage.database import Base, UtcDateTime


class AttemptRow(Base):
    __tablename__ = "attempts"

    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    via: Mapped[str] = mapped_column(String(10))
    version: Mapped[int]
    from_address: Mapped[str] = mapped_column(String(320))
    stage: Mapped[str] = mapped_column(String(10))
    code: Mapped[int | None]
    enhanced: Mapped[str | None] = mapped_column(String(12))
    reply: Mapped[str] = mapped_column(Text)
    fault: Mapped[str] = mapped_column(String(16))
    seconds: Mapped[float]
    tls: Mapped[str | None] = mapped_column(String(80))
    copies_possible: Mapped[int] = mapped_column(default=0)


_ATTEMPTS: Final = Base.metadata.tables[AttemptRow.__tablename__]
_ADD: Final = Bulk(insert(_ATTEMPTS), _ATTEMPTS.columns.keys())


def add(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    _ADD.run(session, rows)


def of_message(session: Session, message_id: MessageId) -> Sequence[AttemptRow]:
    return session.scalars(
        select(AttemptRow).where(AttemptRow.message_id == message_id).order_by(AttemptRow.number)
    ).all()


def of_messages(session: Session, messages: Collection[MessageId]) -> Sequence[Row[Any]]:
    """The rows of ``AttemptRow``, by message and number."""
    return session.execute(
        select(AttemptRow.__table__)
        .where(AttemptRow.message_id.in_(messages))
        .order_by(AttemptRow.message_id, AttemptRow.number)
    ).all()
