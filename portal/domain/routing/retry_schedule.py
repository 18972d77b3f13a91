"""When a message is tried again, and how long it is tried before the next route (FAILURES sections 1 and 5)."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from portal.domain.mail.notification_kinds import NotificationKind, Priority

_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_SPREAD: Final = 0.25

QUICK_RETRY: Final = timedelta(seconds=2)
BULK_PATIENCE: Final = timedelta(minutes=15)
"""How long bulk mail is retried on a route with a temporary fault before it falls back."""
RECIPIENT_PATIENCE: Final = timedelta(hours=24)
"""How long a recipient's temporary refusal is retried; a security mail is retried until it expires."""
MOST_COPIES: Final = 3
"""Copies of one message that may ever exist: route, route again, platform (FAILURES section 4)."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Waits between tries; the last one repeats."""

    waits: tuple[timedelta, ...]

    @classmethod
    def of(cls, words: str) -> Self:
        """Read waits such as ``"2s 30s 2m 1h"``."""
        return cls(tuple(timedelta(seconds=int(word[:-1]) * _UNITS[word[-1]]) for word in words.split()))

    def wait(self, tries_before: int, jitter: float = 0.0) -> timedelta:
        """How long to wait now.

        Args:
            tries_before: Tries that had failed in the same way before this one; 0 at the first failure.
            jitter: 0 to 1; stretches the wait by up to a quarter, so that what failed together does not come
                back together.
        """
        return self.waits[min(tries_before, len(self.waits) - 1)] * (1 + _SPREAD * jitter)


BULK_BEFORE_FALLBACK: Final = Schedule.of("2s 30s 2m 5m")
ONLY_ROUTE: Final = Schedule.of("2s 30s 2m 5m 10m 20m 30m 1h")
"""A temporary fault where no other route may take over."""
REFUSED: Final = Schedule.of("1m 5m 15m 30m 1h")
"""A lasting refusal where no other route may take over: somebody has to mend it first."""
SIGN_IN_REFUSED: Final = Schedule.of("15m 30m 1h 2h 4h 6h")
"""Slow, because wrong passwords in a row lock accounts."""
RATE: Final = Schedule.of("5s 10s 20s 40s 80s 160s 320s 10m")
RECIPIENT: Final = Schedule.of("1m 5m 15m 30m 1h 2h 4h")
AMBIGUOUS: Final = Schedule.of("60s 15m")


def rate_patience(kind: NotificationKind) -> timedelta:
    """How long a message waits for a route that says "too fast" before it may fall back."""
    return timedelta(seconds=60) if kind.is_security else timedelta(minutes=30)


def own_route_seconds(kind: NotificationKind, *, next_route: bool) -> float:
    """How many seconds all tries together may take on a route before the next one takes over.

    Args:
        next_route: Whether another route may follow. Without one there is nothing to hurry for.
    """
    if not next_route or kind.priority is Priority.BULK:
        return 600.0
    return 10.0 if kind.is_security else 30.0


_NAMED_WAIT: Final = re.compile(
    r"(?:try(?:ing)?(?: it)? again|retry)\s+(?:after|in)\s+(\d{1,5})\s*(second|sec|s|minute|min|m|hour|hr|h)\w*\b",
    re.IGNORECASE,
)
_QUOTA: Final = re.compile(r"\b(?:quota|credits?|daily|hourly|per (?:day|hour))\b", re.IGNORECASE)


def not_before(reply_text: str, now: datetime) -> datetime | None:
    """The time before which a server that answered with a RATE fault need not be asked again.

    Returns:
        The time it named; the next full hour where it spoke of a quota; None where it said neither. Never more
        than 6 hours away: whatever a server says, the route is looked at again four times a day.
    """
    longest = now + timedelta(hours=6)
    if named := _NAMED_WAIT.search(reply_text):
        return min(now + timedelta(seconds=int(named[1]) * _UNITS[named[2][0].lower()]), longest)
    if _QUOTA.search(reply_text):
        return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return None
