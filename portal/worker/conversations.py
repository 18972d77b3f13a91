"""Conversations at work: message after message over one seat, one commit between two of them."""

import asyncio
from typing import Final

import structlog

from portal.crypto.dkim_signer import DkimError
from portal.domain.mail.content import ContentError
from portal.domain.routing.decisions import Decision, NextRoute, RetryNow
from portal.services import endings
from portal.services.attempts import Attempt
from portal.services.delivery import Delivery, NotBegunError
from portal.services.group_commit import GroupCommit
from portal.services.journeys import Journey
from portal.services.records import Ending, LeaseLostError, Step, Written
from portal.services.route_states import RouteCondition
from portal.worker.desk import Opening, RouteDesk
from portal.worker.dispatch import Dispatch, Next
from portal.worker.lease import WorkerLease
from portal.worker.metrics import Metrics

_MESSAGES_A_TURN: Final = 10
"""After so many a connection gives its seat up, where other routes wait for one."""
_WARM_SECONDS: Final = 600.0
"""How long after a security mail a connection is kept for the next one."""

_log = structlog.get_logger()


class Conversations:
    """The tasks that hold a seat each.

    Attributes:
        under_way: What each of them is about at this moment.
    """

    def __init__(
        self, delivery: Delivery, commits: GroupCommit[Step, Written], lease: WorkerLease, metrics: Metrics
    ) -> None:
        self.under_way: dict[asyncio.Task[None], Journey] = {}
        self._delivery = delivery
        self._commits = commits
        self._lease = lease
        self._metrics = metrics
        self._writing: set[asyncio.Task[None]] = set()
        self._dispatch: Dispatch | None = None

    def serve(self, dispatch: Dispatch) -> None:
        """Take what this dispatch hands out."""
        self._dispatch = dispatch

    @property
    def dispatch(self) -> Dispatch:
        if self._dispatch is None:
            raise RuntimeError("serve() comes first")
        return self._dispatch

    def begin(self, desk: RouteDesk, first: Next, opening: Opening | None) -> None:
        """Start a conversation at a desk; the seat is taken already."""
        task = asyncio.create_task(self._run(desk, first, opening))
        self.under_way[task] = first[0]
        task.add_done_callback(self._is_over)

    def end(self, ending: Ending) -> None:
        """Write the end of a message that needs no conversation; it is in hand until that is on disk."""
        task = asyncio.create_task(self.write(ending))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def is_said(self, journey: Journey) -> bool:
        """Whether all of a message has been said and its final reply is awaited, or being noted."""
        return self._delivery.is_said(journey)

    async def write(self, ending: Ending) -> None:
        is_kept = (await self._commits.commit(Step(ending))).ended
        if is_kept:
            self._metrics.message_ended(ending.state)
        lane = self.dispatch.lanes.get(ending.tenant_id)
        if lane is None:
            return
        if is_kept:
            lane.due_at(ending.due_at)
        lane.ending.discard(ending.message)
        journey = lane.held.get(ending.message)
        # Where it was not kept, a late outcome has made something else of the message meanwhile: read what.
        if journey is not None:
            self.dispatch.forget(journey, read_again=not is_kept)
        elif not is_kept or (lane.wants_more and not lane.is_being_read):
            self.dispatch.read(lane)

    def _is_over(self, task: asyncio.Task[None]) -> None:
        del self.under_way[task]
        if not task.cancelled() and (defect := task.exception()) is not None:
            _log.error("a conversation stopped by a defect", exc_info=defect)

    async def _run(self, desk: RouteDesk, first: Next, opening: Opening | None) -> None:
        """Message after message, until the desk has none or others wait for the seat."""
        task = asyncio.current_task()
        journey, turns = first[0], 0
        following: Next | None = first
        written: Written | None = None
        try:
            while following is not None and task is not None:
                journey, begin = following
                self.under_way[task] = journey
                if written is None:
                    written = await self._commits.commit(Step(begin=begin))
                if written.begun:
                    journey.begun = begin.begun
                    turns += 1
                    if turns > 1:
                        opening = self.dispatch.opening_at(desk)
                    following, written = await self._converse(desk, journey, turns, opening)
                else:
                    self.dispatch.forget(journey, read_again=True)  # somebody else has it
                    following, written = self._take_over(desk, journey, turns), None
        except Exception:
            self.dispatch.forget(journey, read_again=True)
            raise
        finally:
            if opening is not None:
                opening.ends()
            self.dispatch.leave(desk, journey)

    async def _converse(
        self, desk: RouteDesk, journey: Journey, turns: int, opening: Opening | None
    ) -> tuple[Next | None, Written | None]:
        """One conversation. Its end is written together with the beginning of the next one on this seat."""
        following: Next | None = None
        written: Written | None = None

        def opened() -> None:
            if opening is not None:
                opening.ends()
                self.dispatch.start(desk)

        async def record(attempt: Attempt, decision: Decision) -> None:
            nonlocal following, written
            condition = self.dispatch.condition_of(journey)
            ending = endings.after_attempt(journey, attempt, decision, condition=condition, cap=desk.cap)
            following = self._take_over(desk, journey, turns)
            written = await self._commits.commit(Step(ending, following[1] if following else None))
            self._metrics.attempt_ended(attempt.route.via, attempt.fault, attempt.seconds)
            if not written.ended:
                raise LeaseLostError
            self._go_on(desk, journey, ending, decision, written.condition)

        try:
            await self._delivery.attempt(
                journey,
                condition=self.dispatch.condition_of(journey),
                may_begin=lambda: self._may_begin(journey),
                opened=opened,
                record=record,
            )
        except Exception as error:  # noqa: BLE001 - one message's trouble must not stop the others
            await self._break_off(journey, error)
        finally:
            if opening is not None:
                opening.ends()
        if following is None:
            following, written = self._take_over(desk, journey, turns), None
        return following, written

    def _take_over(self, desk: RouteDesk, journey: Journey, turns: int) -> Next | None:
        """The desk's next message on this seat; None too when it is the turn of others who wait for one."""
        if turns >= _MESSAGES_A_TURN and self.dispatch.others_wait(desk):
            return None
        following = self.dispatch.next_at(desk, after=journey)
        if following is not None:
            desk.changes(journey, following[0])
        return following

    async def _break_off(self, journey: Journey, error: Exception) -> None:
        """Go on after a conversation that has no outcome on record."""
        dispatch = self.dispatch
        match error:
            case NotBegunError():
                await self._give_up(journey, endings.handed_back(journey, at=dispatch.clock()))
            case LeaseLostError():
                _log.warning("another worker has the message", worker=dispatch.worker(), message=journey.id)
                dispatch.forget(journey, read_again=True)
            case ContentError() | DkimError():
                why = f"It cannot be built: {error}"
                await self._give_up(journey, endings.not_built(journey, at=dispatch.clock(), why=why))
            case _:
                _log.error("delivery stopped by a defect", message=journey.id, exc_info=error)
                await self._give_up(journey, endings.broken_off(journey, at=dispatch.clock()))

    async def _give_up(self, journey: Journey, ending: Ending) -> None:
        await self.write(ending)
        self.dispatch.forget(journey, read_again=True)

    def _may_begin(self, journey: Journey) -> bool:
        """Asked right before MAIL: after *off* or *activate* has answered, nothing begins on the old route."""
        lane = self.dispatch.lanes.get(journey.stored.tenant_id)
        if lane is None or lane.state is None or lane.held.get(journey.id) is not journey:
            return False  # the lane has been somebody else's since, even if it is ours again
        return lane.state.epoch == journey.lane.epoch and self._lease.is_valid

    def _go_on(
        self,
        desk: RouteDesk,
        journey: Journey,
        ending: Ending,
        decision: Decision,
        learnt: RouteCondition | None,
    ) -> None:
        """Do what was decided, now that it is on disk."""
        dispatch, loop = self.dispatch, asyncio.get_running_loop()
        self._metrics.message_ended(ending.state, is_security=journey.kind.is_security and ending.state.is_final)
        lane = dispatch.lanes.get(journey.stored.tenant_id)
        if journey.kind.is_security:
            self._delivery.keep_warm(journey.route, _WARM_SECONDS)
            desk.warm_until = loop.time() + _WARM_SECONDS
            if lane is not None:
                lane.warm_until = desk.warm_until
        match decision:
            case RetryNow(_, after) if lane is not None and not dispatch.is_stopping:
                loop.call_later(after.total_seconds(), self._resume, journey)
            case NextRoute(_, choice) if lane is not None and not dispatch.is_stopping:
                journey.go_on_with(choice, ending.attempt.briefly if ending.attempt else "")
                dispatch.put(journey, first=True)
            case _:
                if lane is not None:
                    lane.due_at(ending.due_at)
                dispatch.forget(journey)
        if learnt is not None:
            dispatch.learn(lane, journey.route if ending.attempt is None else ending.attempt.route, learnt)

    def _resume(self, journey: Journey) -> None:
        lane = self.dispatch.lanes.get(journey.stored.tenant_id)
        if lane is not None and lane.held.get(journey.id) is journey:
            self.dispatch.put(journey, first=True)
