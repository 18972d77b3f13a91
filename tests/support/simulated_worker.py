"""A worker whose every move is made by hand: the engine's real functions on a real database, without loop and sockets.

What the event loop does by itself (renewing, taking, reading, beginning, hearing the server's answer) are methods here,
so that a test decides what comes before what, and whose moves are late.
"""

import itertools
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import timedelta
from typing import Final

from portal.domain.ids import TenantId
from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.decisions import NextRoute, RetryNow
from portal.domain.routing.delivery_decision import Situation, decide
from portal.domain.routing.fault import Fault
from portal.services import endings, records
from portal.services.attempts import Attempt
from portal.services.group_commit import GroupCommit
from portal.services.journeys import Journey
from portal.services.lane_reading import Want
from portal.services.records import Begin, Ending, Step, Written
from portal.services.route_states import RouteCondition
from portal.wiring import Waypost
from portal.worker.admission import admit
from portal.worker.conversations import Conversations
from portal.worker.desk import Seats
from portal.worker.dispatch import Dispatch
from portal.worker.lane import Lane
from portal.worker.lane_keeper import LaneKeeper
from portal.worker.lease import WorkerLease
from portal.worker.metrics import Metrics

LEASE: Final = timedelta(seconds=60)
CAP: Final = 5
_READ_AHEAD: Final = 3
_NUMBERS: Final = itertools.count(1)


