"""What has happened to one message so far."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.smtp_route import SmtpRoute, Via


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """One try over one route that has ended.

    Attributes:
        at: When it ended.
        version: The number of the email settings version; 0 on the platform's own route.
        unknown_name: It ended because the server's name did not exist.
    """

    at: datetime
    via: Via
    fault: Fault
    version: int
    unknown_name: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """The ended attempts of one message, oldest first.

    Attributes:
        interrupted: Conversations that were begun besides, and of which no outcome is known: a worker died.
    """

    attempts: tuple[PastAttempt, ...] = ()
    interrupted: int = 0

    @classmethod
    def of(cls, attempts: Iterable[PastAttempt], *, interrupted: int = 0) -> Self:
        return cls(tuple(sorted(attempts, key=lambda attempt: attempt.at)), interrupted)

    def with_interruptions(self, interrupted: int) -> "History":
        return History(self.attempts, interrupted)

    def followed_by(self, attempt: PastAttempt) -> "History":
        return History.of((*self.attempts, attempt), interrupted=self.interrupted)

    def on(self, route: SmtpRoute) -> "History":
        """Those on this route and version: new settings start with a clean sheet."""
        return History(tuple(a for a in self.attempts if (a.via, a.version) == (route.via, route.version)))

    def ending(self, *faults: Fault) -> "History":
        """Those that ended with one of these faults."""
        return History(tuple(a for a in self.attempts if a.fault in faults))

    def name_was_unknown_by(self, moment: datetime) -> bool:
        """Whether the server's name did not exist at or before that moment, too."""
        return any(attempt.unknown_name and attempt.at <= moment for attempt in self.attempts)

    @property
    def tries(self) -> int:
        return len(self.attempts)

    @property
    def first_at(self) -> datetime | None:
        return self.attempts[0].at if self.attempts else None

    @property
    def last(self) -> PastAttempt | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def copies_possible(self) -> int:
        """How many copies of the message servers may have taken."""
        return self.ending(Fault.AMBIGUOUS, Fault.OK).tries + self.interrupted


NO_HISTORY: Final = History()
