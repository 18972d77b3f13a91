"""The beginning and the end of the pool's connections."""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Final

from portal.domain.routing.fault import Fault
from portal.smtp.client_options import ClientOptions
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline
from portal.smtp.errors import SubmissionError
from portal.smtp.shelf import Shelf
from portal.smtp.stage_report import Observer


class Upkeep:
    """Opens connections for shelves, and ends them: by age, with QUIT, or at once.

    Args:
        options: What the operator decides.
        max_messages: After that many a connection is worn.
        max_age_seconds: After that time likewise; it is closed then if it is idle.

    Attributes:
        opened: Connections opened so far.
    """

    def __init__(self, options: ClientOptions, *, max_messages: int, max_age_seconds: float) -> None:
        self.opened = 0
        self._options: Final = options
        self._max_messages: Final = max_messages
        self._max_age_seconds: Final = max_age_seconds
        self._expiries: dict[SmtpConnection, asyncio.TimerHandle] = {}
        self._farewells: set[asyncio.Task[None]] = set()

    async def open(self, shelf: Shelf, deadline: Deadline, observer: Observer | None = None) -> SmtpConnection:
        """Open a connection, and tell those who wait at the shelf how it went.

        Raises:
            SubmissionError: It could not be opened.
        """
        failure: SubmissionError | None = None
        shelf.opening += 1
        try:
            connection = await SmtpConnection.open(shelf.route, self._options, deadline=deadline, observer=observer)
        except SubmissionError as error:
            shelf.has_failed = True
            is_refused = error.fault_at(shelf.route.endpoint.host) is Fault.ROUTE_AUTH
            shelf.is_barred = shelf.is_barred or (is_refused and shelf.warmth is not None)
            # Time that ran out was the opener's own, and says little to whoever has more of it.
            failure = None if deadline.has_passed else error
            raise
        finally:
            shelf.opening -= 1
            shelf.tell(failure)
        self.opened += 1
        shelf.has_failed = shelf.is_barred = False
        expiry = connection.opened_at + self._max_age_seconds
        self._expiries[connection] = asyncio.get_running_loop().call_at(expiry, self._expire, shelf, connection)
        connection.when_unasked(partial(self._hear, shelf, connection))
        return connection

    def is_worn(self, connection: SmtpConnection, *, within: float = 0.0) -> bool:
        """Whether it has carried enough, or will be too old in so many seconds."""
        age = asyncio.get_running_loop().time() - connection.opened_at
        return age + within >= self._max_age_seconds or connection.transactions >= self._max_messages

    def drop(self, connection: SmtpConnection) -> None:
        """Close at once."""
        self._expiries.pop(connection).cancel()
        connection.abort()

    def say_farewell(self, connections: Iterable[SmtpConnection]) -> list[asyncio.Task[None]]:
        """QUIT, in the background: nobody waits for a goodbye. It takes 2 seconds at most."""
        tasks = []
        for connection in connections:
            self._expiries.pop(connection).cancel()
            tasks.append(asyncio.create_task(connection.quit()))
        for task in tasks:
            self._farewells.add(task)
            task.add_done_callback(self._farewells.discard)
        return tasks

    async def finish(self) -> None:
        """Wait for the goodbyes that are under way."""
        await asyncio.gather(*self._farewells)

    def _expire(self, shelf: Shelf, connection: SmtpConnection) -> None:
        if connection in shelf.idle:  # one that is lent is found to be old when it is given back
            shelf.idle.remove(connection)
            self.say_farewell([connection])
            _miss(shelf)

    def _hear(self, shelf: Shelf, connection: SmtpConnection) -> None:
        """A server says nothing to an idle connection but goodbye: it is not kept until somebody needs it."""
        if connection in shelf.idle and not connection.is_reusable:
            shelf.idle.remove(connection)
            self.drop(connection)
            _miss(shelf)


def _miss(shelf: Shelf) -> None:
    if shelf.warmth is not None:
        shelf.warmth.nudge()
    shelf.settle()
