"""The worker: claims due messages, delivers each in a task of its own, keeps their leases, stops when told."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from portal.domain.ids import MessageId
from portal.services.claims import Claimed
from portal.services.delivery import Delivery
from portal.services.outcome_commits import OutcomeCommits
from portal.storage import outbox
from portal.storage.database import StorageError
from portal.storage.outbox import LeaseLostError
from portal.wiring import Waypost
from portal.worker.leases import Leases

_POLL_SECONDS: Final = 0.2
_MOST_AT_ONCE: Final = 100
_AFTER_A_DEFECT: Final = timedelta(minutes=1)
_STOP_SECONDS: Final = 10.0
_LAST_COMMIT_SECONDS: Final = 60.0

_log = structlog.get_logger()


class Worker:
    """One process's share of the queue.

    The place of lanes: ``_claim`` takes what is due in the order of priority. Fairness between tenants and slots
    leased across workers come with them; everything else here stays.
    """

    def __init__(self, waypost: Waypost) -> None:
        self._waypost = waypost
        self._name = secrets.token_hex(4)
        self._lease = timedelta(seconds=waypost.settings.worker_lease_seconds)
        self._database = waypost.database
        # Apart, so that a slow commit does not keep what is being read waiting.
        self._reads = ThreadPoolExecutor(4, thread_name_prefix="read")
        self._writes = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._leases = Leases(self._lease.total_seconds())
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._room = asyncio.Event()

    def stop(self) -> None:
        """Claim nothing more, finish what is open, hand back the rest."""
        self._stopping.set()
        self._room.set()

    async def run(self) -> None:
        """Work until ``stop()``."""
        commits = OutcomeCommits(self._database, self._writes)
        pool = self._waypost.new_pool()
        delivery = self._waypost.new_delivery(pool=pool, commits=commits, executor=self._reads)
        _log.info("worker started", worker=self._name)
        background = [asyncio.create_task(commits.run()), asyncio.create_task(self._keep_leases())]
        for task in background:
            task.add_done_callback(lambda _: self.stop())  # without it nothing here is right any more
        try:
            await self._claim_and_deliver(delivery, commits)
            await self._finish(commits)
            for task in background:
                if task.done():
                    task.result()
        finally:
            for task in (*background, *self._tasks):
                task.cancel()
            await asyncio.gather(*background, *self._tasks, return_exceptions=True)
            await pool.close()
            self._reads.shutdown()
            self._writes.shutdown()
            _log.info("worker stopped", worker=self._name)

    async def _claim_and_deliver(self, delivery: Delivery, commits: OutcomeCommits) -> None:
        while not self._stopping.is_set():
            room = self._waypost.settings.worker_connections - len(self._tasks)
            claimed = [] if room <= 0 or commits.is_stuck else await self._claim(min(room, _MOST_AT_ONCE))
            for message in claimed:
                task = asyncio.create_task(self._deliver(delivery, message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            if not claimed:
                await self._wait_for_room_or_time()

    async def _wait_for_room_or_time(self) -> None:
        """Polling is the net beneath a wake-up by the database, which comes with PostgreSQL's NOTIFY."""
        if self._stopping.is_set():
            return
        self._room.clear()
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._room.wait()
        except TimeoutError:
            return

    async def _claim(self, most: int) -> list[Claimed]:
        token = secrets.token_hex(16)
        asked = self._leases.now()
        try:
            rows = await asyncio.get_running_loop().run_in_executor(self._writes, self._claim_rows, token, most)
        except StorageError as error:
            _log.warning("the queue cannot be read", worker=self._name, error=str(error))
            await asyncio.sleep(1)
            return []
        claimed = [Claimed.from_row(row, token) for row in rows]
        for message in claimed:
            self._leases.hold(message.id, token, since=asked)
        return claimed

    def _claim_rows(self, token: str, most: int) -> list[object]:
        now = self._waypost.clock()
        with self._database.transaction() as session:
            return list(outbox.claim_due(session, now=now, until=now + self._lease, token=token, most=most))

    async def _deliver(self, delivery: Delivery, message: Claimed) -> None:
        try:
            await delivery.deliver(message, begin=lambda: self._leases.begin(message.id, message.token))
        except LeaseLostError:
            _log.warning("another worker has the message", worker=self._name, message=message.id)
            await self._give_up_unbegun(message, timedelta())
        except Exception:  # noqa: BLE001 - one message's defect must not stop the others
            _log.exception("delivery stopped by a defect", worker=self._name, message=message.id)
            await self._give_up_unbegun(message, _AFTER_A_DEFECT)
        self._leases.let_go(message.id, message.token)
        self._room.set()

    async def _give_up_unbegun(self, message: Claimed, pause: timedelta) -> None:
        """Hand back what cannot have been sent; of the rest the lease runs out, and its next worker is warned."""
        if self._leases.not_begun().get(message.id) == message.token:
            with suppress(StorageError):
                await asyncio.get_running_loop().run_in_executor(
                    self._writes, self._hand_back, {message.id: message.token}, pause
                )

    async def _keep_leases(self) -> None:
        """Prolong the leases of everything in hand, three times within their length."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            held = self._leases.held()
            if not held:
                continue
            asked = self._leases.now()
            try:
                kept = await asyncio.get_running_loop().run_in_executor(self._writes, self._renew_rows, held)
            except StorageError as error:
                _log.warning("leases cannot be renewed", worker=self._name, error=str(error))
                continue
            self._leases.renewed(kept, since=asked)

    def _renew_rows(self, held: dict[MessageId, str]) -> set[MessageId]:
        until = self._waypost.clock() + self._lease
        with self._database.transaction() as session:
            return outbox.renew(session, held=held, until=until)

    async def _finish(self, commits: OutcomeCommits) -> None:
        """Let what has begun come to its end, for a while; what has not begun goes back to the queue."""
        not_begun = self._leases.not_begun()
        for message, token in not_begun.items():
            self._leases.let_go(message, token)  # from here on it cannot begin any more
        if not_begun:
            try:
                await asyncio.get_running_loop().run_in_executor(self._writes, self._hand_back, not_begun, timedelta())
            except StorageError as error:
                _log.warning("leases were not handed back and will run out", worker=self._name, error=str(error))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_STOP_SECONDS)
        try:
            async with asyncio.timeout(_LAST_COMMIT_SECONDS):
                await commits.drained()  # what a server has accepted is noted before we go
        except TimeoutError:
            _log.error("outcomes could not be written before the end", worker=self._name)

    def _hand_back(self, held: dict[MessageId, str], pause: timedelta) -> None:
        with self._database.transaction() as session:
            outbox.hand_back(session, held=held, due_at=self._waypost.clock() + pause)
