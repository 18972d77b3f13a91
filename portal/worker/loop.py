"""The worker: holds lanes, has them read and their messages sent, keeps its lease, stops when told."""

import asyncio
import gc
import secrets
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final, TypeVar

import structlog

from portal.domain.ids import TenantId
from portal.domain.routing.smtp_route import SmtpRoute
from portal.services.delivery import Delivery
from portal.services.group_commit import GroupCommit
from portal.services.records import Step, Written, write
from portal.storage.database import StorageError
from portal.storage.wake_up_listener import Listener, listening
from portal.wiring import Waypost
from portal.worker.conversations import Conversations
from portal.worker.desk import Seats
from portal.worker.dispatch import Dispatch
from portal.worker.heartbeat import Heartbeat
from portal.worker.lane import Lane
from portal.worker.lane_keeper import LaneKeeper
from portal.worker.lane_readers import LaneReaders
from portal.worker.lease import WorkerLease
from portal.worker.metrics import Metrics
from portal.worker.periodic_tasks import PeriodicTasks
from portal.worker.queue_gauges import QueueGauges
from portal.worker.stopping import finish
from portal.worker.watch_server import WatchServer

_LOOK_SECONDS: Final = 0.2
_POLL_SECONDS: Final = 0.5
"""Wake-ups are heard at once; this is the net beneath them."""
_BUSY_LANES_A_SEAT: Final = 4
_SWITCH_SECONDS: Final = 0.001
"""How long a thread that reads or writes may keep the event loop from running; Python's own 5 ms is a lot beside a
round trip."""

_log = structlog.get_logger()
_Result = TypeVar("_Result")


