"""Identifiers that sort by the time they were made."""

from datetime import datetime
from typing import Final, NewType

TenantId = NewType("TenantId", str)
MessageId = NewType("MessageId", str)
"""Our name for a message in the outbox; the Message-ID header is another thing."""
UserId = NewType("UserId", str)

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u to misread
_LENGTH: Final = 26
_RANDOM_BITS: Final = 80


def time_ordered_id(now: datetime, randomness: int) -> str:
    """Make a 26-character identifier: 48 bits of Unix milliseconds, then 80 random bits.

    Neighbours in time are neighbours in the index, which keeps inserts cheap in large tables.

    Args:
        now: An aware time.
        randomness: At least 80 random bits, e.g. ``secrets.randbits(80)``.
    """
    number = (int(now.timestamp() * 1000) << _RANDOM_BITS) | (randomness & ((1 << _RANDOM_BITS) - 1))
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))
