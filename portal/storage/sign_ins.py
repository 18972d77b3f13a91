"""Browsers that are signed in. The cookie holds a token, the row only its hash."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, delete, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.domain.ids import UserId
from portal.storage.database import Base, UtcDateTime
from portal.storage.users import UserRow


class SignInRow(Base):
    """One browser that is signed in, from its sign-in to its end.

    The token behind it changes while it lives (at a change of role); the ``id``, which pages show, stays.
    """

    __tablename__ = "sign_ins"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    previous_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    """The token before this one, good for a few seconds more: requests that were under way may still carry it."""
    rotated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    must_rotate: Mapped[bool] = mapped_column(default=False)
    user_id: Mapped[str] = mapped_column(ForeignKey(UserRow.id), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When the person last proved who they are."""
    network: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(200), default="")


def by_token_hash(session: Session, token_hash: bytes) -> SignInRow | None:
    """The sign-in whose token, or whose token before that, has this hash."""
    either = or_(SignInRow.token_hash == token_hash, SignInRow.previous_hash == token_hash)
    return session.scalar(select(SignInRow).where(either))


def of_user(session: Session, user_id: UserId) -> Sequence[SignInRow]:
    """The user's sign-ins, the latest used first, those that have run out included."""
    return session.scalars(
        select(SignInRow).where(SignInRow.user_id == user_id).order_by(SignInRow.seen_at.desc(), SignInRow.id)
    ).all()


def set_if_newest(session: Session, id_: str, token_hash: bytes, /, **values: Any) -> bool:
    """Change a sign-in if this is still its newest token; whether it was."""
    newest = (SignInRow.id == id_) & (SignInRow.token_hash == token_hash)
    found = session.execute(update(SignInRow).where(newest).values(**values).returning(SignInRow.id))
    return found.first() is not None


def set_confirmed(session: Session, id_: str, at: datetime) -> bool:
    """Note when its person last proved who they are; whether the sign-in had not ended meanwhile."""
    found = session.execute(
        update(SignInRow).where(SignInRow.id == id_).values(confirmed_at=at).returning(SignInRow.id)
    )
    return found.first() is not None


def rotate_soon(session: Session, user_id: UserId) -> None:
    """Have each of the user's sign-ins take a new token with its next request; they go on."""
    session.execute(update(SignInRow).where(SignInRow.user_id == user_id).values(must_rotate=True))


def end(session: Session, user_id: UserId, id_: str) -> int:
    """End one sign-in of the user; how many there were, 0 or 1."""
    return _end(session, (SignInRow.user_id == user_id) & (SignInRow.id == id_))


def end_all(session: Session, user_id: UserId, *, but: str | None = None) -> int:
    """End the user's sign-ins, except the one with the id ``but``; how many there were."""
    return _end(session, (SignInRow.user_id == user_id) & (SignInRow.id != (but or "")))


def _end(session: Session, which: Any) -> int:
    return len(session.execute(delete(SignInRow).where(which).returning(SignInRow.id)).all())
