"""A connection that is ready before it is needed (FAILURES section 4, PERFORMANCE "Latency of one message").

Zero bytes of reply after a flight that held the whole message are ambiguous. So that a security mail can begin with
MAIL at once and still not meet a dead connection, one is kept in order in the background.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from portal.domain.routing.smtp_route import SmtpRoute
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline
from portal.smtp.errors import SubmissionError
from portal.smtp.shelf import Shelf
from portal.smtp.upkeep import Upkeep

Limit = Callable[[SmtpRoute], int]
"""How many connections of a route may be open here at a time, as its owner has leased them."""

_OPENING_SECONDS: Final = 10.0
"""For an opening in the background. A message may wait for it, and a security mail has no more than that."""
_LONGEST_PAUSE: Final = 30 * 60.0


class Warmth:
    """Keeps one connection of a shelf idle and in order while it is asked to.

    The connection that would be lent next is asked by RSET. One that is closed, or nearly worn, is replaced. Sign-ins
    are spared: an opening that fails, or whose connection does not last half of ``retry_after``, is repeated after
    ``retry_after`` seconds, doubling to half an hour; after a refused sign-in never.

    Args:
        shelf: Where the connection is kept.
        upkeep: Opens and ends connections.
        limit: How many of this route may be open; one more is never opened for warmth.
        every: Seconds between two questions. Postfix allows 100 of them on a connection
            (``smtpd_junk_command_limit``), Exim ten (``smtp_accept_max_nonmail``) before it closes.
        retry_after: Seconds before a failed opening is repeated.
    """

    def __init__(self, shelf: Shelf, upkeep: Upkeep, limit: Limit, *, every: float, retry_after: float) -> None:
        self._shelf = shelf
        self._upkeep = upkeep
        self._limit = limit
        self._every = every
        self._retry_after = retry_after
        self._until = 0.0
        self._failures = 0
        self._not_before = 0.0
        self._opened_at: float | None = None
        self._nudged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def keep(self, until: float) -> None:
        """Go on until then, by the loop's clock; a time that has passed ends it."""
        self._until = until
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        elif until <= _now():
            self.nudge()

    def nudge(self) -> None:
        """Look at once: a connection of the shelf is gone."""
        self._nudged.set()

    async def stop(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while _now() < self._until and not self._shelf.is_barred:
                self._nudged.clear()
                pause = await self._look()
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(min(_now() + pause, self._until)):
                        await self._nudged.wait()
        finally:
            self._shelf.warmth = None
            self._shelf.settle()

    async def _look(self) -> float:
        """Do what is due. Returns the seconds until something may be due again."""
        connection = self._next_to_be_lent()
        if connection is None:
            await self._open()
        elif self._upkeep.is_worn(connection, within=2 * self._every):
            await self._replace(connection)
        elif (idle_for := _now() - connection.idle_since) < self._every:
            return self._every - idle_for
        elif not await self._ask(connection):
            return 0.0
        return self._every

    def _next_to_be_lent(self) -> SmtpConnection | None:
        idle = self._shelf.idle
        while idle and not idle[-1].is_reusable:
            self._upkeep.drop(idle.pop())
        return idle[-1] if idle else None

    async def _ask(self, connection: SmtpConnection) -> bool:
        shelf = self._shelf
        shelf.idle.remove(connection)
        shelf.refreshing += 1
        try:
            is_there = await connection.still_usable(Deadline.after(self._every))
        except BaseException:
            self._upkeep.drop(connection)
            raise
        finally:
            shelf.refreshing -= 1
            shelf.tell()
        if is_there:
            self._failures = 0 if self._has_lasted(connection.opened_at) else self._failures
            self._shelve(connection)
        else:
            # It was the last one used: the others have been idle for longer.
            self._upkeep.drop(connection)
            self._upkeep.say_farewell(shelf.take_all())
        return is_there

    async def _replace(self, worn: SmtpConnection) -> None:
        """Open the successor first, if there is room for both."""
        shelf = self._shelf
        if not self._may_open():
            return
        if shelf.open_connections >= self._limit(shelf.route):
            shelf.idle.remove(worn)
            await asyncio.gather(*self._upkeep.say_farewell([worn]))
        await self._open()
        if worn in shelf.idle and shelf.idle[-1] is not worn:
            shelf.idle.remove(worn)
            self._upkeep.say_farewell([worn])

    async def _open(self) -> None:
        shelf = self._shelf
        if shelf.opening or shelf.open_connections >= self._limit(shelf.route) or not self._may_open():
            return
        self._opened_at = _now()
        try:
            connection = await self._upkeep.open(shelf, Deadline.after(_OPENING_SECONDS))
        except (SubmissionError, OSError):
            # Whoever sends a message meets the same, and has somebody to tell.
            self._hold_back()
        else:
            self._shelve(connection)

    def _may_open(self) -> bool:
        if _now() < self._not_before:
            return False
        if self._opened_at is not None and not self._has_lasted(self._opened_at):
            self._hold_back()
            return False
        return True

    def _has_lasted(self, opened_at: float) -> bool:
        return _now() - opened_at >= self._retry_after / 2

    def _hold_back(self) -> None:
        self._not_before = _now() + min(self._retry_after * 2.0**self._failures, _LONGEST_PAUSE)
        self._failures += 1
        self._opened_at = None

    def _shelve(self, connection: SmtpConnection) -> None:
        if self._shelf.is_closed:
            self._upkeep.say_farewell([connection])
        else:
            self._shelf.put(connection)


def _now() -> float:
    return asyncio.get_running_loop().time()
