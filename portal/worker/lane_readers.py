"""Keeps lanes supplied: reads them in threads, and hands what was found to the desks."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import Final

import structlog

from portal.domain.ids import TenantId
from portal.services.clock import Clock
from portal.services.lane_reading import LaneReader, LaneReading, Want
from portal.storage.database import StorageError
from portal.worker.conversations import Conversations
from portal.worker.dispatch import Dispatch
from portal.worker.lane import MOST_WAITING, Lane
from portal.worker.metrics import Metrics

_LANES_AT_ONCE: Final = 8
_LANES_BETWEEN_COMMITS: Final = 2
"""Few, because a commit may be waiting."""
_FEWEST_WAITING: Final = 4
_MOST_WAITING_IN_ALL: Final = 2000
_MOST_BYTES_IN_HAND: Final = 48 * 1024 * 1024
_URGENT_BESIDES: Final = 4
"""So many urgent messages are read although enough others wait."""
_AFTER_A_REFUSAL: Final = timedelta(seconds=60)
"""A lane whose password does not open is looked at again then."""
_WHILE_BUSY: Final = timedelta(seconds=5)
"""A lane that always has something in hand is read again then: a message put off by an earlier holder may be due."""

_log = structlog.get_logger()


class LaneReaders:
    """Belongs to one event loop.

    Args:
        executor: Threads for what was just handed in, and for lanes of which nothing is in hand.
        unhurried: The thread that reads on while there is still something in hand. It is the one that writes: two
            threads that take turns get more done than three that fight over the interpreter's lock.
        acknowledge: Told of a tenant's new route epoch, once nothing begins under the old one any more.
    """

    def __init__(
        self,
        reader: LaneReader,
        executor: Executor,
        unhurried: Executor,
        lanes: dict[TenantId, Lane],
        *,
        clock: Clock,
        metrics: Metrics,
        acknowledge: Callable[[TenantId, int], None],
    ) -> None:
        self._reader = reader
        self._executor = executor
        self._unhurried = unhurried
        self._lanes = lanes
        self._clock = clock
        self._metrics = metrics
        self._acknowledge = acknowledge
        self._asked: dict[TenantId, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_scheduled = False
        self._is_closed = False
        self._targets: tuple[Dispatch, Conversations] | None = None

    def feed(self, dispatch: Dispatch, conversations: Conversations) -> None:
        """Hand what is read to these."""
        self._targets = (dispatch, conversations)

    def read(self, lane: Lane, *, at_once: bool = False) -> None:
        """Have a lane read soon. Asked for several times before that, it is read once.

        Args:
            at_once: Something was just handed in: it may be urgent.
        """
        lane.read_again = True
        lane.read_at_once = lane.read_at_once or at_once
        self._asked[lane.tenant_id] = lane
        if not self._is_scheduled and not self._is_closed:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._go)

    async def close(self) -> None:
        """Read nothing more."""
        self._is_closed = True
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _go(self) -> None:
        self._is_scheduled = False
        lanes = [
            lane
            for lane in self._asked.values()
            if self._lanes.get(lane.tenant_id) is lane and not lane.is_being_read and not lane.is_leaving
        ]
        self._asked.clear()
        if self._is_closed:
            return
        hurried = [lane for lane in lanes if lane.waiting == 0 or lane.read_at_once]
        unhurried = [lane for lane in lanes if lane not in hurried]
        for some, executor, at_once in (
            (hurried, self._executor, _LANES_AT_ONCE),
            (unhurried, self._unhurried, _LANES_BETWEEN_COMMITS),
        ):
            for start in range(0, len(some), at_once):
                task = asyncio.create_task(self._read(some[start : start + at_once], executor))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _read(self, lanes: list[Lane], executor: Executor) -> None:
        wants = [self._want(lane) for lane in lanes]
        for lane in lanes:
            lane.is_being_read, lane.read_again, lane.read_at_once = True, False, False
        loop = asyncio.get_running_loop()
        try:
            readings = await loop.run_in_executor(executor, self._reader.read, wants)
        except StorageError as error:
            _log.warning("the queue cannot be read", error=str(error))
            await asyncio.sleep(1)
            readings = []
        except Exception:  # noqa: BLE001 - the lanes must not be forgotten with it
            _log.exception("reading the queue stopped by a defect")
            await asyncio.sleep(1)
            readings = []
        for lane in lanes:
            lane.is_being_read = False
        for lane, want, reading in zip(lanes, wants, readings, strict=False):
            if self._lanes.get(lane.tenant_id) is lane:
                self._take_in(lane, want, reading)
        for lane in lanes:
            if lane.read_again or lane.wants_more or not readings:
                self.read(lane)

    def _want(self, lane: Lane) -> Want:
        busy = sum(1 for one in self._lanes.values() if one.is_busy)
        share = max(_FEWEST_WAITING, min(MOST_WAITING, _MOST_WAITING_IN_ALL // max(busy, 1)))
        lane.read_on_at = share // 2
        is_resting = lane.rests_until is not None and lane.rests_until > self._clock()
        most = 0 if is_resting else share - lane.waiting
        # A known fault of the route may be known to be over by another worker: then all is read anew.
        is_failing = lane.condition is not None and lane.condition.health.is_open
        dispatch, _ = self._targets_or_fail()
        return Want(
            lane.tenant_id,
            None if is_failing else lane.state,
            lane.in_hand,
            most=max(most, _URGENT_BESIDES),
            urgent_only=most <= 0,
            most_bytes=max(_MOST_BYTES_IN_HAND - dispatch.bytes_in_hand, 0) // _LANES_AT_ONCE,
        )

    def _take_in(self, lane: Lane, want: Want, reading: LaneReading) -> None:
        dispatch, conversations = self._targets_or_fail()
        now, before = self._clock(), lane.state
        if reading.state is None:
            lane.is_all, lane.look_at = True, now + _AFTER_A_REFUSAL
            return
        lane.goes_by(reading.state, now)
        if before is not None and before.epoch != reading.state.epoch:
            dispatch.reroute(lane, before)
            self._acknowledge(lane.tenant_id, reading.state.epoch)
            lane.read_again = True
        elif reading.state is not before:
            dispatch.adopt(lane, before)
        _plan_next_reading(lane, want, reading, now)
        for ending in reading.endings:
            if ending.message not in lane.in_hand:
                lane.ending.add(ending.message)
                conversations.end(ending)
        for journey in reading.journeys:
            if journey.id not in lane.in_hand:
                if journey.stored.is_sending:
                    self._metrics.interrupted()
                dispatch.put(journey)
        if lane.in_hand:
            lane.due_at(now + _WHILE_BUSY)
        else:
            lane.idle_since = asyncio.get_running_loop().time()

    def _targets_or_fail(self) -> tuple[Dispatch, Conversations]:
        if self._targets is None:
            raise RuntimeError("feed() comes first")
        return self._targets


def _plan_next_reading(lane: Lane, want: Want, reading: LaneReading, now: datetime) -> None:
    if lane.rests_until is not None and lane.rests_until > now:
        lane.is_all = True  # of what may be read now
        lane.due_at(lane.rests_until)
    else:
        lane.is_all = reading.is_all and not want.urgent_only
        lane.due_at(reading.next_due)
