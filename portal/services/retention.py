"""Deletes what an installation no longer keeps (PORTAL_RETENTION_DAYS)."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from sqlalchemy.orm import Session

from portal.domain.people.sign_in_rules import ABSOLUTE
from portal.services.clock import Clock
from portal.storage import retention
from portal.storage.database import Database

_Found = TypeVar("_Found")

_PLATFORM_USE_KEPT: Final = timedelta(days=2)
_TOKENS_KEPT: Final = timedelta(days=1)
"""Beyond their end, so that who follows an old link reads that it is old."""
_AT_ONCE: Final = 200
"""Rows deleted in one transaction: on SQLite whoever sends a message waits for it."""


def sweep(database: Database, clock: Clock, days: int, most: int = 1000) -> int:
    """Delete final messages and tests older than so many days, and with them what the audit log says of deliveries.

    What people did stays in the audit log. Whatever ``days`` says, how much each tenant has used of the platform's
    sender goes after two days, and sign-ins, links and limits go when they are over.

    Args:
        days: PORTAL_RETENTION_DAYS; 0 keeps messages for ever.
        most: How many to delete now, of each kind.

    Returns:
        How many there were of the most numerous of them. As long as it is ``most``, there is more to delete.

    Raises:
        StorageError: The database refused or is away. What was deleted before stays deleted.
    """
    now = clock()
    swept = [
        _delete(database, retention.old_platform_use, retention.delete_platform_use, now - _PLATFORM_USE_KEPT, most),
        _delete(database, retention.old_sign_ins, retention.delete_sign_ins, now - ABSOLUTE, most),
        _delete(database, retention.old_tokens, retention.delete_tokens, now - _TOKENS_KEPT, most),
        _delete(database, retention.full_buckets, partial(retention.delete_buckets, full_before=now), now, most),
    ]
    if days:
        before = now - timedelta(days=days)
        swept += [
            _delete(database, retention.old_messages, retention.delete_messages, before, most),
            _delete(database, retention.old_delivery_events, retention.delete_events, before, most),
            _delete(database, retention.old_probes, retention.delete_probes, before, most),
        ]
    return max(swept)


def _delete(
    database: Database,
    find: Callable[[Session, datetime, int], Sequence[_Found]],
    delete: Callable[[Session, Sequence[_Found]], None],
    before: datetime,
    most: int,
) -> int:
    with database.reading() as session:
        found = find(session, before, most)
    for portion in _portions(found):
        with database.transaction() as session:
            delete(session, portion)
    return len(found)


def _portions(found: Sequence[_Found]) -> Iterator[Sequence[_Found]]:
    for start in range(0, len(found), _AT_ONCE):
        yield found[start : start + _AT_ONCE]
