"""A message and all that happened to it, as CONTRACT's *message* object."""

from typing import Any

from sqlalchemy.orm import Session

from portal.domain.ids import MessageId, TenantId
from portal.storage import attempts, organisations
from portal.storage.attempts import AttemptRow
from portal.storage.messages import MessageRow


def message_report(session: Session, message_id: MessageId) -> dict[str, Any] | None:
    """The report, or None when there is no such message."""
    row = session.get(MessageRow, message_id)
    if row is None:
        return None
    tried = attempts.of_message(session, message_id)
    tenant = organisations.tenant(session, TenantId(row.tenant_id))
    return {
        "id": row.id,
        "tenant": tenant.slug,
        "kind": row.kind,
        "state": row.state,
        "via": row.via,
        "to": row.to_address,
        "from": tried[-1].from_address if tried else None,
        "message_id": row.message_id,
        "attempts": [_attempt(attempt) for attempt in tried],
        "decision": list(row.decision),
    }


def _attempt(row: AttemptRow) -> dict[str, Any]:
    return {
        "at": row.at.isoformat(),
        "route": row.via,
        "version": row.version,
        "stage": row.stage,
        "code": row.code,
        "enhanced": row.enhanced,
        "reply": row.reply,
        "class": row.fault,
        "seconds": round(row.seconds, 3),
        "tls": row.tls,
        "copies_possible": row.copies_possible,
    }
