"""How often something may be tried, counted across all processes (THREATS 24 and 26)."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from portal.domain.token_bucket import NO_WAIT, Limit
from portal.storage import token_buckets


def wait_for(session: Session, limit: Limit, subject: str, now: datetime) -> timedelta:
    """How long until ``take()`` would be granted; ``NO_WAIT`` when it would be now. Takes nothing.

    Args:
        subject: Whose bucket: an address, a network, a tenant with a host ...
    """
    return limit.wait(token_buckets.full_at(session, _key(limit, subject)), now)


def take(session: Session, limit: Limit, subject: str, now: datetime) -> timedelta:
    """Take a token in a transaction that writes.

    Returns:
        ``NO_WAIT`` when it was taken; else how long until one can be. Then nothing was taken.
    """
    bucket = token_buckets.locked(session, _key(limit, subject), now=now)
    wait = limit.wait(bucket.full_at, now)
    if wait == NO_WAIT:
        bucket.full_at = limit.after_taking(bucket.full_at, now)
    return wait


def give_back(session: Session, limit: Limit, subject: str, now: datetime) -> None:
    """Put back a token that ``take()`` has granted: what it was taken for does not count after all."""
    bucket = token_buckets.locked(session, _key(limit, subject), now=now)
    bucket.full_at = limit.after_giving_back(bucket.full_at, now)


def _key(limit: Limit, subject: str) -> bytes:
    return hashlib.sha256(f"{limit.name}\0{subject}".encode()).digest()
