"""What the worker does every second or two: its lease, its share of lanes and of connections, the room on the disk."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from portal.domain.ids import TenantId
from portal.services.clock import Clock
from portal.services.delivery import Delivery
from portal.storage.database import Database, StorageError
from portal.storage.lanes import Shares
from portal.worker.desk import RouteDesk
from portal.worker.dispatch import Dispatch
from portal.worker.lane import Lane
from portal.worker.lane_keeper import LaneKeeper
from portal.worker.lease import WorkerLease

_LONGEST_SECONDS: Final = 1.0
_ALIVE_SECONDS: Final = 20.0
_LINGER_SECONDS: Final = 30.0
"""An empty lane is kept so long, and its connections with it: the next message needs no handshake."""
_SHORT_LINGER_SECONDS: Final = 1.0
"""The same for a lane without a server of its own, whose connections are everybody's."""
_MOST_IDLE_LANES: Final = 5000
_LEAST_FREE_BYTES: Final = 64 * 1024 * 1024
_JUMP_SECONDS: Final = 1.0

_log = structlog.get_logger()

InWriter = Callable[[Callable[[], object]], Awaitable[object]]


@dataclass(slots=True, eq=False)
class Heartbeat:
    """Belongs to one event loop.

    Attributes:
        in_writer: Runs a function in the thread that writes.
        start_over: Called when this worker was taken for dead: all it held is somebody else's.
        beats_at: When the loop last came by; what ``/healthz`` asks.
    """

    worker: Callable[[], str]
    lanes: dict[TenantId, Lane]
    lease: WorkerLease
    keeper: LaneKeeper
    dispatch: Dispatch
    delivery: Delivery
    database: Database
    clock: Clock
    in_writer: InWriter
    start_over: Callable[[], Awaitable[None]]
    beats_at: float = field(default_factory=time.monotonic)
    _no_burial_before: float = 0.0
    _offset: float | None = None
    _asking: dict[tuple[object, ...], asyncio.Task[None]] = field(default_factory=dict)
    _going: asyncio.Task[None] | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the loop has come by lately."""
        return time.monotonic() - self.beats_at < _ALIVE_SECONDS

    async def run(self) -> None:
        """Beat until cancelled."""
        try:
            while True:
                await self.beat()
                await asyncio.sleep(min(self.lease.seconds / 4, _LONGEST_SECONDS))
        finally:
            under_way = [*self._asking.values(), *([self._going] if self._going else [])]
            await asyncio.gather(*under_way, return_exceptions=True)

    async def beat(self) -> None:
        self.beats_at = time.monotonic()
        self._look_at_the_clock()
        self._look_at_the_disk()
        busy = sum(1 for lane in self.lanes.values() if lane.is_busy)
        asked = self.lease.now()
        bury = asked >= self._no_burial_before
        try:
            shares = await self.in_writer(
                lambda: self.keeper.renew(self.worker(), in_time=lambda: self.lease.is_valid, busy=busy, bury=bury)
            )
            if not isinstance(shares, Shares):
                self.lease.lost()
                _log.error("this worker was taken for dead; it starts over", worker=self.worker())
                await self.start_over()
                return
            self.lease.renewed(since=asked)
            self._share_out(shares, busy)
        except StorageError as error:
            _log.warning("the lease cannot be renewed", worker=self.worker(), error=str(error))
        for desk in list(self.dispatch.desks.values()):
            if desk.slots is not None:
                self.ask_for_slots(desk)
        self.let_lanes_go()

    def let_lanes_go(self) -> None:
        """Let go of the lanes that are done with; goodbyes to their servers take time, and nobody waits for them."""
        if self._going is None or self._going.done():
            self._going = asyncio.create_task(self._let_lanes_go())

    def ask_for_slots(self, desk: RouteDesk) -> None:
        """Ask for as many connections of a shared route as there is mail for; the answer comes later."""
        key = desk.route.pool_key
        if key not in self._asking:
            self._asking[key] = asyncio.create_task(self._ask(desk))
            self._asking[key].add_done_callback(lambda _: self._asking.pop(key))

    async def _ask(self, desk: RouteDesk) -> None:
        is_warm = desk.warm_until > asyncio.get_running_loop().time()
        wants = min(max(desk.running + desk.waiting, int(is_warm)), desk.cap)
        held = desk.slots or 0
        if wants == 0 and held == 0:
            return
        # What is idle and not wanted closes before somebody else is told that he may open as many.
        in_use = max(await self.delivery.close_idle(desk.route, keep=max(wants, desk.running)), desk.running)
        if in_use == held == wants:
            return
        try:
            granted = await self.in_writer(
                lambda: self.keeper.share_slots(self.worker(), desk.route.key, in_use=in_use, wants=wants, cap=desk.cap)
            )
        except StorageError as error:
            _log.warning("connections cannot be shared out", route=desk.route.key, error=str(error))
            return
        desk.slots = granted if isinstance(granted, int) else 0
        self.dispatch.start(desk)

    def _look_at_the_clock(self) -> None:
        """After a jump everybody looks dead, or nobody ever does: nobody is buried until all have renewed."""
        offset = self.clock().timestamp() - time.monotonic()
        if self._offset is not None and abs(offset - self._offset) > _JUMP_SECONDS:
            _log.warning("the clock has jumped", seconds=round(offset - self._offset, 1))
            self._no_burial_before = self.lease.now() + self.lease.seconds
        self._offset = offset

    def _look_at_the_disk(self) -> None:
        file = self.database.engine.url.database
        if not self.database.is_sqlite or not file:
            return
        is_full = shutil.disk_usage(Path(file).resolve().parent).free < _LEAST_FREE_BYTES
        if is_full is self.dispatch.is_full:
            return
        if is_full:
            _log.error("less than 64 MiB are free where the database lies: nothing new is sent until there is more")
        self.dispatch.is_full = is_full
        if not is_full:
            self.dispatch.start_all()

    async def _let_lanes_go(self) -> None:
        now = asyncio.get_running_loop().time()
        idle = [lane for lane in self.lanes.values() if self._is_done_with(lane, now)]
        resting = sorted((lane for lane in self.lanes.values() if not lane.is_busy), key=lambda lane: lane.idle_since)
        going = {lane.tenant_id: lane for lane in (*idle, *resting[: max(len(resting) - _MOST_IDLE_LANES, 0)])}
        if not going:
            return
        for tenant in going:
            del self.lanes[tenant]
        await asyncio.gather(*(self._close(lane) for lane in going.values()))
        try:
            await self.in_writer(lambda: self.keeper.let_go(self.worker(), list(going)))
        except StorageError as error:
            _log.warning("lanes are not let go yet", worker=self.worker(), error=str(error))
            for tenant, lane in going.items():
                self.lanes.setdefault(tenant, lane)

    async def _close(self, lane: Lane) -> None:
        """The lane's lease is the lease of its route's connections, too: they end before it does."""
        own = lane.state.options.tenant if lane.state else None
        if own is not None:
            await self.delivery.close(own)

    def _is_done_with(self, lane: Lane, now: float) -> bool:
        if lane.in_hand or lane.is_being_read:
            return False
        if lane.is_leaving:
            return True
        has_server = lane.state is not None and lane.state.options.tenant is not None
        linger = _LINGER_SECONDS if has_server else _SHORT_LINGER_SECONDS
        return not lane.is_busy and lane.warm_until <= now and lane.idle_since + linger <= now

    def _share_out(self, shares: Shares, busy: int) -> None:
        """Give lanes to workers that have fewer: those with the most left to do, because the others are over soon."""
        leaving = sum(1 for lane in self.lanes.values() if lane.is_leaving)
        surplus = busy - leaving - shares.fair if shares.workers > 1 else 0
        movable = [lane for lane in self.lanes.values() if (lane.waiting or not lane.is_all) and not lane.is_leaving]
        movable.sort(key=lambda lane: (lane.is_all, -lane.waiting))
        for lane in movable[: max(surplus, 0)]:
            lane.is_leaving = True
            self.dispatch.withdraw(lane)
