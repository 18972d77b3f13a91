"""The outbox: what was handed in and is still to be sent, and how each message ended; the rows are in ``messages``."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.notification_kinds import Priority
from portal.storage.attempts import AttemptRow
from portal.storage.bulk import Bulk
from portal.storage.database import Base
from portal.storage.messages import IS_OPEN, MessageContentRow, MessageRow, MessageState


@dataclass(frozen=True, slots=True)
class Due:
    """A message that may be looked at now."""

    id: MessageId
    content_bytes: int


# Statements that every message passes: built once, because that takes as long as to run them, and for tables, because
# the ORM would look at each row.

_MESSAGES = Base.metadata.tables[MessageRow.__tablename__]
_CONTENTS = Base.metadata.tables[MessageContentRow.__tablename__]
_OUTCOME: Final = (
    "state",
    "due_at",
    "expires_at",
    "tries",
    "interrupted",
    "begun",
    "via",
    "because",
    "finished_at",
    "decision",
)
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
    "because": None,
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
    return session.scalar(select(func.count()).select_from(MessageRow).where(IS_OPEN)) or 0


def last_attempt_over(session: Session, tenant_id: TenantId, *, via: str, version: int) -> AttemptRow | None:
    """The latest attempt of the tenant's newest message that was tried over this version of a route."""
    return session.scalar(
        select(AttemptRow)
        .join(MessageRow, MessageRow.id == AttemptRow.message_id)
        .where(MessageRow.tenant_id == tenant_id, AttemptRow.via == via, AttemptRow.version == version)
        .order_by(MessageRow.id.desc(), AttemptRow.number.desc())
        .limit(1)
    )
