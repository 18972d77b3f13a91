"""How long each step of an attempt may take (FAILURES section 5).

All limits are absolute: a byte that drips in extends nothing. They are shorter than RFC 5321 section 4.5.3.2 asks for
(5 minutes a command) on purpose, because a tenant's dead server must not hold a worker; the wait for the final reply is
long on purpose, because cutting it short makes duplicates (RFC 1047).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from portal.domain.mail.smtp_stage import SmtpStage

_BODY_BYTES_PER_SECOND: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class StageLimits:
    """Seconds for each stage, named as the stages are, and for a whole attempt.

    ``connect`` is for one address, of which at most three are tried. ``body`` grows by a second for every 64 KiB.
    """

    resolve: float = 5.0
    connect: float = 10.0
    banner: float = 30.0
    ehlo: float = 30.0
    starttls: float = 30.0
    tls: float = 10.0
    auth: float = 30.0
    mail: float = 30.0
    rcpt: float = 30.0
    data: float = 60.0
    body: float = 60.0
    dot: float = 300.0
    quit: float = 2.0
    attempt: float = 600.0

    def seconds_for(self, stage: SmtpStage, *, content_bytes: int = 0) -> float:
        """The limit of a stage; ``content_bytes`` is the size of the message that is being written."""
        seconds: float = getattr(self, stage.value)
        return seconds + content_bytes / _BODY_BYTES_PER_SECOND if stage is SmtpStage.BODY else seconds


class Deadline:
    """A point in time, on a clock that never jumps.

    Attributes:
        at: The point, in seconds of the clock.
    """

    __slots__ = ("_clock", "at")

    def __init__(self, at: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.at = at
        self._clock = clock

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Self:
        """A deadline that many seconds from now, by the clock of asyncio's own loops unless told otherwise."""
        return cls(clock() + seconds, clock)

    def sooner(self, seconds: float) -> "Deadline":
        """This deadline, or the one that many seconds from now if it comes first."""
        at = self._clock() + seconds
        return self if self.at <= at else Deadline(at, self._clock)

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - self._clock())

    @property
    def has_passed(self) -> bool:
        return self._clock() >= self.at

    def __repr__(self) -> str:
        return f"Deadline({self.remaining():.3f} s left)"