class SimulatedWorker:
    """One worker process, as far as the database and other workers can tell.

    Attributes:
        waiting: Messages read and not begun.
        begun: Conversations begun whose first command is still to be said.
        said: Conversations whose outcome is still to be written.
        ending: Ends of messages without a conversation, still to be written.

    Args:
        executor: Its threads are never used; the real objects ask for one.
        wrote: Told of everything the worker has written.
    """

    def __init__(self, waypost: Waypost, executor: Executor, wrote: Callable[[Step, Written], None]) -> None:
        self._waypost = waypost
        self._wrote = wrote
        self._keeper = LaneKeeper(waypost.database, waypost.clock, LEASE)
        self.lease = WorkerLease(LEASE.total_seconds(), clock=lambda: waypost.clock().timestamp())
        self.lanes: dict[TenantId, Lane] = {}
        self.waiting: list[Journey] = []
        self.begun: list[Journey] = []
        self.said: list[Journey] = []
        self.ending: list[Ending] = []
        self._may_begin = self._who_may_begin(executor)
        self.start_over()

    def start_over(self) -> None:
        """Become a new worker; what was begun goes on."""
        self.name = f"worker-{next(_NUMBERS)}"
        self.lanes.clear()
        self.waiting.clear()
        asked = self.lease.now()
        self._keeper.enter(self.name)
        self.lease.renewed(since=asked)

    def renew(self) -> None:
        """What the heartbeat does: renew, bury the dead, and start over when taken for dead."""
        asked = self.lease.now()
        if self._keeper.renew(self.name, in_time=lambda: self.lease.is_valid, busy=len(self.lanes), bury=True) is None:
            self.lease.lost()
            self.start_over()
        else:
            self.lease.renewed(since=asked)

    @property
    def in_hand(self) -> list[Journey]:
        return [*self.waiting, *self.begun, *self.said]

    def take(self) -> None:
        """Take what is due, with or without a valid lease: a worker that was frozen does not know that it was."""
        taken, touched = self._keeper.take(self.name, busy=0, room=10, own=True)
        for tenant in taken:
            self.lanes[tenant] = Lane(tenant, idle_since=0)
        for tenant in {*taken, *touched} & self.lanes.keys():
            self.read(self.lanes[tenant])

    def read(self, lane: Lane) -> None:
        """Read a lane and take in what was found, as ``LaneReaders`` does."""
        before = lane.state
        want = Want(lane.tenant_id, before, lane.in_hand, most=_READ_AHEAD)
        (reading,) = self._waypost.lane_reader.read([want])
        assert reading.state is not None
        lane.goes_by(reading.state, self._waypost.clock())
        if before is not None and before.epoch != reading.state.epoch:
            self._withdraw(lane)
            self._keeper.acknowledge(self.name, {lane.tenant_id: reading.state.epoch})
        for ending in reading.endings:
            if ending.message not in lane.in_hand:
                lane.ending.add(ending.message)
                self.ending.append(ending)
        for journey in reading.journeys:
            if journey.id not in lane.in_hand:
                lane.held[journey.id] = journey
                self.waiting.append(journey)

    def let_go(self, lane: Lane) -> None:
        """Free a lane; what is waiting in it is left to whoever takes it next."""
        self._withdraw(lane)
        if not lane.in_hand:
            del self.lanes[lane.tenant_id]
            self._keeper.let_go(self.name, [lane.tenant_id])

    def leave(self) -> None:
        """Stop as SIGTERM stops it, once nothing is begun any more."""
        self._keeper.leave(self.name)

    def begin(self, journey: Journey) -> None:
        """Admit a waiting message and write that its conversation begins, where it does."""
        self.waiting.remove(journey)
        lane = self.lanes[journey.stored.tenant_id]
        now = self._waypost.clock()
        match admit(journey, lane, self._waypost.quota, worker=self.name, now=now):
            case Begin() as begin:
                if self.write(Step(begin=begin)).begun:
                    journey.begun = begin.begun
                    self.begun.append(journey)
                else:
                    self._forget(journey)
            case Ending() as ending:
                self.ending.append(ending)
            case _:
                self._forget(journey)

    def say(self, journey: Journey) -> bool:
        """Say MAIL, if it may still be said; else hand the message back."""
        self.begun.remove(journey)
        if self._may_begin(journey):
            self.said.append(journey)
            return True
        self.write(Step(endings.handed_back(journey, at=self._waypost.clock())))
        self._forget(journey)
        return False

    def hear(self, journey: Journey, fault: Fault) -> bool:
        """The conversation has ended so: decide, and write it. Whether it was kept."""
        self.said.remove(journey)
        now = self._waypost.clock()
        reply = SmtpReply(250, ("2.0.0 queued",)) if fault is Fault.OK else None
        attempt = Attempt(
            now, journey.route, journey.choice.because, SmtpStage.DOT, reply, "as it was told", fault, 0.1, None
        )
        situation = Situation(journey.kind, journey.remaining, journey.history, now, now, journey.stored.expires_at)
        decision = decide(fault, situation)
        condition = RouteCondition(journey.route.key)
        ending = endings.after_attempt(journey, attempt, decision, condition=condition, cap=CAP)
        kept = self.write(Step(ending)).ended
        lane = self.lanes.get(journey.stored.tenant_id)
        is_ours = kept and lane is not None and lane.held.get(journey.id) is journey
        match decision:
            case RetryNow() if is_ours:
                self.waiting.append(journey)
            case NextRoute(_, choice) if is_ours:
                journey.go_on_with(choice, attempt.briefly)
                self.waiting.append(journey)
            case _:
                self._forget(journey)
        return kept

    def end(self, ending: Ending) -> bool:
        """Write an end that needed no conversation. Whether it was kept."""
        self.ending.remove(ending)
        kept = self.write(Step(ending)).ended
        lane = self.lanes.get(ending.tenant_id)
        if lane is not None:
            lane.ending.discard(ending.message)
            lane.held.pop(ending.message, None)
        return kept

    def write(self, step: Step) -> Written:
        with self._waypost.database.transaction() as session:
            (written,) = records.write(session, [step])
        if isinstance(written, Exception):
            raise written
        self._wrote(step, written)
        return written

    def _withdraw(self, lane: Lane) -> None:
        for journey in [one for one in self.waiting if one.stored.tenant_id == lane.tenant_id]:
            self.waiting.remove(journey)
            lane.held.pop(journey.id, None)

    def _forget(self, journey: Journey) -> None:
        lane = self.lanes.get(journey.stored.tenant_id)
        if lane is not None and lane.held.get(journey.id) is journey:
            del lane.held[journey.id]

    def _who_may_begin(self, executor: Executor) -> Callable[[Journey], bool]:
        """The worker's own question before MAIL, asked of this worker's lanes and lease."""
        waypost = self._waypost
        delivery = waypost.new_delivery(executor=executor, limit=lambda _: CAP)
        commits = GroupCommit[Step, Written](waypost.database, executor, records.write)
        metrics = Metrics()
        conversations = Conversations(delivery, commits, self.lease, metrics)
        conversations.serve(
            Dispatch(
                worker=lambda: self.name,
                lanes=self.lanes,
                delivery=delivery,
                clock=waypost.clock,
                quota=waypost.quota,
                seats=Seats(CAP),
                caps=(CAP, CAP),
                run=lambda *_: None,
                end=self.ending.append,
                read=lambda *_: None,
                let_go=lambda *_: None,
                ask_for_slots=lambda *_: None,
                close=lambda *_: None,
                metrics=metrics,
            )
        )
        return conversations._may_begin
