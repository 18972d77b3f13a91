"""Tokens that are sent by mail and used once: only their hashes are kept."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.domain.ids import UserId
from portal.storage.database import Base, UtcDateTime
from portal.storage.users import UserRow

RECOVERY: Final = "recovery"


class OneTimeTokenRow(Base):
    """A link or a code that was sent to somebody, and what it is good for."""

    __tablename__ = "one_time_tokens"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[str] = mapped_column(ForeignKey(UserRow.id), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


def by_hash(session: Session, token_hash: bytes, purpose: str) -> OneTimeTokenRow | None:
    """The token, also when it was used or has expired."""
    found = session.get(OneTimeTokenRow, token_hash)
    return found if found is not None and found.purpose == purpose else None


def use(session: Session, token_hash: bytes, now: datetime) -> bool:
    """Use a token; whether it could be. Of two that try at once one can."""
    unused = (OneTimeTokenRow.token_hash == token_hash) & OneTimeTokenRow.used_at.is_(None)
    in_time = OneTimeTokenRow.expires_at > now
    row = OneTimeTokenRow
    found = session.execute(update(row).where(unused & in_time).values(used_at=now).returning(row.token_hash))
    return found.first() is not None


def use_up(session: Session, user_id: UserId, purpose: str, now: datetime) -> None:
    """Make void what was sent to the user for this purpose and not used."""
    row = OneTimeTokenRow
    theirs = (row.user_id == user_id) & (row.purpose == purpose) & row.used_at.is_(None)
    session.execute(update(row).where(theirs).values(used_at=now))
