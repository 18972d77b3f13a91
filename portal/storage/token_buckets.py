"""Buckets of tokens that hold across processes (THREATS 24): one row for each that is not full."""

from datetime import datetime

from sqlalchemy import LargeBinary, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.storage.database import Base, UtcDateTime
from portal.storage.upsert import insert_into


class TokenBucketRow(Base):
    """A bucket by the hash of whose it is, so that no address somebody mistyped is kept."""

    __tablename__ = "token_buckets"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    full_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


def full_at(session: Session, key: bytes) -> datetime | None:
    """When the bucket is full again, or None for a full one."""
    return session.scalar(select(TokenBucketRow.full_at).where(TokenBucketRow.key == key))


def locked(session: Session, key: bytes, *, now: datetime) -> TokenBucketRow:
    """The bucket's row, made where there is none, and nobody else's until the transaction ends."""
    session.execute(insert_into(session, TokenBucketRow).values(key=key, full_at=now).on_conflict_do_nothing())
    return session.scalars(select(TokenBucketRow).where(TokenBucketRow.key == key).with_for_update()).one()
