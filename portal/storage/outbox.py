"""The outbox: what was handed in and is still to be sent, and how each message ended.

``due_at`` is when a message may next be looked at, and NULL once it is final: the index of a lane holds what is still
to be sent, and nothing else. ``begun`` counts the conversations begun about a message. It is the fencing token, too:
to begin is to raise it from the number one has read, and an outcome is written only while it is still that number.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    JSON,
    ForeignKey,
    Index,
    LargeBinary,
    Row,
    String,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.notification_kinds import Priority
from portal.storage.attempts import AttemptRow
from portal.storage.bulk import Bulk
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
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    decision: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Each step of the way as one readable sentence, in order."""


_IS_OPEN = MessageRow.due_at.is_not(None)
Index(
    "ix_messages_lane",
    MessageRow.tenant_id,
    MessageRow.priority,
    MessageRow.due_at,
    MessageRow.id,
    sqlite_where=_IS_OPEN,
    postgresql_where=_IS_OPEN,
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


@dataclass(frozen=True, slots=True)
class Due:
    """A message that may be looked at now."""

    id: MessageId
    content_bytes: int


# Statements that every message passes: built once, because that takes as long as to run them, and for tables, because
# the ORM would look at each row.

_MESSAGES = Base.metadata.tables[MessageRow.__tablename__]
_CONTENTS = Base.metadata.tables[MessageContentRow.__tablename__]
_OUTCOME: Final = ("state", "due_at", "expires_at", "tries", "interrupted", "begun", "via", "finished_at", "decision")
"""The columns of an outcome."""

_ADD: Final = Bulk(insert(_MESSAGES), _MESSAGES.columns.keys())
_ADD_CONTENT: Final = Bulk(insert(_CONTENTS), _CONTENTS.columns.keys())
_UNTOUCHED: Final[dict[str, Any]] = {
    "worker": None,
    "begun": 0,
    "interrupted": 0,
    "tries": 0,
    "content_bytes": 0,
    "via": None,
    "finished_at": None,
    "idempotency_key": None,
}
"""A message of which nobody has done anything yet."""
_DUE: Final = (
    select(_MESSAGES.c.id, _MESSAGES.c.content_bytes)
    .where(_MESSAGES.c.tenant_id == bindparam("tenant"), _MESSAGES.c.priority == bindparam("priority"))
    .where(_MESSAGES.c.due_at <= bindparam("now"))
    .order_by(_MESSAGES.c.due_at, _MESSAGES.c.id)
    .limit(bindparam("most"))
)
_READ: Final = (
    select(_MESSAGES, _CONTENTS.c.sealed)
    .join(_CONTENTS, _CONTENTS.c.message_id == _MESSAGES.c.id)
    .where(_MESSAGES.c.id.in_(bindparam("ids", expanding=True)), _MESSAGES.c.due_at.is_not(None))
)
_LOCK: Final = (
    select(_MESSAGES.c.id, _MESSAGES.c.begun, _MESSAGES.c.tries)
    .where(_MESSAGES.c.id.in_(bindparam("ids", expanding=True)), _MESSAGES.c.due_at.is_not(None))
    .order_by(_MESSAGES.c.id)
    .with_for_update()
)
_BEGIN: Final = Bulk(
    update(_MESSAGES)
    .where(_MESSAGES.c.id == bindparam("_id"))
    .values(
        state=bindparam("_state"),
        worker=bindparam("_worker"),
        begun=bindparam("_begun"),
        interrupted=bindparam("_interrupted"),
    )
)
_PUT: Final = Bulk(
    update(_MESSAGES)
    .where(_MESSAGES.c.id == bindparam("_id"))
    .values({name: bindparam(f"_{name}") for name in _OUTCOME})
)
_WIPE: Final = delete(_CONTENTS).where(_CONTENTS.c.message_id.in_(bindparam("ids", expanding=True)))


def add(session: Session, messages: Sequence[dict[str, Any]], contents: Sequence[dict[str, Any]]) -> None:
    """Store new messages. Their lanes are touched before, in the same transaction."""
    _ADD.run(session, [_UNTOUCHED | message for message in messages])
    _ADD_CONTENT.run(session, contents)


def by_idempotency_keys(session: Session, tenant_id: TenantId, keys: Collection[str]) -> dict[str, MessageId]:
    found = session.execute(
        select(MessageRow.idempotency_key, MessageRow.id).where(
            MessageRow.tenant_id == tenant_id, MessageRow.idempotency_key.in_(keys)
        )
    )
    return {row.idempotency_key: MessageId(row.id) for row in found}


def due(
    session: Session,
    tenant_id: TenantId,
    *,
    now: datetime,
    besides: Collection[str],
    most: int,
    priorities: Iterable[Priority] = tuple(Priority),
) -> list[Due]:
    """The next messages of a lane: urgent ones first, of one priority those that have been due the longest.

    Args:
        besides: Messages the caller has in hand already. They are in the index still, so that many more are looked at.
        most: How many are wanted.
    """
    connection = session.connection()
    found: list[Due] = []
    # One range of the index for each priority: what is queued behind is not looked at, however much it is.
    for priority in priorities:
        looked_at = most - len(found) + len(besides)
        rows = connection.execute(_DUE, {"tenant": tenant_id, "priority": priority, "now": now, "most": looked_at})
        found += [Due(MessageId(id_), size) for id_, size in rows if id_ not in besides]
        if len(found) >= most:
            return found[:most]
    return found


def read(session: Session, messages: Collection[MessageId]) -> Sequence[Row[Any]]:
    """The open ones among these messages: the columns of ``MessageRow`` and ``sealed``, in no particular order."""
    return session.connection().execute(_READ, {"ids": list(messages)}).all()


def locked(session: Session, messages: Collection[str]) -> dict[str, tuple[int, int]]:
    """``begun`` and ``tries`` of the open ones among these messages, their rows locked until the transaction ends."""
    rows = session.connection().execute(_LOCK, {"ids": list(messages)})
    return {id_: (begun, tries) for id_, begun, tries in rows}


def begin(session: Session, worker: str, messages: Iterable[tuple[str, int, int]]) -> None:
    """Note that conversations begin about ``locked()`` messages.

    Args:
        messages: Of each its id, ``begun`` and ``interrupted``, as they are from now on.
    """
    rows = [
        {"_id": id_, "_state": MessageState.SENDING, "_worker": worker, "_begun": begun, "_interrupted": interrupted}
        for id_, begun, interrupted in messages
    ]
    _BEGIN.run(session, rows)


def put(session: Session, outcomes: Sequence[Mapping[str, Any]]) -> None:
    """Write what became of ``locked()`` messages: of each ``_id``, and every column of ``_OUTCOME`` behind a ``_``."""
    _PUT.run(session, outcomes)


def wipe(session: Session, messages: Collection[str]) -> None:
    """Remove the content of messages that are final."""
    session.connection().execute(_WIPE, {"ids": list(messages)})


def try_again_now(session: Session, tenant_id: TenantId, *, ended_with: Collection[str], now: datetime) -> None:
    """Let a tenant's waiting messages be tried at once that were put off, or whose last attempt ended so.

    The tenant's lane is touched before.
    """
    last = (
        select(AttemptRow.fault)
        .where(AttemptRow.message_id == MessageRow.id)
        .order_by(AttemptRow.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    session.execute(
        update(MessageRow)
        .where(MessageRow.tenant_id == tenant_id, MessageRow.state == MessageState.WAITING, MessageRow.due_at > now)
        .where((MessageRow.tries == 0) | last.in_(ended_with))
        .values(due_at=now)
        .execution_options(synchronize_session=False)
    )


def open_count(session: Session) -> int:
    """How many messages are not final."""
    return session.scalar(select(func.count()).select_from(MessageRow).where(_IS_OPEN)) or 0


def last_attempt_over(session: Session, tenant_id: TenantId, *, via: str, version: int) -> AttemptRow | None:
    """The latest attempt of the tenant's newest message that was tried over this version of a route."""
    return session.scalar(
        select(AttemptRow)
        .join(MessageRow, MessageRow.id == AttemptRow.message_id)
        .where(MessageRow.tenant_id == tenant_id, AttemptRow.via == via, AttemptRow.version == version)
        .order_by(MessageRow.id.desc(), AttemptRow.number.desc())
        .limit(1)
    )
