"""Connections kept for the next message of the same route (PERFORMANCE, "What that teaches"; THREATS 17)."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from portal.domain.ids import TenantId
from portal.domain.routing.smtp_route import SmtpRoute
from portal.smtp.client_options import ClientOptions
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline
from portal.smtp.stage_report import Observer


@dataclass(eq=False, slots=True)
class _Shelf:
    """The idle connections of one pool key, the last used at the end.

    A closed shelf takes nothing back: it is how connections that are lent, or being opened, learn that their version
    has been replaced in the meantime. A shelf with nothing on it and no borrowers is forgotten.
    """

    route: SmtpRoute
    borrowers: int = 0
    idle: list[SmtpConnection] = field(default_factory=list)
    is_closed: bool = False

    def take_all(self) -> list[SmtpConnection]:
        taken, self.idle = self.idle, []
        return taken


class SmtpPool:
    """Lends connections and takes them back. Belongs to one event loop.

    Connections are shared within ``SmtpRoute.pool_key`` and never across it. How many there may be at a time is the
    caller's business; the pool only decides what is kept.

    Args:
        options: What the operator decides.
        max_idle_per_key: Connections kept for each key; one more is closed.
        max_messages: After that many a connection is closed, as providers ask for.
        max_age_seconds: After that time likewise, idle or not.
        check_after_idle_seconds: A connection idle for longer is asked by RSET before it is lent.
    """

    def __init__(
        self,
        options: ClientOptions,
        *,
        max_idle_per_key: int = 4,
        max_messages: int = 100,
        max_age_seconds: float = 300.0,
        check_after_idle_seconds: float = 5.0,
    ) -> None:
        self._options = options
        self._max_idle_per_key = max_idle_per_key
        self._max_messages = max_messages
        self._max_age_seconds = max_age_seconds
        self._check_after_idle_seconds = check_after_idle_seconds
        self._shelves: dict[tuple[object, ...], _Shelf] = {}
        self._lent: dict[SmtpConnection, _Shelf] = {}
        self._expiries: dict[SmtpConnection, asyncio.TimerHandle] = {}
        self._farewells: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def take(self, route: SmtpRoute, *, deadline: Deadline, observer: Observer | None = None) -> SmtpConnection:
        """Lend a connection of this route, a kept one if there is one in order. Give it back in any case.

        Args:
            route: Where to, and as whom.
            deadline: For the check of a kept connection and for opening a new one.
            observer: Told of the stages; a kept connection has none before *mail*.

        Raises:
            SubmissionError: No connection could be opened.
        """
        if self._is_closed:
            raise RuntimeError("the pool is closed")
        shelf = self._shelves.setdefault(route.pool_key, _Shelf(route))
        shelf.borrowers += 1
        try:
            connection = await self._kept(shelf, deadline)
            if connection is None:
                connection = await SmtpConnection.open(route, self._options, deadline=deadline, observer=observer)
                self._let_expire(connection, shelf)
        except BaseException:
            self._end_loan(shelf)
            raise
        connection.observe(observer)
        self._lent[connection] = shelf
        return connection

    def give_back(self, connection: SmtpConnection) -> None:
        """Keep a connection for the next message, or close it when it is not in order, old, or not wanted any more."""
        shelf = self._lent.pop(connection)
        connection.observe(None)
        if not connection.is_reusable or self._is_closed:
            self._drop(connection)
        elif shelf.is_closed or self._is_worn(connection) or len(shelf.idle) >= self._max_idle_per_key:
            self._say_farewell([connection])
        else:
            shelf.idle.append(connection)
        self._end_loan(shelf)

    async def close_key(self, pool_key: tuple[object, ...]) -> None:
        """Close the idle connections of a key now, and those that are lent when they are given back."""
        shelf = self._shelves.pop(pool_key, None)
        if shelf is not None:
            await self._clear(shelf)

    async def close_version(self, tenant_id: TenantId | None, version: int) -> None:
        """The same for all keys of a version of a tenant's settings, e.g. when another one was activated."""
        replaced = [
            key
            for key, shelf in self._shelves.items()
            if (shelf.route.tenant_id, shelf.route.version) == (tenant_id, version)
        ]
        await asyncio.gather(*map(self.close_key, replaced))

    async def close(self) -> None:
        """Close everything that is not lent; what is lent closes when it is given back. Takes 2 seconds at most."""
        self._is_closed = True
        await asyncio.gather(*map(self.close_key, list(self._shelves)))
        await asyncio.gather(*self._farewells)

    async def _kept(self, shelf: _Shelf, deadline: Deadline) -> SmtpConnection | None:
        while shelf.idle:
            connection = shelf.idle.pop()
            try:
                await connection.catch_up()
                if connection.is_reusable and self._is_worn(connection):
                    self._say_farewell([connection])
                    continue
                was_idle_for_long = self._idle_seconds(connection) > self._check_after_idle_seconds
                if was_idle_for_long and not await connection.still_usable(deadline):
                    # It was the last one used: the others have been idle for longer, and each would cost a wait.
                    self._say_farewell(shelf.take_all())
            except BaseException:
                self._drop(connection)
                raise
            if connection.is_reusable:
                return connection
            self._drop(connection)
        return None

    async def _clear(self, shelf: _Shelf) -> None:
        shelf.is_closed = True
        await asyncio.gather(*self._say_farewell(shelf.take_all()))

    def _let_expire(self, connection: SmtpConnection, shelf: _Shelf) -> None:
        expiry = connection.opened_at + self._max_age_seconds
        self._expiries[connection] = asyncio.get_running_loop().call_at(expiry, self._expire, shelf, connection)

    def _expire(self, shelf: _Shelf, connection: SmtpConnection) -> None:
        if connection in shelf.idle:  # one that is lent is found to be old when it is given back
            shelf.idle.remove(connection)
            self._say_farewell([connection])
            self._forget_if_empty(shelf)

    def _drop(self, connection: SmtpConnection) -> None:
        self._expiries.pop(connection).cancel()
        connection.abort()

    def _end_loan(self, shelf: _Shelf) -> None:
        shelf.borrowers -= 1
        self._forget_if_empty(shelf)

    def _forget_if_empty(self, shelf: _Shelf) -> None:
        # A closed one is off the list already, and another may stand in its place.
        if not (shelf.borrowers or shelf.idle or shelf.is_closed):
            del self._shelves[shelf.route.pool_key]

    def _is_worn(self, connection: SmtpConnection) -> bool:
        age = asyncio.get_running_loop().time() - connection.opened_at
        return age >= self._max_age_seconds or connection.transactions >= self._max_messages

    def _idle_seconds(self, connection: SmtpConnection) -> float:
        return asyncio.get_running_loop().time() - connection.idle_since

    def _say_farewell(self, connections: Iterable[SmtpConnection]) -> list[asyncio.Task[None]]:
        """QUIT, in the background: nobody waits for a goodbye."""
        tasks = []
        for connection in connections:
            self._expiries.pop(connection).cancel()
            tasks.append(asyncio.create_task(connection.quit()))
        for task in tasks:
            self._farewells.add(task)
            task.add_done_callback(self._farewells.discard)
        return tasks
