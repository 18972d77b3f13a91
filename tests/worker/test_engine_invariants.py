"""Whatever workers do, and in whatever order: nothing acknowledged is lost, nothing is begun twice (DESIGN section 4).

Hypothesis hands messages in, lets workers take, read, begin, say, hear, stall, die and stop, moves the clock and
switches a tenant's server; after every move the whole database is looked at. From a fixed seed (``derandomize``), so
that a failure in CI is the same failure at a desk.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import TenantId
from portal.domain.routing.fault import Fault
from portal.storage.organisations import TenantRow
from tests.support.furnished import SLUGS, Opened, furnished, furnished_copies
from tests.support.installation import Installation
from tests.support.message_ledger import MessageLedger
from tests.support.postgresql import PostgreSql
from tests.support.simulated_worker import LEASE, SimulatedWorker

KINDS: Final = ("otp", "reminder", "digest")
HEARD: Final = (Fault.OK, Fault.ROUTE_TEMP, Fault.ROUTE_AUTH, Fault.RCPT_TEMP, Fault.RCPT_PERM, Fault.AMBIGUOUS)
LAPSES: Final = (2.0, 50.0, 900.0)
SOME: Final = st.integers(0, 5)
"""Picks a worker, a message or a lane: the one of that number, counted round and round."""

Thing = TypeVar("Thing")


def some(things: list[Thing], number: int) -> Thing:
    return things[number % len(things)]


def having(what: str) -> Callable[["Engine"], bool]:
    """Whether any worker has one of these."""
    return lambda engine: any(getattr(worker, what) for worker in engine.workers)


class Engine(RuleBasedStateMachine):
    """Two tenants, one of which has a server of its own, and three workers."""

    def __init__(self, opened: AbstractContextManager[Opened], executor: Executor) -> None:
        super().__init__()
        self._opened, self._executor = opened, executor
        self.waypost, self.clock = opened.__enter__()
        self.settings = replace(self.waypost.email_settings, cut_over_seconds=0.0)
        with self.waypost.database.reading() as session:
            self.tenants = {slug: TenantId(id_) for slug, id_ in session.execute(select(TenantRow.slug, TenantRow.id))}
        self.acme = self.tenants["acme"]
        self.ledger = MessageLedger(self.waypost)
        self.keys: dict[tuple[str, str], str] = {}
        self.workers = [self._new_worker() for _ in range(3)]

    def _new_worker(self) -> SimulatedWorker:
        return SimulatedWorker(self.waypost, self._executor, self.ledger.wrote)

    def _having(self, what: str, who: int) -> SimulatedWorker:
        return some([worker for worker in self.workers if getattr(worker, what)], who)

    def teardown(self) -> None:
        try:
            self._everything_ends()
        finally:
            self._opened.__exit__(None, None, None)

    @initialize(slug=st.sampled_from(SLUGS), kind=st.sampled_from(KINDS))
    def begin_with_mail(self, slug: str, kind: str) -> None:
        self._send(slug, {"kind": kind}, {"kind": "reminder"})

    @rule(slug=st.sampled_from(SLUGS), kind=st.sampled_from(KINDS), hours=st.sampled_from((0, 1)))
    def hand_in(self, slug: str, kind: str, hours: int) -> None:
        self._send(slug, {"kind": kind, "send_at": self.clock() + timedelta(hours=hours)})

    @rule(slug=st.sampled_from(SLUGS), key=st.sampled_from(("order 1", "order 2")))
    def hand_in_under_a_key(self, slug: str, key: str) -> None:
        (id_,) = self._send(slug, {"kind": "reminder", "idempotency_key": key})
        assert self.keys.setdefault((slug, key), id_) == id_

    def _send(self, slug: str, *given: dict[str, Any]) -> list[str]:
        same: dict[str, Any] = {"to": "bob@dest.example", "subject": "Hello", "text": "Good morning."}
        ids = self.waypost.sender.send_many(slug, [same | one for one in given])
        for id_ in ids:
            self.ledger.acknowledges(self.tenants[slug], id_)
        return [*ids]

    @rule(who=SOME)
    def take(self, who: int) -> None:
        some(self.workers, who).take()

    @precondition(having("lanes"))
    @rule(who=SOME, which=SOME)
    def read(self, who: int, which: int) -> None:
        worker = self._having("lanes", who)
        worker.read(some(list(worker.lanes.values()), which))

    @rule(moves=st.tuples(*[st.integers(0, 4)] * 3), which=SOME)
    def work(self, moves: tuple[int, int, int], which: int) -> None:
        """The workers do what is next for them: take lanes, read one, begin a message, say it."""
        for worker in [worker for worker, much in zip(self.workers, moves, strict=True) for _ in range(much)]:
            if worker.begun:
                self._say(worker, which)
            elif worker.waiting:
                worker.begin(some(worker.waiting, which))
            elif worker.lanes:
                worker.read(some(list(worker.lanes.values()), which))
            else:
                worker.take()

    def _say(self, worker: SimulatedWorker, which: int) -> None:
        journey = some(worker.begun, which)
        if worker.say(journey):
            self.ledger.said(journey)
        else:
            self.ledger.knows_end_of(journey, journey.begun)

    @precondition(having("said"))
    @rule(who=SOME, which=SOME, fault=st.sampled_from(HEARD))
    def hear(self, who: int, which: int, fault: Fault) -> None:
        self._hear(self._having("said", who), which, fault)

    def _hear(self, worker: SimulatedWorker, which: int, fault: Fault) -> None:
        journey = some(worker.said, which)
        number, before = journey.begun, self.ledger.picture(journey.id)
        if worker.hear(journey, fault):
            self.ledger.knows_end_of(journey, number)
        else:
            assert self.ledger.picture(journey.id) == before

    @precondition(having("ending"))
    @rule(who=SOME, which=SOME)
    def end(self, who: int, which: int) -> None:
        worker = self._having("ending", who)
        ending = some(worker.ending, which)
        before = self.ledger.picture(ending.message)
        assert worker.end(ending) or self.ledger.picture(ending.message) == before

    @precondition(having("in_hand"))
    @rule(who=SOME, fault=st.sampled_from((None, *HEARD)), comes_back=st.booleans())
    def stall(self, who: int, fault: Fault | None, comes_back: bool) -> None:  # noqa: FBT001 - Hypothesis calls by keyword
        """One worker is silent for longer than its lease; the others bury it and take over what it had.

        Then it hears how a conversation of its ended, or comes back to what it takes for its lanes, or neither.
        """
        silent = self._having("in_hand", who)
        others = [worker for worker in self.workers if worker is not silent]
        for _ in range(3):
            self.clock.now += LEASE / 2
            for worker in others:
                worker.renew()
        some(others, who).take()
        if fault is not None and silent.said:
            self._hear(silent, who, fault)
        if comes_back:
            silent.take()
            silent.renew()
            silent.take()

    @rule(who=SOME)
    def all_stall(self, who: int) -> None:
        """All are silent for longer than their leases; one comes back."""
        self.clock.now += LEASE * 1.1
        some(self.workers, who).renew()

    @precondition(having("lanes"))
    @rule(who=SOME, which=SOME)
    def let_go(self, who: int, which: int) -> None:
        worker = self._having("lanes", who)
        worker.let_go(some(list(worker.lanes.values()), which))

    @rule(who=SOME)
    def stop_or_die(self, who: int) -> None:
        """A worker that has nothing begun stops in order; any other one is killed. A new one comes in its place."""
        worker = some(self.workers, who)
        if not (worker.begun or worker.said or worker.ending):
            worker.leave()
        self.workers[self.workers.index(worker)] = self._new_worker()

    @rule(seconds=st.sampled_from(LAPSES))
    def wait(self, seconds: float) -> None:
        self.clock.now += timedelta(seconds=seconds)
        for worker in self.workers:
            worker.renew()

    @rule(change=st.sampled_from(("on", "off", "activate")))
    def change_the_route(self, change: str) -> None:
        match change:
            case "on":
                holds = self.settings.enable(self.acme, actor=COMMAND_LINE)
            case "off":
                holds = self.settings.disable(self.acme, actor=COMMAND_LINE)
            case _:
                holds = self.settings.activate(self.acme, 1, actor=COMMAND_LINE, untested=True)
        if holds:
            self.ledger.acknowledged[self.acme] = self.settings.route_epoch(self.acme)

    @invariant()
    def the_database_is_right(self) -> None:
        self.ledger.check()

    @invariant()
    def no_two_workers_believe_that_a_lane_is_theirs(self) -> None:
        sure = [worker.lanes.keys() for worker in self.workers if worker.lease.is_valid]
        assert not any(one & other for one, other in combinations(sure, 2))

    def _everything_ends(self) -> None:
        """All workers die as they stand; one that comes after them brings every message to its end."""
        worker = self._new_worker()
        for _ in range(40):
            self.clock.now = max(self.clock.now + 2 * LEASE, self.ledger.next_due())
            worker.renew()
            worker.renew()  # the first one may have found that its own lease had run out
            worker.take()
            for lane in list(worker.lanes.values()):
                worker.read(lane)
            while worker.ending:
                worker.end(worker.ending[0])
            while worker.waiting:
                worker.begin(worker.waiting[0])
                while worker.begun:
                    self._say(worker, 0)
                while worker.said:
                    worker.hear(worker.said[0], Fault.OK)
            self.ledger.check()
            if self.ledger.is_over:
                return
        raise AssertionError("what was acknowledged did not come to an end")


def explore(opened: Callable[[], AbstractContextManager[Opened]], *, examples: int, steps: int) -> None:
    with ThreadPoolExecutor(1) as executor:

        class OpenedEngine(Engine):
            def __init__(self) -> None:
                super().__init__(opened(), executor)

        run_state_machine_as_test(
            OpenedEngine,
            settings=profile(
                max_examples=examples,
                stateful_step_count=steps,
                derandomize=True,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_nothing_is_lost_and_nothing_is_begun_twice_on_sqlite(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    explore(furnished_copies(tmp_path), examples=2000 if pytestconfig.getoption("--endurance") else 25, steps=80)


@pytest.mark.peers
def test_nothing_is_lost_and_nothing_is_begun_twice_on_postgresql(tmp_path: Path, postgresql: PostgreSql) -> None:
    @contextmanager
    def opened() -> Iterator[Opened]:
        with postgresql.database() as url, furnished(Installation.new(tmp_path, database_url=url)) as engine:
            yield engine

    explore(opened, examples=6, steps=50)
