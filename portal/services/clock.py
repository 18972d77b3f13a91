"""What time it is, and names that grow with it; tests hand in a clock of their own."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from portal.domain.ids import time_ordered_id

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_id(now: datetime) -> str:
    return time_ordered_id(now, secrets.randbits(80))
