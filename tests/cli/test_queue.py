"""What ``queue`` and ``doctor`` tell an operator of the engine."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.ids import TenantId
from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.route_health import RouteHealth
from portal.storage import lanes, organisations, route_states
from portal.storage.messages import MessageState
from portal.wiring import Waypost
from tests.support.installation import Installation
from tests.support.stored_mail import put_messages

WORKER = "w1"


def ago(**much: float) -> datetime:
    return datetime.now(UTC) - timedelta(**much)


def put(waypost: Waypost, at: datetime, count: int, state: MessageState = MessageState.QUEUED) -> None:
    with waypost.database.transaction() as session:
        acme = organisations.tenant_by_slug(session, "acme")
        assert acme
        put_messages(session, TenantId(acme.id), at, count=count, state=state)


def let_a_worker_take_all(waypost: Waypost, *, lease_until: datetime) -> None:
    with waypost.database.transaction() as session:
        lanes.enter(session, WORKER, now=ago(hours=1), until=lease_until)
        session.flush()
        lanes.take_due(session, WORKER, now=datetime.now(UTC), most=10)


def test_an_empty_queue_is_all_zeros(installation: Installation) -> None:
    assert set(installation.json("queue").values()) == {0}


@pytest.mark.parametrize("is_held", [False, True], ids=["nobody has the lane", "a worker has the lane"])
def test_the_queue_is_counted_and_its_oldest_due_message_is_told(
    on_either_database: Installation, *, is_held: bool
) -> None:
    installation = on_either_database
    with installation.opened() as waypost:
        put(waypost, ago(minutes=10), 3)
        put(waypost, ago(minutes=20), 2, MessageState.SENDING)
        put(waypost, ago(days=1), 4, MessageState.SENT)
        put(waypost, ago(days=1), 1, MessageState.QUARANTINED)
        if is_held:
            let_a_worker_take_all(waypost, lease_until=ago(minutes=-1))

    queue = installation.json("queue")

    assert 600 <= queue.pop("oldest_due_seconds") < 700
    assert queue == {
        "queued": 3,
        "due": 3,
        "waiting": 0,
        "sending": 2,
        "sent": 4,
        "failed": 0,
        "expired": 0,
        "quarantined": 1,
    }
    assert "\ndue: 3\n" in installation.run("queue").stdout


def test_doctor_says_that_nobody_sends(on_either_database: Installation) -> None:
    installation = on_either_database
    with installation.opened() as waypost:
        put(waypost, ago(minutes=10), 1)

    said = installation.run("doctor").stdout

    assert "No worker is running, so nothing is sent: ./run work." in said
    assert "A message has been due since 20" in said
    assert "has died" not in said


def test_doctor_has_nothing_to_say_of_a_worker_that_keeps_its_lease(on_either_database: Installation) -> None:
    installation = on_either_database
    with installation.opened() as waypost:
        put(waypost, ago(seconds=10), 1)
        let_a_worker_take_all(waypost, lease_until=ago(minutes=-5))

    said = installation.run("doctor").stdout

    assert "orker" not in said
    assert "due since" not in said
    assert "Mail servers" not in said


def test_doctor_names_dead_workers_and_unhealthy_routes(on_either_database: Installation) -> None:
    installation = on_either_database
    with installation.opened() as waypost:
        let_a_worker_take_all(waypost, lease_until=ago(minutes=5))
        with waypost.database.transaction() as session:
            route = route_states.state_to_change(session, "platform")
            route.health = RouteHealth().after(Fault.ROUTE_CERT, ago(minutes=1)).to_json()
            route.look_at = ago()

    said = installation.run("doctor").stdout

    assert "No worker is running" in said
    assert "A worker has died or is frozen since 20" in said
    assert "because they take nothing: 1." in said
