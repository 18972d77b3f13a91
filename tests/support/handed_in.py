"""What tests hand in to be sent."""

from typing import Any, Final

from sqlalchemy import func, select

from portal.storage.messages import MessageRow
from portal.wiring import Waypost

GOOD: Final[dict[str, Any]] = {"kind": "otp", "to": "Bob@Dest.Example", "subject": "Your code", "text": "424242"}


def stored(waypost: Waypost) -> int:
    """How many messages the outbox holds."""
    with waypost.database.reading() as session:
        return session.scalar(select(func.count()).select_from(MessageRow)) or 0