class Worker:
    """One process's share of the queue."""

    def __init__(self, waypost: Waypost) -> None:
        settings = waypost.settings
        self.metrics = Metrics()
        self._waypost = waypost
        self._name = _new_name()
        self._lanes: dict[TenantId, Lane] = {}
        # Apart, so that a slow commit does not keep what is being read waiting.
        self._reads = ThreadPoolExecutor(4, thread_name_prefix="read")
        self._writes = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._lease = WorkerLease(settings.worker_lease_seconds)
        self._keeper = LaneKeeper(waypost.database, waypost.clock, timedelta(seconds=settings.worker_lease_seconds))
        self._seats = Seats(settings.worker_connections)
        self._stopping = asyncio.Event()
        self._listener: Listener | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Begin nothing more, finish what is open, hand back the rest."""
        self._stopping.set()
        if self._listener is not None:
            self._listener.poke()

    async def run(self) -> None:
        """Work until ``stop()``."""
        sys.setswitchinterval(_SWITCH_SECONDS)
        gc.freeze()  # what is loaded by now lives as long as the process, and need not be looked through again
        waypost = self._waypost
        commits = GroupCommit(waypost.database, self._writes, write, committed=self.metrics.committed)
        delivery = waypost.new_delivery(executor=self._reads, limit=self._connections_allowed)
        conversations = Conversations(delivery, commits, self._lease, self.metrics)
        readers = LaneReaders(
            waypost.lane_reader,
            self._reads,
            self._writes,
            self._lanes,
            clock=waypost.clock,
            metrics=self.metrics,
            acknowledge=self._acknowledge,
        )
        self._dispatch = dispatch = Dispatch(
            worker=lambda: self._name,
            lanes=self._lanes,
            delivery=delivery,
            clock=waypost.clock,
            quota=waypost.quota,
            seats=self._seats,
            caps=(waypost.settings.route_connections, waypost.settings.platform_connections),
            run=conversations.begin,
            end=conversations.end,
            read=readers.read,
            # It is made below, and knows the dispatch itself.
            ask_for_slots=lambda desk: heartbeat.ask_for_slots(desk),  # noqa: PLW0108 - heartbeat is not bound yet
            close=lambda route: self._close(delivery, route),
            let_go=lambda: heartbeat.let_lanes_go(),  # noqa: PLW0108 - the same
            metrics=self.metrics,
        )
        conversations.serve(dispatch)
        readers.feed(dispatch, conversations)
        heartbeat = Heartbeat(
            worker=lambda: self._name,
            lanes=self._lanes,
            lease=self._lease,
            keeper=self._keeper,
            dispatch=dispatch,
            delivery=delivery,
            database=waypost.database,
            clock=waypost.clock,
            in_writer=self._in_writer,
            start_over=self._start_over,
        )
        tasks = PeriodicTasks(
            waypost.route_watch,
            delivery,
            waypost.new_audit_seals(),
            waypost.database,
            waypost.clock,
            self._reads,
            retention_days=waypost.settings.retention_days,
        )
        self._watch_gauges(delivery, commits)
        background: list[asyncio.Task[None]] = []
        watched = WatchServer.started(
            waypost.settings,
            self.metrics,
            is_alive=lambda: heartbeat.is_alive,
            is_ready=lambda: self._what_is_wrong(commits),
        )
        with watched:
            try:
                if await self._enter():
                    _log.info("worker started", worker=self._name)
                    background += map(asyncio.create_task, (commits.run(), heartbeat.run(), tasks.run()))
                    for task in background:
                        task.add_done_callback(lambda _: self.stop())  # without it nothing here is right any more
                    await self._look(readers)
                    await finish(
                        dispatch,
                        conversations,
                        readers,
                        commits,
                        final_reply_seconds=waypost.client_options.limits.dot,
                    )
                    for task in background:
                        if task.done():
                            task.result()
            finally:
                for task in (*background, *conversations.under_way):
                    task.cancel()
                await asyncio.gather(*background, *conversations.under_way, return_exceptions=True)
                await delivery.pool.close()
                await asyncio.gather(*self._closing, return_exceptions=True)
                await self._leave()
                self._reads.shutdown()
                self._writes.shutdown()
                _log.info("worker stopped", worker=self._name)

    async def _enter(self) -> bool:
        """Become a worker among the others; False when told to stop before the database answered."""
        while not self._stopping.is_set():
            asked = self._lease.now()
            try:
                await self._in_writer(lambda: self._keeper.enter(self._name))
            except StorageError as error:
                _log.warning("the database does not let us in yet", error=str(error))
                await asyncio.sleep(1)
            else:
                self._lease.renewed(since=asked)
                return True
        return False

    async def _leave(self) -> None:
        try:
            await self._in_writer(lambda: self._keeper.leave(self._name))
        except StorageError as error:
            _log.warning("leases were not handed back and will run out", worker=self._name, error=str(error))

    async def _start_over(self) -> None:
        """Forget everything: it is somebody else's by now. What is being said goes on, and is fenced."""
        for lane in self._lanes.values():
            self._dispatch.withdraw(lane)
        self._lanes.clear()
        self._dispatch.bytes_in_hand = 0  # what is being said still belongs to lanes that are forgotten
        for desk in self._dispatch.desks.values():
            desk.slots = None if desk.slots is None else 0
        self._name = _new_name()
        await self._enter()

    async def _look(self, readers: LaneReaders) -> None:
        """Take lanes as they become due, until told to stop."""
        loop = asyncio.get_running_loop()
        polled = -_POLL_SECONDS
        async with listening(self._waypost.database, self._name) as listener:
            self._listener = listener
            while not self._stopping.is_set():
                woken = await listener.next(_LOOK_SECONDS)
                unknown = False
                for tenant in woken.tenants:
                    lane = self._lanes.get(tenant)
                    if lane is not None:
                        readers.read(lane, at_once=True)
                    unknown = unknown or lane is None
                polls = woken.may_have_missed or loop.time() - polled >= _POLL_SECONDS
                if (polls or unknown) and not self._stopping.is_set():
                    polled = loop.time() if polls else polled
                    await self._take(readers, own=polls)
                self._read_what_is_due(readers)
                self._dispatch.start_all()

    async def _take(self, readers: LaneReaders, *, own: bool) -> None:
        busy = sum(1 for lane in self._lanes.values() if lane.is_busy)
        room = 0 if self._dispatch.is_paused else self._seats.total * _BUSY_LANES_A_SEAT - busy
        try:
            taken, touched = await self._in_writer(lambda: self._keeper.take(self._name, busy=busy, room=room, own=own))
        except StorageError as error:
            _log.warning("the queue cannot be read", worker=self._name, error=str(error))
            return
        now = asyncio.get_running_loop().time()
        for tenant in taken:
            self._lanes[tenant] = Lane(tenant, idle_since=now)
        for tenant in (*taken, *touched):
            lane = self._lanes.get(tenant)
            if lane is not None:
                readers.read(lane)

    def _read_what_is_due(self, readers: LaneReaders) -> None:
        now = self._waypost.clock()
        for lane in self._lanes.values():
            if lane.look_at is not None and lane.look_at <= now:
                lane.look_at = None
                readers.read(lane)

    def _acknowledge(self, tenant: TenantId, epoch: int) -> None:
        task = asyncio.create_task(self._write_acknowledgement(tenant, epoch))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _write_acknowledgement(self, tenant: TenantId, epoch: int) -> None:
        try:
            await self._in_writer(lambda: self._keeper.acknowledge(self._name, {tenant: epoch}))
        except StorageError as error:
            # Whoever waits for it waits until our lease has run out, or a little longer, and says so.
            _log.warning("a change of route was not acknowledged", tenant=tenant, error=str(error))

    def _close(self, delivery: Delivery, route: SmtpRoute) -> None:
        task = asyncio.create_task(delivery.close(route))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _connections_allowed(self, route: SmtpRoute) -> int:
        """What the pool may have open of a route, what it opens on its own account included."""
        desk = self._dispatch.desks.get(route.pool_key)
        if route.tenant_id is None:
            return desk.slots or 0 if desk is not None else 0
        return self._waypost.settings.route_connections

    def _watch_gauges(self, delivery: Delivery, commits: GroupCommit[Step, Written]) -> None:
        watch, pool = self.metrics.watch, delivery.pool
        watch("waypost_lanes_held", lambda: len(self._lanes))
        watch("waypost_seats_busy", lambda: self._seats.taken)
        watch("waypost_seats", lambda: self._seats.total)
        watch("waypost_connections_open", lambda: pool.idle + pool.lent)
        watch("waypost_connections_idle", lambda: pool.idle)
        watch("waypost_database_stuck", lambda: commits.is_stuck)
        QueueGauges(self._waypost.database, self._waypost.clock).feed(self.metrics)

    def _what_is_wrong(self, commits: GroupCommit[Step, Written]) -> str | None:
        if commits.is_stuck:
            return "The database does not take what has to be written."
        if not self._lease.is_valid:
            return "The lease could not be renewed in time."
        return "The disk is full." if self._dispatch.is_full else None

    async def _in_writer(self, function: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._writes, function)


def _new_name() -> str:
    return secrets.token_hex(6)
