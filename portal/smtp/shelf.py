"""What the pool has of one route: connections, and those who wait for one."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import SmtpRoute
from portal.domain.routing.trouble import Trouble
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline
from portal.smtp.errors import SubmissionError

if TYPE_CHECKING:
    from portal.smtp.warmth import Warmth


@dataclass(eq=False, slots=True)
class Shelf:
    """The connections of one pool key.

    A closed shelf takes nothing back: it is how connections that are lent, or being opened, learn that their version
    has been replaced in the meantime.

    Attributes:
        route: Where its connections lead.
        when_empty: Called when nothing is on it, nobody waits at it and nothing needs to be remembered.
        idle: Connections in nobody's hands, the last used at the end.
        lent: How many are in somebody's hands.
        opening: How many are being opened.
        refreshing: How many are being asked in the background whether they are still there.
        borrowers: How many callers have a connection of it, or are about to.
        is_closed: That it takes nothing back.
        has_failed: That the last opening failed.
        is_barred: That a sign-in was refused while it was kept warm: only a message may try the next one.
        warmth: What keeps a connection ready, or None.
    """

    route: SmtpRoute
    when_empty: Callable[[], None]
    idle: list[SmtpConnection] = field(default_factory=list)
    lent: int = 0
    opening: int = 0
    refreshing: int = 0
    borrowers: int = 0
    is_closed: bool = False
    has_failed: bool = False
    is_barred: bool = False
    warmth: "Warmth | None" = None
    _waiters: list[asyncio.Future[SubmissionError | None]] = field(default_factory=list)

    @property
    def open_connections(self) -> int:
        """All that the server counts, or soon will; not those that are saying QUIT."""
        return len(self.idle) + self.lent + self.opening + self.refreshing

    @property
    def is_proven(self) -> bool:
        """Whether a connection of it is signed in, so that others can be expected to get in as well."""
        return bool(self.idle or self.lent or self.refreshing)

    @property
    def opens_one_by_one(self) -> bool:
        """Whether nothing speaks for another opening to succeed while one is under way."""
        return self.has_failed or not self.is_proven

    def put(self, connection: SmtpConnection) -> None:
        """Keep it idle, as the one that is lent next."""
        connection.forget_transcript()
        self.idle.append(connection)

    def take_all(self) -> list[SmtpConnection]:
        taken, self.idle = self.idle, []
        return taken

    async def news(self, deadline: Deadline) -> SubmissionError | None:
        """Wait until a connection is given back, or an opening ends.

        Returns:
            Why the opening failed, or that the deadline has passed, as an error of the caller's own; None when it is
            worth looking again.
        """
        waiter: asyncio.Future[SubmissionError | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(deadline.remaining()):
                return await waiter
        except TimeoutError:
            return SubmissionError(SmtpStage.CONNECT, trouble=Trouble.TIMED_OUT)
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def tell(self, failure: SubmissionError | None = None) -> None:
        """Wake all who wait for news."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(failure.passed_on() if failure is not None else None)

    def settle(self) -> None:
        """Be forgotten if there is nothing to remember."""
        # A closed one is off the list already, and another may stand in its place.
        if not (self.borrowers or self.idle or self.refreshing or self.warmth or self.is_barred or self.is_closed):
            self.when_empty()
