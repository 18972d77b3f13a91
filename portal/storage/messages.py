"""Messages as they are stored: one row for each, and what it says apart from it.

``due_at`` is when a message may next be looked at, and NULL once it is final: the index of a lane holds what is still
to be sent, and nothing else. ``begun`` counts the conversations begun about a message. It is the fencing token, too:
to begin is to raise it from the number one has read, and an outcome is written only while it is still that number.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.storage.database import Base, UtcDateTime
from portal.storage.organisations import TenantRow


class MessageState(StrEnum):
    """The values are promises (CONTRACT: message)."""

    QUEUED = "queued"  # handed in, not yet tried
    WAITING = "waiting"  # tried or put off, to be tried later
    SENDING = "sending"  # a conversation has begun, and how it ended is not known yet
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    QUARANTINED = "quarantined"

    @property
    def is_final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset(
    {
        MessageState.SENT,
        MessageState.FAILED,
        MessageState.EXPIRED,
        MessageState.CANCELLED,
        MessageState.QUARANTINED,
    }
)


class MessageRow(Base):
    __tablename__ = "messages"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey(TenantRow.id))
    kind: Mapped[str] = mapped_column(String(64))
    priority: Mapped[int]
    state: Mapped[str] = mapped_column(String(12))
    to_address: Mapped[str] = mapped_column(String(320))
    message_id: Mapped[str] = mapped_column(String(320))
    content_bytes: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    send_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When it was meant to leave; its Date header, on every attempt."""
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    worker: Mapped[str | None] = mapped_column(String(16))
    """Who has begun the latest conversation."""
    begun: Mapped[int] = mapped_column(default=0)
    interrupted: Mapped[int] = mapped_column(default=0)
    """Conversations that were begun and of which no outcome is known: each may have delivered a copy."""
    tries: Mapped[int] = mapped_column(default=0)
    via: Mapped[str | None] = mapped_column(String(10))
    """The route of the attempt that ended it; NULL where none did."""
    because: Mapped[str | None] = mapped_column(String(20))
    """Why that route was taken (``route_choice.Because``)."""
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    decision: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Each step of the way as one readable sentence, in order."""


IS_OPEN = MessageRow.due_at.is_not(None)
Index(
    "ix_messages_lane",
    MessageRow.tenant_id,
    MessageRow.priority,
    MessageRow.due_at,
    MessageRow.id,
    sqlite_where=IS_OPEN,
    postgresql_where=IS_OPEN,
)
Index("ix_messages_tenant_newest", MessageRow.tenant_id, MessageRow.id)
_HAS_KEY = MessageRow.idempotency_key.is_not(None)
Index(
    "ix_messages_idempotency",
    MessageRow.tenant_id,
    MessageRow.idempotency_key,
    unique=True,
    sqlite_where=_HAS_KEY,
    postgresql_where=_HAS_KEY,
)


class MessageContentRow(Base):
    """What a message says, sealed, and gone once the message is final: codes and links are secrets.

    Apart from the message, whose row is written again at every step.
    """

    __tablename__ = "message_contents"

    message_id: Mapped[str] = mapped_column(ForeignKey(MessageRow.id), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(26))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
