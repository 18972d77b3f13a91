"""What time it is, and names that grow with it; tests hand in a clock of their own."""

import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from portal.domain.ids import time_ordered_id

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class _Names:
    """Of what is made within one millisecond the later is named after the earlier: the queue goes by names, too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._randomness = 0

    def after(self, now: datetime) -> str:
        with self._lock:
            millisecond = int(now.timestamp() * 1000)
            if millisecond == self._millisecond:
                self._randomness += 1 + secrets.randbits(16)
            else:
                # One bit is left free, so that adding to it does not begin anew at nought.
                self._millisecond, self._randomness = millisecond, secrets.randbits(79)
            return time_ordered_id(now, self._randomness)


_NAMES = _Names()


def new_id(now: datetime) -> str:
    """An identifier that sorts by time, and within one process by the order of making."""
    return _NAMES.after(now)
