"""Tenants and messages put straight into a database, as the engine would have left them."""

import itertools
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import insert
from sqlalchemy.orm import Session

from portal.domain.ids import MessageId, TenantId, time_ordered_id
from portal.domain.mail.notification_kinds import Priority
from portal.storage import attempts as stored_attempts
from portal.storage import lanes, outbox
from portal.storage.messages import MessageState
from portal.storage.organisations import OrganisationRow, TenantRow

_NUMBERS: Final = itertools.count(1)


def put_tenant(session: Session, slug: str, now: datetime) -> TenantId:
    """A tenant in an organisation of its own."""
    id_ = time_ordered_id(now, next(_NUMBERS))
    session.execute(insert(OrganisationRow), [{"id": id_, "name": slug, "created_at": now}])
    tenant = {"id": id_, "organisation_id": id_, "slug": slug, "name": slug, "created_at": now}
    session.execute(insert(TenantRow), [tenant | {"smtp_enabled": False, "route_epoch": 0}])
    return TenantId(id_)


def put_messages(
    session: Session,
    tenant_id: TenantId,
    at: datetime,
    *,
    state: MessageState = MessageState.QUEUED,
    count: int = 1,
    attempts: int = 0,
    **more: Any,
) -> list[MessageId]:
    """Messages handed in at a time: final ones without content, the others with it, due at once, and their lane too."""
    ids = [MessageId(time_ordered_id(at, next(_NUMBERS))) for _ in range(count)]
    due_at = None if state.is_final else more.pop("due_at", at)
    rows: list[dict[str, Any]] = [
        {
            "id": id_,
            "tenant_id": tenant_id,
            "kind": "reminder",
            "priority": Priority.NORMAL,
            "state": state,
            "to_address": "bob@dest.example",
            "message_id": f"<{id_}@platform.example>",
            "created_at": at,
            "send_at": at,
            "expires_at": at + timedelta(days=3),
            "due_at": due_at,
            "decision": [],
        }
        | more
        for id_ in ids
    ]
    if due_at is not None:
        lanes.touch(session, {tenant_id: due_at})
    outbox.add(session, rows, [{"message_id": id_, "tenant_id": tenant_id, "sealed": b"sealed"} for id_ in ids])
    if due_at is None:
        outbox.wipe(session, ids)
    if attempts:
        stored_attempts.add(session, [_attempt(id_, number, at) for id_ in ids for number in range(1, attempts + 1)])
    return ids


def put_attempt(session: Session, message: str, number: int, at: datetime, **more: Any) -> None:
    """One attempt at a message: accepted by the platform's server, but for what is said otherwise."""
    stored_attempts.add(session, [_attempt(message, number, at) | more])


def _attempt(id_: str, number: int, at: datetime) -> dict[str, Any]:
    return {
        "message_id": id_,
        "number": number,
        "at": at,
        "via": "platform",
        "version": 0,
        "from_address": "no-reply@platform.example",
        "stage": "dot",
        "code": 250,
        "enhanced": None,
        "reply": "250 2.0.0 queued",
        "fault": "OK",
        "seconds": 0.1,
        "tls": None,
        "copies_possible": 0,
    }
