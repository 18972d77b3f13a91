"""Connections of a route that several workers use: never more than there may be, and for each its share."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from portal.storage import lanes, route_states
from portal.storage.database import Database
from portal.storage.lanes import WorkerRow
from portal.storage.route_states import RouteSlotsRow

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROUTE = "platform"
WORKERS = ("a", "b", "c", "d")

Moves = list[tuple[str, int, int]]
MOVES: st.SearchStrategy[Moves] = st.lists(
    st.tuples(st.sampled_from(WORKERS), st.integers(0, 12), st.integers(0, 12)), max_size=25
)
"""Who asks, how many it wants, and how many of what it holds it can not close yet."""


class Asking:
    """Workers as they ask: each has as many connections open as it holds, or fewer, and never more."""

    def __init__(self, database: Database, cap: int) -> None:
        self._database = database
        self._cap = cap
        self.holds = dict.fromkeys(WORKERS, 0)

    def ask(self, worker: str, wants: int, in_use: int = 0) -> int:
        with self._database.transaction() as session:
            self.holds[worker] = route_states.share_slots(
                session, ROUTE, worker, in_use=min(in_use, self.holds[worker]), wants=wants, cap=self._cap
            )
            assert route_states.slots_in_use(session, ROUTE) == sum(self.holds.values())
        return self.holds[worker]

    def die(self, worker: str) -> None:
        with self._database.transaction() as session:
            lanes.bury(session, worker, now=NOW)
        self.holds[worker] = 0


@contextmanager
def asking(database: Database, cap: int) -> Iterator[Asking]:
    """Four workers, on a route of which nobody holds anything."""
    with database.transaction() as session:
        session.execute(delete(RouteSlotsRow))
        session.execute(delete(WorkerRow))
        for worker in WORKERS:
            lanes.enter(session, worker, now=NOW, until=NOW + timedelta(seconds=15))
    yield Asking(database, cap)


@settings(
    max_examples=40,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(moves=MOVES, cap=st.integers(1, 12))
def test_there_are_never_more_than_the_cap_whoever_asks_and_whatever_for(
    database: Database, moves: Moves, cap: int
) -> None:
    with asking(database, cap) as workers:
        for worker, wants, in_use in moves:
            before = workers.holds[worker]
            held = workers.ask(worker, wants, in_use)
            assert held <= max(wants, min(in_use, before)), "nobody holds what it neither wants nor uses"
            assert held >= min(in_use, before), "nobody is told to close what it uses"
            assert sum(workers.holds.values()) <= cap


@settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(moves=MOVES, number=st.integers(1, 4), cap=st.integers(4, 12))
def test_where_all_want_more_than_there_is_each_comes_to_its_even_share(
    database: Database, moves: Moves, number: int, cap: int
) -> None:
    with asking(database, cap) as workers:
        for worker, wants, in_use in moves:
            workers.ask(worker, wants, in_use)
        for worker in WORKERS:
            workers.ask(worker, 0)
        crowd = WORKERS[:number]
        for _ in range(3):
            for worker in crowd:
                workers.ask(worker, 50)

        assert all(workers.holds[worker] >= cap // number for worker in crowd)


def test_who_comes_late_gets_its_share_as_the_first_one_gives_way(database: Database) -> None:
    with asking(database, 10) as workers:
        assert workers.ask("a", 20) == 10
        assert workers.ask("b", 20) == 0
        assert workers.ask("a", 20, in_use=8) == 8  # it closes what is idle, and of the rest each one as it is over
        assert workers.ask("b", 20) == 2
        assert workers.ask("a", 20, in_use=5) == 5
        assert workers.ask("b", 20) == 5


def test_what_nobody_else_wants_is_the_only_ones_who_does(database: Database) -> None:
    with asking(database, 10) as workers:
        workers.ask("a", 20)
        workers.ask("b", 20)
        workers.ask("a", 0)
        assert workers.ask("b", 20) == 10


@pytest.mark.parametrize("wanted_by_others", [1, 2])
def test_who_wants_less_than_its_share_leaves_the_rest_to_the_others(database: Database, wanted_by_others: int) -> None:
    with asking(database, 12) as workers:
        for _ in range(2):
            workers.ask("a", wanted_by_others)
            workers.ask("b", wanted_by_others)
            left = workers.ask("c", 50)

        assert left == 12 - 2 * wanted_by_others


def test_a_dead_workers_connections_are_anybodys(database: Database) -> None:
    with asking(database, 10) as workers:
        workers.ask("a", 10)
        assert workers.ask("b", 10) == 0

        workers.die("a")

        assert workers.ask("b", 10) == 10


@pytest.mark.peers
def test_two_who_ask_at_the_same_time_are_answered_one_after_the_other(postgresql_url: str) -> None:
    database = Database.at(postgresql_url)
    with asking(database, 10) as workers, ThreadPoolExecutor(1) as thread:
        with database.transaction() as session:
            workers.holds["a"] = route_states.share_slots(session, ROUTE, "a", in_use=0, wants=8, cap=10)
            second = thread.submit(workers.ask, "b", 8)
            wait([second], timeout=0.3)
        assert second.result(20) == 2
    database.close()
