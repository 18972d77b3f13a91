"""What an operator is told of the engine in numbers, and that a long queue does not make it dear."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from portal.domain.ids import TenantId
from portal.domain.mail.notification_kinds import Priority
from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.route_health import RouteHealth
from portal.storage import figures, lanes, migrations, route_states
from portal.storage.database import Database
from portal.storage.figures import Queue, Workers
from portal.storage.messages import MessageState
from tests.support.query_plans import query_plans
from tests.support.stored_mail import put_messages, put_tenant

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WORKER = "w1"


def ago(**much: float) -> datetime:
    return NOW - timedelta(**much)


@pytest.fixture
def acme(database: Database) -> TenantId:
    with database.transaction() as session:
        return put_tenant(session, "acme", NOW)


def told(database: Database) -> datetime | None:
    with database.reading() as session:
        return figures.oldest_due(session, NOW)


def hold(session: Session) -> None:
    """A worker takes every lane that is due."""
    lanes.enter(session, WORKER, now=NOW, until=NOW + timedelta(seconds=15))
    session.flush()
    lanes.take_due(session, WORKER, now=NOW, most=100)


def test_messages_are_counted_by_state_and_what_is_being_sent_is_not_due(database: Database, acme: TenantId) -> None:
    with database.transaction() as session:
        put_messages(session, acme, ago(minutes=3), count=3)
        put_messages(session, acme, NOW, due_at=NOW + timedelta(hours=1))
        put_messages(session, acme, ago(minutes=2), state=MessageState.WAITING, count=2)
        put_messages(session, acme, ago(minutes=1), state=MessageState.SENDING, count=4)
        put_messages(session, acme, ago(days=1), state=MessageState.SENT, count=5)
    with database.reading() as session:
        counted = figures.queue(session, NOW)

    states = {state: number for state, number in counted.messages.items() if number}
    assert states == {
        MessageState.QUEUED: 4,
        MessageState.WAITING: 2,
        MessageState.SENDING: 4,
        MessageState.SENT: 5,
    }
    assert set(counted.messages) == set(MessageState)
    assert counted.due == 5


def test_what_a_tenant_still_has_to_send_is_counted_up_to_a_point(database: Database, acme: TenantId) -> None:
    with database.transaction() as session:
        other = put_tenant(session, "other", NOW)
        put_messages(session, other, NOW, count=9)
        put_messages(session, acme, NOW, count=3)
        put_messages(session, acme, NOW, state=MessageState.WAITING, due_at=NOW + timedelta(hours=1), count=2)
        put_messages(session, acme, ago(days=1), state=MessageState.SENT, count=5)
    with database.reading() as session:
        assert [figures.waiting(session, acme, most=most) for most in (100, 5, 4)] == [5, 5, 4]


def test_an_empty_queue_is_all_zeros(database: Database) -> None:
    with database.reading() as session:
        assert figures.queue(session, NOW) == Queue(dict.fromkeys(MessageState, 0), 0)
    assert told(database) is None


def free(_session: Session) -> None:
    pass


def dies(session: Session) -> None:
    hold(session)
    lanes.bury(session, WORKER, now=ago(seconds=1))


@pytest.mark.parametrize("lane", [free, hold, dies], ids=["waits for a worker", "is held", "its worker has died"])
def test_the_oldest_due_message_is_found_whoever_has_its_lane(
    database: Database, acme: TenantId, lane: Callable[[Session], None]
) -> None:
    with database.transaction() as session:
        put_messages(session, acme, ago(minutes=1), priority=Priority.URGENT)
        put_messages(session, acme, ago(minutes=9), priority=Priority.BULK)
        lane(session)

    assert told(database) == ago(minutes=9)


def test_neither_what_is_being_sent_nor_what_is_for_later_is_waited_for(database: Database, acme: TenantId) -> None:
    with database.transaction() as session:
        put_messages(session, acme, ago(minutes=9), state=MessageState.SENDING)
        put_messages(session, acme, ago(minutes=8), state=MessageState.SENT)
        put_messages(session, acme, ago(minutes=7), due_at=NOW + timedelta(seconds=1))
        hold(session)
    assert told(database) is None

    with database.transaction() as session:
        put_messages(session, acme, ago(minutes=2))
    assert told(database) == ago(minutes=2)


def test_the_oldest_due_message_is_sought_in_the_index_however_long_the_queue_is(tmp_path: Path) -> None:
    database = Database.at(f"sqlite:///{tmp_path}/waypost.db")
    migrations.upgrade(database)
    with query_plans(database) as steps:
        told(database)
    database.close()

    of_messages = [step for step in steps if "messages" in step]
    assert len(of_messages) == len(Priority)
    assert [step for step in of_messages if not step.startswith("SEARCH messages USING INDEX ix_messages_lane")] == []
    assert [step for step in steps if "B-TREE" in step] == []  # nothing is sorted


def test_workers_count_as_alive_while_their_lease_lasts(database: Database) -> None:
    with database.transaction() as session:
        for name, lease_until in (("w1", NOW), ("w2", ago(minutes=1)), ("w3", ago(hours=1))):
            lanes.enter(session, name, now=ago(hours=2), until=lease_until)
    with database.reading() as session:
        assert figures.workers(session, NOW) == Workers(1, (ago(hours=1), ago(minutes=1)))


def test_only_routes_that_mail_passes_by_are_unhealthy(database: Database) -> None:
    healthy = RouteHealth().after(Fault.ROUTE_TEMP, NOW)
    unhealthy = RouteHealth().after(Fault.ROUTE_CERT, NOW)
    with database.transaction() as session:
        for route, health in (("healthy", healthy), ("unhealthy", unhealthy), ("damaged", None)):
            row = route_states.state_to_change(session, route)
            row.health = health.to_json() if health else {"state": "?"}
            row.look_at = NOW
    with database.reading() as session:
        assert figures.unhealthy_routes(session) == 1
