"""Connections kept for the next message of the same route (PERFORMANCE, "What that teaches"; THREATS 17)."""

import asyncio
import sys

from portal.domain.routing.smtp_route import SmtpRoute
from portal.smtp.client_options import ClientOptions
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline
from portal.smtp.shelf import Shelf
from portal.smtp.stage_report import Observer, StageReporter
from portal.smtp.upkeep import Upkeep
from portal.smtp.warmth import Limit, Warmth


class SmtpPool:
    """Lends connections and takes them back. Belongs to one event loop.

    Connections are shared within ``SmtpRoute.pool_key`` and never across it. Who takes one holds a slot of the route;
    the pool keeps what is idle, and what it opens on its own account, within ``limit``.

    While no connection of a key is signed in, or the last opening failed, one opening is under way at a time: others
    wait for its outcome, and share it when it fails. A dead server is waited for once, and a refused password is said
    once.

    Args:
        options: What the operator decides.
        limit: How many connections of a route may be open in this process at a time, lent ones included. Whoever lends
            within it is never refused; None means that the pool knows no bounds but ``max_idle_per_key``.
        max_idle_per_key: Connections kept for each key; one more is closed.
        max_messages: After that many a connection is closed, as providers ask for.
        max_age_seconds: After that time likewise, idle or not.
        check_after_idle_seconds: A connection idle for longer is asked by RSET before it is lent; one that is kept
            warm is asked in the background before it comes to that.
        retry_warmth_seconds: How long a failed opening in the background is not repeated; it doubles.

    Attributes:
        reused: How often a kept connection was lent.
    """

    def __init__(
        self,
        options: ClientOptions,
        *,
        limit: Limit | None = None,
        max_idle_per_key: int = 4,
        max_messages: int = 100,
        max_age_seconds: float = 300.0,
        check_after_idle_seconds: float = 5.0,
        retry_warmth_seconds: float = 60.0,
    ) -> None:
        self.reused = 0
        self._limit = limit or _as_many_as_are_lent
        self._max_idle_per_key = max_idle_per_key
        self._check_after_idle_seconds = check_after_idle_seconds
        self._retry_warmth_seconds = retry_warmth_seconds
        self._upkeep = Upkeep(options, max_messages=max_messages, max_age_seconds=max_age_seconds)
        self._shelves: dict[tuple[object, ...], Shelf] = {}
        self._lent: dict[SmtpConnection, Shelf] = {}
        self._is_closed = False

    async def take(
        self, route: SmtpRoute, *, deadline: Deadline, observer: Observer | None = None, leaves_one: bool = False
    ) -> SmtpConnection:
        """Lend a connection of this route, a kept one if there is one in order. Give it back in any case.

        Args:
            route: Where to, and as whom.
            deadline: For the check of a kept connection, for waiting and for opening a new one.
            leaves_one: Where the last idle connection is kept warm and another may be opened, open one: this message
                has time, and the next may have none.
            observer: Told of the stages; a kept connection has none before *mail*.

        Raises:
            SubmissionError: No connection could be opened; ``is_second_hand`` when somebody else has tried.
        """
        if self._is_closed:
            raise RuntimeError("the pool is closed")
        shelf = self._shelf_of(route)
        shelf.borrowers += 1
        try:
            connection = None if leaves_one and self._last_is_kept_warm(shelf) else await self._kept(shelf, deadline)
            if connection is None:
                connection = await self._awaited(shelf, deadline, observer)
        except BaseException:
            self._end_loan(shelf)
            raise
        connection.observe(observer)
        self._lent[connection] = shelf
        shelf.lent += 1
        return connection

    def give_back(self, connection: SmtpConnection) -> None:
        """Keep a connection for the next message, or close it when it is not in order, old, or not wanted any more."""
        shelf = self._lent.pop(connection)
        shelf.lent -= 1
        connection.observe(None)
        if not connection.is_reusable or self._is_closed:
            self._upkeep.drop(connection)
        elif shelf.is_closed or self._upkeep.is_worn(connection) or not self._has_room(shelf):
            self._upkeep.say_farewell([connection])
        else:
            shelf.put(connection)
        if shelf.warmth is not None and not shelf.idle:
            shelf.warmth.nudge()
        shelf.tell()
        self._end_loan(shelf)

    async def check(self, route: SmtpRoute, *, deadline: Deadline) -> None:
        """See that the server lets us in and answers NOOP, without any mail: the half-open probe (DESIGN section 4).

        Raises:
            SubmissionError: It does not.
        """
        connection = await self.take(route, deadline=deadline)
        try:
            await connection.say_noop(deadline)
        finally:
            self.give_back(connection)

    def keep_warm(self, route: SmtpRoute, until: float) -> None:
        """Keep a connection of this route idle and in order, so that the next message begins with MAIL at once.

        A refused sign-in ends it, and this call then does nothing until a message of the route has been signed in.

        Args:
            route: Where to, and as whom.
            until: By the loop's clock; the last call counts, and a time that has passed ends it.
        """
        if self._is_closed:
            raise RuntimeError("the pool is closed")
        shelf = self._shelf_of(route)
        if shelf.warmth is None and not shelf.is_barred and until > asyncio.get_running_loop().time():
            # Sooner than take() would ask: an answer may be a while in coming.
            every = 0.8 * self._check_after_idle_seconds
            shelf.warmth = Warmth(shelf, self._upkeep, self._limit, every=every, retry_after=self._retry_warmth_seconds)
        if shelf.warmth is not None:
            shelf.warmth.keep(until)
        shelf.settle()

    # What is open

    @property
    def opened(self) -> int:
        """How many connections have been opened so far."""
        return self._upkeep.opened

    @property
    def idle(self) -> int:
        return sum(len(shelf.idle) for shelf in self._shelves.values())

    @property
    def lent(self) -> int:
        return len(self._lent)

    def open_connections(self, pool_key: tuple[object, ...]) -> int:
        """How many connections of a key are lent, idle or being opened; those that say QUIT are not counted."""
        shelf = self._shelves.get(pool_key)
        return shelf.open_connections if shelf is not None else 0

    def is_proven(self, pool_key: tuple[object, ...]) -> bool:
        """Whether a connection of this key is signed in now, so that several may be asked for at once."""
        shelf = self._shelves.get(pool_key)
        return shelf is not None and shelf.is_proven

    async def close_idle(self, pool_key: tuple[object, ...], keep: int) -> int:
        """Close idle connections of a key, the longest idle first, until no more than ``keep`` are open in all.

        What is lent is left alone. Takes 2 seconds at most.

        Returns:
            How many are open still.
        """
        shelf = self._shelves.get(pool_key)
        if shelf is None:
            return 0
        surplus = min(max(0, shelf.open_connections - keep), len(shelf.idle))
        closed, shelf.idle = shelf.idle[:surplus], shelf.idle[surplus:]
        farewells = self._upkeep.say_farewell(closed)
        shelf.settle()
        await asyncio.gather(*farewells)
        return self.open_connections(pool_key)

    async def close_key(self, pool_key: tuple[object, ...]) -> None:
        """Close the idle connections of a key now, and those that are lent when they are given back."""
        shelf = self._shelves.pop(pool_key, None)
        if shelf is None:
            return
        shelf.is_closed = True
        farewells = self._upkeep.say_farewell(shelf.take_all())
        if shelf.warmth is not None:
            await shelf.warmth.stop()
        await asyncio.gather(*farewells)

    async def close(self) -> None:
        """Close everything that is not lent; what is lent closes when it is given back. Takes 2 seconds at most."""
        self._is_closed = True
        await asyncio.gather(*map(self.close_key, list(self._shelves)))
        await self._upkeep.finish()

    # How one is found

    async def _kept(self, shelf: Shelf, deadline: Deadline) -> SmtpConnection | None:
        while shelf.idle:
            connection = shelf.idle.pop()
            shelf.lent += 1  # so that it is counted while it is looked at
            try:
                await connection.catch_up()
                if not connection.is_reusable:
                    self._upkeep.drop(connection)
                elif self._upkeep.is_worn(connection):
                    self._upkeep.say_farewell([connection])
                elif not self._was_idle_for_long(connection) or await connection.still_usable(deadline):
                    self.reused += 1
                    return connection
                else:
                    # It was the last one used: the others have been idle for longer, and each would cost a wait.
                    self._upkeep.drop(connection)
                    self._upkeep.say_farewell(shelf.take_all())
            except BaseException:
                self._upkeep.drop(connection)
                raise
            finally:
                shelf.lent -= 1
        return None

    async def _awaited(self, shelf: Shelf, deadline: Deadline, observer: Observer | None) -> SmtpConnection:
        while self._one_is_on_its_way(shelf):
            failure = await shelf.news(deadline)
            if failure is not None:
                StageReporter(observer).failed(failure)
                raise failure
            connection = await self._kept(shelf, deadline)
            if connection is not None:
                return connection
        return await self._upkeep.open(shelf, deadline, observer)

    def _one_is_on_its_way(self, shelf: Shelf) -> bool:
        if shelf.refreshing:
            return True
        is_full = shelf.open_connections >= self._limit(shelf.route)
        return shelf.opening > 0 and (shelf.opens_one_by_one or is_full)

    def _shelf_of(self, route: SmtpRoute) -> Shelf:
        key = route.pool_key
        shelf = self._shelves.get(key)
        if shelf is None:
            shelf = self._shelves[key] = Shelf(route, lambda: self._forget(key))
        return shelf

    def _forget(self, key: tuple[object, ...]) -> None:
        del self._shelves[key]

    def _has_room(self, shelf: Shelf) -> bool:
        return len(shelf.idle) < self._max_idle_per_key and shelf.open_connections < self._limit(shelf.route)

    def _last_is_kept_warm(self, shelf: Shelf) -> bool:
        can_open = shelf.is_proven and shelf.open_connections < self._limit(shelf.route)
        return can_open and shelf.warmth is not None and len(shelf.idle) + shelf.refreshing == 1

    def _was_idle_for_long(self, connection: SmtpConnection) -> bool:
        return asyncio.get_running_loop().time() - connection.idle_since > self._check_after_idle_seconds

    def _end_loan(self, shelf: Shelf) -> None:
        shelf.borrowers -= 1
        shelf.settle()


def _as_many_as_are_lent(_: SmtpRoute) -> int:
    return sys.maxsize
