"""The lines of Activity: of each message what somebody looks for first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.ids import MessageId
from portal.domain.routing.platform_quota import FALLBACKS
from portal.domain.routing.smtp_route import Via
from portal.storage import attempts
from portal.storage.message_log import Way
from portal.storage.messages import MessageRow, MessageState
from portal.web.message_labels import KINDS, LOOKS, SCHEDULED, WAYS, Look

_LONGEST_WORDS: Final = 200


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """One message.

    Attributes:
        way: Empty while none was decided on.
        said: The last words of a server, or what happened instead, about a message that is not sent; else empty.
    """

    id: str
    at: datetime
    to: str
    kind: str
    look: Look
    is_final: bool
    way: str
    said: str


def activity_rows(session: Session, rows: Sequence[MessageRow], *, now: datetime) -> list[ActivityRow]:
    unsent = [MessageId(row.id) for row in rows if row.state != MessageState.SENT]
    # By message and number: the last one stays.
    said = {one.message_id: one.reply for one in attempts.of_messages(session, unsent)} if unsent else {}
    return [
        ActivityRow(
            id=row.id,
            at=row.created_at,
            to=row.to_address,
            kind=KINDS.get(row.kind, row.kind),
            look=look_of(row, now=now),
            is_final=row.due_at is None,
            way=_way_of(row),
            said=said.get(row.id, _last_step(row))[:_LONGEST_WORDS],
        )
        for row in rows
    ]


def look_of(row: MessageRow, *, now: datetime) -> Look:
    """How the message's state shows itself."""
    state = MessageState(row.state)
    return SCHEDULED if state is MessageState.QUEUED and row.send_at > now else LOOKS[state]


def _way_of(row: MessageRow) -> str:
    if row.via is None:
        return ""
    if row.because in FALLBACKS:
        return WAYS[Way.FALLBACK]
    return WAYS[Way.OWN if row.via == Via.TENANT else Way.PLATFORM]


def _last_step(row: MessageRow) -> str:
    """Why a message ended that was never tried."""
    return row.decision[-1] if row.state != MessageState.SENT and row.decision else ""
