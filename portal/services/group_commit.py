"""Group commit: what many connections have to write shares one commit, and each waits for its own (PERFORMANCE)."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, Final, Generic, TypeVar

import structlog
from sqlalchemy.orm import Session

from portal.storage.database import Database, StorageError

Item = TypeVar("Item")
Result = TypeVar("Result")

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0
_MOST_AT_ONCE: Final = 500
_MANY: Final = 8
_GATHER_SECONDS: Final = 0.001

_log = structlog.get_logger()


class GroupCommit(Generic[Item, Result]):
    """Writes items in the order they come, many in a transaction.

    While one transaction is being written the next one's items gather. A database that is locked or away is asked
    again until it answers: what a server has accepted is never sent again because we could not note it
    (THREATS 36).

    Args:
        write: Writes items within a transaction; one result for each, an exception among them being the item's own.
        committed: Told the number of items and the seconds of each commit.
    """

    def __init__(
        self,
        database: Database,
        executor: Executor,
        write: Callable[[Session, Sequence[Item]], Sequence[Result | Exception]],
        *,
        committed: Callable[[int, float], None] = lambda _items, _seconds: None,
    ) -> None:
        self._database = database
        self._executor = executor
        self._write = write
        self._committed = committed
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._arrived = asyncio.Event()
        self._all_written = asyncio.Event()
        self._all_written.set()
        self.is_stuck = False
        """Whether the database refuses at the moment; nothing new is begun meanwhile."""

    async def commit(self, item: Item) -> Result:
        """Have an item written; returns once it is on disk.

        Raises:
            Exception: What ``write`` gave as the item's own result. Nothing of it was kept.
        """
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        self._all_written.clear()
        self._arrived.set()
        return await done

    async def drained(self) -> None:
        """Wait until nothing waits to be written any more."""
        await self._all_written.wait()

    async def run(self) -> None:
        """Write until cancelled. Cancel only when ``drained()``: what is waiting then would be forgotten."""
        last = 0
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                if len(self._waiting) < last and last >= _MANY:
                    # Most of those written last time are about to be back; a commit for each handful costs more.
                    await asyncio.sleep(_GATHER_SECONDS)
                batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
                last = len(batch)
                await self._write_until_done(batch)
            self._all_written.set()

    async def _write_until_done(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        pause = _FIRST_PAUSE
        loop = asyncio.get_running_loop()
        items = [item for item, _ in batch]
        while True:
            try:
                results = await loop.run_in_executor(self._executor, self._write_once, items)
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
                self.is_stuck = False
                return
        self.is_stuck = False
        for (_, done), result in zip(batch, results, strict=True):
            if done.done():
                continue
            if isinstance(result, Exception):
                done.set_exception(result)
            else:
                done.set_result(result)

    def _write_once(self, items: Sequence[Item]) -> Sequence[Any]:
        began = time.perf_counter()
        with self._database.transaction() as session:
            results = self._write(session, items)
        self._committed(len(items), time.perf_counter() - began)
        return results
