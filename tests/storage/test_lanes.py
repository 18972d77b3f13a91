"""Lanes: who holds which tenant's queue, when somebody looks at it next, and that no message is ever stranded."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.domain.ids import TenantId
from portal.domain.mail.notification_kinds import Priority
from portal.storage import lanes, migrations
from portal.storage.database import Database
from portal.storage.lanes import LaneRow
from portal.storage.organisations import TenantRow
from tests.support.query_plans import query_plans
from tests.support.stored_mail import put_messages, put_tenant

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ME, OTHER = "me", "other"


@pytest.fixture
def acme(database: Database) -> TenantId:
    """A tenant without mail; two workers are alive."""
    with database.transaction() as session:
        for worker in (ME, OTHER):
            lanes.enter(session, worker, now=NOW, until=NOW + 15 * SECOND)
        return put_tenant(session, "acme", NOW)


def put_in(database: Database, *tenants: TenantId, at: datetime = NOW) -> None:
    with database.transaction() as session:
        for tenant in tenants:
            put_messages(session, tenant, at)


def take(database: Database, worker: str = ME, *, now: datetime = NOW, most: int = 10) -> list[TenantId]:
    with database.transaction() as session:
        return lanes.take_due(session, worker, now=now, most=most)


def lane(database: Database, tenant: TenantId) -> tuple[str | None, datetime | None]:
    """Who holds it, and when it is looked at next."""
    with database.reading() as session:
        row = session.get_one(LaneRow, tenant)
        return row.worker, row.due_at


def test_a_lane_has_one_holder_until_it_is_let_go(database: Database, acme: TenantId) -> None:
    put_in(database, acme)

    assert (take(database, ME), take(database, OTHER)) == ([acme], [])
    with database.transaction() as session:
        lanes.let_go(session, OTHER, [acme], now=NOW)  # it is not his
    assert lane(database, acme) == (ME, None)

    with database.transaction() as session:
        lanes.let_go(session, ME, [acme], now=NOW)
    assert lane(database, acme) == (None, NOW)
    assert take(database, OTHER) == [acme]


def test_a_lane_that_is_let_go_waits_behind_those_that_waited_longer(database: Database, acme: TenantId) -> None:
    put_in(database, acme, at=NOW - 9 * SECOND)
    take(database)

    with database.transaction() as session:
        lanes.let_go(session, ME, [acme], now=NOW)

    assert lane(database, acme) == (None, NOW)


def test_lanes_are_taken_in_the_order_in_which_they_became_due(database: Database, acme: TenantId) -> None:
    with database.transaction() as session:
        others = [put_tenant(session, f"t{number}", NOW) for number in range(4)]
    for number, tenant in enumerate([others[2], acme, others[0], others[3], others[1]]):
        put_in(database, tenant, at=NOW - (9 - number) * SECOND)

    assert set(take(database, most=2)) == {others[2], acme}
    assert set(take(database, most=9, now=NOW - 6 * SECOND)) == {others[0], others[3]}
    assert take(database, most=0) == []


def test_what_is_due_later_does_not_put_off_what_is_due_earlier(database: Database, acme: TenantId) -> None:
    for at in (NOW + 9 * SECOND, NOW + SECOND, NOW + 5 * SECOND):
        put_in(database, acme, at=at)

    assert lane(database, acme) == (None, NOW + SECOND)
    assert (take(database), take(database, now=NOW + SECOND)) == ([], [acme])


def test_a_holder_is_told_once_of_each_touch(database: Database, acme: TenantId) -> None:
    put_in(database, acme)
    take(database)
    told: list[list[TenantId]] = []

    def ask(at: datetime = NOW) -> None:
        with database.transaction() as session:
            told.append(lanes.due_of(session, ME, now=at))

    ask()
    put_in(database, acme, at=NOW + SECOND)
    ask()
    ask(NOW + SECOND)
    ask(NOW + SECOND)

    assert told == [[], [], [acme], []]


@pytest.mark.parametrize("priorities", [(p,) for p in Priority] + [tuple(Priority)], ids=str)
def test_a_lane_that_is_let_go_is_due_with_its_next_message(
    database: Database, acme: TenantId, priorities: tuple[Priority, ...]
) -> None:
    with database.transaction() as session:
        for number, priority in enumerate(priorities, start=1):
            put_messages(session, acme, NOW, due_at=NOW + number * SECOND, priority=priority)
    take(database, now=NOW + 9 * SECOND)

    with database.transaction() as session:
        lanes.let_go(session, ME, [acme], now=NOW)

    assert lane(database, acme) == (None, NOW + SECOND)


def test_a_dead_workers_lanes_are_due_at_once_and_a_living_ones_stay(database: Database, acme: TenantId) -> None:
    with database.transaction() as session:
        mine = put_tenant(session, "mine", NOW)
    put_in(database, acme)
    take(database, OTHER)
    put_in(database, mine)
    take(database, ME)
    later = NOW + 16 * SECOND

    with database.transaction() as session:
        assert lanes.renew(session, ME, until=later + 15 * SECOND, busy=1)
        dead = lanes.dead_workers(session, now=later, latest=later + 30 * SECOND)
        freed = [tenant for worker in dead for tenant in lanes.bury(session, worker, now=later)]

    assert (list(dead), freed) == ([OTHER], [acme])
    assert (lane(database, acme), lane(database, mine)) == ((None, later), (ME, None))
    with database.transaction() as session:
        assert not lanes.renew(session, OTHER, until=later, busy=0)
        assert (lanes.is_alive(session, ME), lanes.is_alive(session, OTHER)) == (True, False)


def test_a_lease_from_before_the_clock_was_set_back_counts_as_run_out(database: Database, acme: TenantId) -> None:
    del acme
    back = NOW - timedelta(days=1)
    with database.transaction() as session:
        assert set(lanes.dead_workers(session, now=back, latest=back + 30 * SECOND)) == {ME, OTHER}


def test_whoever_takes_a_lane_has_acknowledged_the_epoch_it_finds(database: Database, acme: TenantId) -> None:
    with database.transaction() as session:
        session.get_one(TenantRow, acme).route_epoch = 7
    put_in(database, acme)
    take(database)

    with database.transaction() as session:
        lanes.acknowledge(session, OTHER, {acme: 9})  # it is not his
        first = lanes.holder(session, acme)
        lanes.acknowledge(session, ME, {acme: 8})
        second = lanes.holder(session, acme)

    assert first is not None
    assert second is not None
    assert (first.worker, first.epoch, second.epoch) == (ME, 7, 8)
    assert first.lease_until == NOW + 15 * SECOND


@pytest.mark.parametrize(
    ("busy", "due", "fair"), [((0, 0), 0, 1), ((4, 0), 0, 2), ((1, 2), 4, 4), ((0, 0), 5, 3)], ids=str
)
def test_the_fair_share_is_what_there_is_by_the_number_of_the_living(
    database: Database, acme: TenantId, busy: tuple[int, int], due: int, fair: int
) -> None:
    del acme
    with database.transaction() as session:
        lanes.enter(session, "dead", now=NOW, until=NOW - SECOND)
        for worker, lanes_busy in zip((ME, OTHER), busy, strict=True):
            lanes.renew(session, worker, until=NOW + SECOND, busy=lanes_busy)
        for number in range(due):
            put_messages(session, put_tenant(session, f"t{number}", NOW), NOW)
        assert lanes.shares(session, now=NOW).fair == fair


# What it costs


def test_taking_lanes_seeks_in_the_index_of_the_free_ones_however_many_sleep(tmp_path: Path) -> None:
    database = Database.at(f"sqlite:///{tmp_path}/waypost.db")
    migrations.upgrade(database)
    with database.transaction() as session, query_plans(database) as steps:
        lanes.take_due(session, ME, now=NOW, most=10)
        lanes.due_of(session, ME, now=NOW)
        lanes.shares(session, now=NOW)
    database.close()

    of_lanes = [step for step in steps if "lanes" in step]
    assert any("ix_lanes_free" in step for step in of_lanes)
    assert any("ix_lanes_held" in step for step in of_lanes)
    assert [step for step in of_lanes if not step.startswith("SEARCH lanes USING")] == []
