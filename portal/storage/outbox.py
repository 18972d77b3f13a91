"""The outbox: what was handed in and is still to be sent, and how each message ended.

``due_at`` carries the whole queue: when a message may next be taken, while it waits; when its lease ends, while a
worker has it; NULL once it is final. A claim is one index range for each priority, and a dead worker's messages come
back by themselves. Lanes and leased lanes take this table's place in the claim (DESIGN section 4), not its columns.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    ForeignKey,
    Index,
    LargeBinary,
    Row,
    String,
    Text,
    UniqueConstraint,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.notification_kinds import Priority
from portal.storage.database import Base, UtcDateTime
from portal.storage.organisations import TenantRow


class MessageState(StrEnum):
    """The values are promises (CONTRACT: message)."""

    QUEUED = "queued"  # handed in, not yet tried
    WAITING = "waiting"  # tried, to be tried again
    SENDING = "sending"  # a worker has it
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
    __table_args__ = (
        Index("ix_messages_due", "priority", "due_at"),
        Index("ix_messages_tenant_newest", "tenant_id", "id"),
        Index("ix_messages_tenant_state", "tenant_id", "state"),
        UniqueConstraint("tenant_id", "idempotency_key"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey(TenantRow.id))
    kind: Mapped[str] = mapped_column(String(64))
    priority: Mapped[int]
    state: Mapped[str] = mapped_column(String(12))
    to_address: Mapped[str] = mapped_column(String(320))
    message_id: Mapped[str] = mapped_column(String(320))
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Sealed; NULL once the message is final, because codes and links are secrets."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    send_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When it was meant to leave; its Date header, on every attempt."""
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_token: Mapped[str | None] = mapped_column(String(32))
    via: Mapped[str | None] = mapped_column(String(10))
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    decision: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Each step of the way as one readable sentence, in order."""


class AttemptRow(Base):
    """One try over one route, with the server's own words."""

    __tablename__ = "attempts"

    message_id: Mapped[str] = mapped_column(ForeignKey(MessageRow.id), primary_key=True)
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


class LeaseLostError(Exception):
    """Another worker has the message: what this one did with it may not be recorded as the message's end."""


def add(session: Session, rows: Iterable[dict[str, Any]]) -> None:
    session.execute(insert(MessageRow), list(rows))


def by_idempotency_key(session: Session, tenant_id: TenantId, key: str) -> MessageId | None:
    found = session.scalar(
        select(MessageRow.id).where(MessageRow.tenant_id == tenant_id, MessageRow.idempotency_key == key)
    )
    return MessageId(found) if found else None


def claim_due(session: Session, *, now: datetime, until: datetime, token: str, most: int) -> Sequence[Row[Any]]:
    """Take up to ``most`` due messages, urgent ones first, and lease them to ``token`` until ``until``.

    Returns:
        Rows with the columns of ``MessageRow``, and ``interrupted``: whether a worker had the message before and
        neither finished nor handed it back, so that a copy of it may have been sent.
    """
    found: dict[str, str] = {}
    # One range of the index for each priority: what is queued behind is not looked at, however much it is.
    for priority in Priority:
        due = (
            select(MessageRow.id, MessageRow.state)
            .where(MessageRow.priority == priority, MessageRow.due_at <= now)
            .order_by(MessageRow.due_at)
            .limit(most - len(found))
            .with_for_update(skip_locked=True)
        )
        if len(found) < most:
            found |= {row.id: row.state for row in session.execute(due)}
    if not found:
        return ()
    session.execute(
        update(MessageRow)
        .where(MessageRow.id.in_(found))
        .values(state=MessageState.SENDING, due_at=until, lease_token=token)
    )
    interrupted = [id_ for id_, state in found.items() if state == MessageState.SENDING]
    return session.execute(
        select(MessageRow.__table__, MessageRow.id.in_(interrupted).label("interrupted"))
        .where(MessageRow.id.in_(found))
        .order_by(MessageRow.priority, MessageRow.id)
    ).all()


def renew(session: Session, *, held: Mapping[MessageId, str], until: datetime) -> set[MessageId]:
    """Prolong leases, given as the token of each message; return the messages that were still that token's."""
    kept = session.scalars(
        update(MessageRow)
        .where(MessageRow.id.in_(held), MessageRow.lease_token.in_(set(held.values())))
        .values(due_at=until)
        .returning(MessageRow.id)
    )
    return {MessageId(id_) for id_ in kept}


def put(session: Session, message_id: MessageId, *, token: str, values: dict[str, Any]) -> None:
    """Write what became of a leased message.

    Raises:
        LeaseLostError: The lease is somebody else's by now; nothing was written.
    """
    written = session.scalar(
        update(MessageRow)
        .where(MessageRow.id == message_id, MessageRow.lease_token == token)
        .values(**values)
        .returning(MessageRow.id)
    )
    if written is None:
        raise LeaseLostError(message_id)


def hand_back(session: Session, *, held: Mapping[MessageId, str], due_at: datetime) -> None:
    """Give up leases before anything was sent: any worker may take the messages from ``due_at`` on."""
    session.execute(
        update(MessageRow)
        .where(MessageRow.id.in_(held), MessageRow.lease_token.in_(set(held.values())))
        .values(state=MessageState.WAITING, due_at=due_at, lease_token=None)
    )


def try_again_now(session: Session, tenant_id: TenantId, *, ended_with: Collection[str], now: datetime) -> None:
    """Let a tenant's waiting messages be tried at once whose last attempt ended with one of these faults."""
    last = (
        select(AttemptRow.fault)
        .where(AttemptRow.message_id == MessageRow.id)
        .order_by(AttemptRow.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    session.execute(
        update(MessageRow)
        .where(MessageRow.tenant_id == tenant_id, MessageRow.state == MessageState.WAITING, last.in_(ended_with))
        .values(due_at=now)
        .execution_options(synchronize_session=False)
    )


def attempts_of(session: Session, message_id: MessageId) -> Sequence[AttemptRow]:
    return session.scalars(
        select(AttemptRow).where(AttemptRow.message_id == message_id).order_by(AttemptRow.number)
    ).all()


def last_attempt_over(session: Session, tenant_id: TenantId, *, via: str, version: int) -> AttemptRow | None:
    """The latest attempt of the tenant's newest message that was tried over this version of a route."""
    return session.scalar(
        select(AttemptRow)
        .join(MessageRow, MessageRow.id == AttemptRow.message_id)
        .where(MessageRow.tenant_id == tenant_id, AttemptRow.via == via, AttemptRow.version == version)
        .order_by(MessageRow.id.desc(), AttemptRow.number.desc())
        .limit(1)
    )


def counts(session: Session) -> dict[MessageState, int]:
    rows = session.execute(select(MessageRow.state, func.count().label("messages")).group_by(MessageRow.state))
    found: dict[str, int] = {row.state: row.messages for row in rows}
    return {state: found.get(state, 0) for state in MessageState}


def oldest_due(session: Session, now: datetime) -> datetime | None:
    return session.scalar(
        select(func.min(MessageRow.due_at)).where(MessageRow.due_at <= now, MessageRow.state != MessageState.SENDING)
    )


def due_count(session: Session, now: datetime) -> int:
    return session.scalar(select(func.count()).select_from(MessageRow).where(MessageRow.due_at <= now)) or 0
