"""The worker's ear for wake-ups: what ``wake_ups.announce`` said, gathered until the worker asks for it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from socket import socket
from typing import Final

import structlog
from sqlalchemy import Engine

from portal.domain.ids import TenantId
from portal.storage import wake_up_sockets
from portal.storage.database import Database
from portal.storage.wake_ups import CHANNEL, LONGEST_PAYLOAD

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 10.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WakeUp:
    """What was announced since the worker last asked; false when it was nothing.

    Attributes:
        tenants: Those of whom something new was committed.
        may_have_missed: Some announcement may be lost: look at every lane that is due, as when polling.
    """

    tenants: frozenset[TenantId] = frozenset()
    may_have_missed: bool = False

    def __bool__(self) -> bool:
        return self.may_have_missed or bool(self.tenants)


class Listener:
    """Gathers announcements. All of it happens in one event loop."""

    def __init__(self) -> None:
        self._tenants: set[TenantId] = set()
        self._may_have_missed = False
        self._woken = asyncio.Event()

    async def next(self, seconds: float) -> WakeUp:
        """What has been announced since the last call: at once if there is something, else within ``seconds``.

        Cancelling it loses nothing.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return WakeUp()
        self._woken.clear()
        woken = WakeUp(frozenset(self._tenants), self._may_have_missed)
        self._tenants, self._may_have_missed = set(), False
        return woken

    def poke(self, *tenants: TenantId) -> None:
        """Wake whoever waits in ``next()``, for these tenants or for none."""
        self._tenants.update(tenants)
        self._woken.set()

    def hear(self, payload: str) -> None:
        """Take in what was sent, as ``wake_ups.payloads`` writes it."""
        self.poke(*[TenantId(tenant) for tenant in payload.split()])

    def miss(self) -> None:
        """Note that an announcement may be lost."""
        self._may_have_missed = True
        self._woken.set()


@asynccontextmanager
async def listening(database: Database, name: str) -> AsyncIterator[Listener]:
    """Listen to what is committed from here on; look at every lane once after having begun.

    Where nothing can be heard (an SQLite database in memory, a folder that cannot be made) the listener stays silent.
    A PostgreSQL that is away is asked again until it answers; each connection begins with ``may_have_missed``.

    Args:
        name: The worker's own, at most 32 characters that may stand in a file's name.
    """
    listener = Listener()
    if database.is_sqlite:
        with _hearing_datagrams(listener, database.engine, name):
            yield listener
        return
    following = asyncio.create_task(_follow(listener, database.engine))
    try:
        yield listener
    finally:
        following.cancel()
        await asyncio.wait([following])


@contextmanager
def _hearing_datagrams(listener: Listener, engine: Engine, name: str) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    folder = wake_up_sockets.folder_beside(engine)
    with ExitStack() as at_exit:
        try:
            incoming = at_exit.enter_context(wake_up_sockets.listening_socket(folder, name)) if folder else None
        except OSError as error:
            incoming = None
            _log.warning("wake-ups cannot be heard; the worker looks by itself", worker=name, error=error.strerror)
        if incoming is not None:
            loop.add_reader(incoming, _hear_all, listener, incoming)
            at_exit.callback(loop.remove_reader, incoming)
        yield


def _hear_all(listener: Listener, incoming: socket) -> None:
    """Empty the socket. Whoever found it full found ``SHORTEST_QUEUE`` datagrams or more, and all are read here."""
    heard = 0
    while True:
        try:
            datagram = incoming.recv(LONGEST_PAYLOAD + 1)
        except BlockingIOError:
            break
        heard += 1
        listener.hear(datagram.decode("ascii", "replace"))
        if len(datagram) > LONGEST_PAYLOAD:
            listener.miss()  # it was cut
    if heard >= wake_up_sockets.SHORTEST_QUEUE:
        listener.miss()


async def _follow(listener: Listener, engine: Engine) -> None:
    """Hear what PostgreSQL notifies of, over a connection of our own that is made again whenever it breaks."""
    import psycopg

    arguments, parameters = engine.dialect.create_connect_args(engine.url)
    pause = _FIRST_PAUSE
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(*arguments, **parameters, autocommit=True) as connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                pause = _FIRST_PAUSE
                listener.miss()  # what was committed before LISTEN is not notified of
                async for notification in connection.notifies():
                    listener.hear(notification.payload)
        except psycopg.Error as error:
            words = str(error).partition("\n")[0]
            _log.warning("wake-ups cannot be heard at the moment", error=words, again_in=pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
