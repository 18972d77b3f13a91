"""Committing what became of messages: many connections share one commit, each waits for its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal.storage.database import Database, StorageError
from portal.storage.outbox import LeaseLostError

Write = Callable[[Session], None]

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0
_MOST_AT_ONCE: Final = 500

_log = structlog.get_logger()


class OutcomeCommits:
    """Group commit (PERFORMANCE: one fsync for many).

    While one transaction is being written the next one's writes gather. A database that is locked or away is asked
    again until it answers: what a server has accepted is never sent again because we could not note it
    (THREATS 36).
    """

    def __init__(self, database: Database, executor: Executor) -> None:
        self._database = database
        self._executor = executor
        self._waiting: list[tuple[Write, asyncio.Future[None]]] = []
        self._arrived = asyncio.Event()
        self._all_written = asyncio.Event()
        self._all_written.set()
        self.is_stuck = False
        """Whether the database refuses at the moment; the worker claims nothing meanwhile."""

    async def commit(self, write: Write) -> None:
        """Have ``write`` committed; returns once it is on disk.

        Raises:
            LeaseLostError: The message was no longer ours; nothing of this write was kept.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((write, done))
        self._all_written.clear()
        self._arrived.set()
        await done

    async def drained(self) -> None:
        """Wait until nothing waits to be written any more."""
        await self._all_written.wait()

    async def run(self) -> None:
        """Write until cancelled. Cancel only when ``drained()``: what is waiting then would be forgotten."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
                await self._write_until_done(batch)
            self._all_written.set()

    async def _write_until_done(self, batch: list[tuple[Write, asyncio.Future[None]]]) -> None:
        pause = _FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while True:
            try:
                lost = await loop.run_in_executor(self._executor, self._write, [write for write, _ in batch])
                break
            except StorageError as error:
                self.is_stuck = True
                _log.warning("outcomes wait for the database", outcomes=len(batch), error=str(error), again_in=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception as error:  # noqa: BLE001 - handed to whom it belongs; the others must still be written
                if len(batch) > 1:
                    for one in batch:
                        await self._write_until_done([one])
                elif not batch[0][1].done():
                    batch[0][1].set_exception(error)
                return
        self.is_stuck = False
        for number, (_, done) in enumerate(batch):
            if done.done():
                continue
            if number in lost:
                done.set_exception(lost[number])
            else:
                done.set_result(None)

    def _write(self, writes: list[Write]) -> dict[int, LeaseLostError]:
        """All writes in one transaction. Each puts its message's row first, so a lost lease has written nothing."""
        lost: dict[int, LeaseLostError] = {}
        with self._database.transaction() as session:
            for number, write in enumerate(writes):
                try:
                    write(session)
                except LeaseLostError as error:
                    lost[number] = error
        return lost
