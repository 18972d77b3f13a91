"""What workers know of a route together: one breaker for all, written only when something changes."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import event

from portal.domain.routing.fault import Fault
from portal.domain.routing.route_health import HealthState
from portal.services import route_states
from portal.services.route_states import RouteCondition
from portal.storage import route_states as stored
from tests.support.watched_routes import REFUSED, START, Watched, actions, watched

SAYS_NOTHING = [Fault.RCPT_PERM, Fault.RCPT_TEMP, Fault.MSG_PERM]


@pytest.fixture
def acme(database_url: str) -> Iterator[Watched]:
    with watched(database_url) as found:
        yield found


def test_of_a_route_without_a_row_nothing_bad_is_known(acme: Watched) -> None:
    assert acme.condition == RouteCondition(f"{acme.acme}:1")
    assert acme.condition.is_spotless
    assert acme.rows() == []


@pytest.mark.parametrize("fault", [Fault.OK, *SAYS_NOTHING])
def test_success_of_a_healthy_route_and_others_faults_touch_no_row(fault: Fault) -> None:
    assert not route_states.needs_recording(RouteCondition("platform"), fault)


def test_all_other_ends_are_recorded_and_after_trouble_success_is_too(acme: Watched) -> None:
    says_something = set(Fault) - {Fault.OK, *SAYS_NOTHING}
    assert all(route_states.needs_recording(acme.condition, fault) for fault in says_something)
    for fault in (Fault.ROUTE_TEMP, Fault.RATE):
        acme.attempt(fault, "450 4.7.0 slow down")
        assert route_states.needs_recording(acme.condition, Fault.OK)
        acme.clock.forward(timedelta(hours=2))
        acme.attempt(Fault.OK)
    assert acme.condition.is_spotless


def test_two_refused_sign_ins_open_the_breaker_for_every_worker(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_AUTH)
    assert not acme.condition.health.is_open
    acme.attempt(Fault.ROUTE_AUTH)
    health = acme.condition.health
    assert (health.state, health.probe_at) == (HealthState.OPEN, START + timedelta(minutes=15))
    [opened] = acme.events()
    assert (opened.action, opened.tenant_id, opened.actor) == ("email.route_unhealthy", acme.acme, "worker")
    assert (opened.facts["class"], opened.facts["version"], opened.facts["reply"]) == ("ROUTE_AUTH", 1, REFUSED)


def test_failures_of_many_workers_at_one_moment_are_all_counted(acme: Watched) -> None:
    route, together = acme.route, Barrier(4)

    def fail() -> None:
        together.wait()
        acme.attempt(Fault.ROUTE_TEMP, "421 4.3.2 busy", route=route)

    workers = [Thread(target=fail) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert acme.condition.health.streaks[0].times == 4
    acme.attempt(Fault.ROUTE_TEMP, "421 4.3.2 busy")
    assert acme.condition.health.is_open
    assert actions(acme.events()) == ["email.route_unhealthy"]


def test_outcomes_of_one_commit_are_counted_one_by_one(acme: Watched) -> None:
    route = acme.route
    with acme.database.transaction() as session:
        for _ in range(3):
            known = route_states.record(
                session, route, fault=Fault.ROUTE_PROTOCOL, said="not SMTP", now=acme.clock(), cap=4
            )
    assert known.health.is_open
    assert acme.condition == known


def test_what_changes_nothing_writes_nothing(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_AUTH, times=2)
    statements: list[str] = []
    event.listen(acme.database.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    acme.attempt(Fault.ROUTE_AUTH)
    assert not [statement for statement in statements if statement.startswith("UPDATE")]


def test_accepted_mail_closes_the_breaker(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_TEMP, "421 4.3.2 busy", times=5)
    acme.clock.forward(timedelta(minutes=1))
    acme.attempt(Fault.OK)
    assert acme.condition.health.state is HealthState.CLOSED
    closed = acme.events()[-1]
    assert closed.action == "email.route_recovered"
    assert closed.facts == {
        "version": 1,
        "shown_by": "delivery",
        "class": "ROUTE_TEMP",
        "since": "2026-11-20T21:00:00+00:00",
    }
    assert acme.look_at() == acme.clock()  # what waited for it is let go by whoever looks


def test_mail_over_an_old_connection_does_not_show_that_a_refused_password_works(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_AUTH, times=2)
    with acme.database.transaction() as session:
        known = route_states.record(
            session, acme.route, fault=Fault.OK, said="250 OK", now=acme.clock(), cap=4, new_connection=False
        )
    assert known.health.is_open


def test_too_fast_slows_the_route_down_and_says_nothing_of_its_health(acme: Watched) -> None:
    acme.attempt(Fault.RATE, "450 4.7.0 slow down", times=9)
    condition = acme.condition
    assert condition.pace.allowed(4, acme.clock()) == 0
    assert condition.pace.allowed(4, acme.clock.forward(timedelta(seconds=10))) == 2
    assert not condition.health.is_open
    assert acme.events() == []


def test_a_quota_pauses_the_route_until_the_time_that_was_named(acme: Watched) -> None:
    acme.attempt(Fault.RATE, "452 4.3.1 hourly quota exceeded, try again in 40 minutes")
    assert acme.condition.pace.paused_until == START + timedelta(minutes=40)


def test_versions_do_not_inherit_each_others_health(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_AUTH, times=2)
    assert acme.save(from_name="Acme") == 2
    with acme.database.reading() as session:
        assert route_states.read(session, acme.route.key).is_spotless


def test_the_platforms_route_has_a_row_of_its_own_that_belongs_to_no_tenant(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_TEMP, "timed out", times=5, route=acme.platform.route(acme.platform.identity))
    assert acme.rows() == ["platform"]
    assert acme.condition.is_spotless
    [opened] = acme.events()
    assert (opened.action, opened.tenant_id) == ("email.route_unhealthy", None)


def test_rates_written_meanwhile_are_kept(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_TEMP, "timed out")
    with acme.database.transaction() as session:
        stored.put_rates(
            session, [stored.RateUsed(acme.route.key, acme.acme, 1, {"second": [[3, 1]], "seen": 250_000})]
        )
    acme.attempt(Fault.ROUTE_TEMP, "timed out")
    assert acme.condition.rate_use.seen == 250_000
    assert acme.condition.health.streaks[0].times == 2


@pytest.mark.parametrize(
    "damage",
    [{"ROUTE_AUTH": "yesterday"}, {"NOT_A_CLASS": "2026-11-20T21:00:00+00:00"}, {"recovered": {"at": 3}}],
    ids=["no time", "no class", "no recovery"],
)
def test_a_row_nobody_can_read_stops_nothing(acme: Watched, damage: dict[str, object]) -> None:
    acme.attempt(Fault.ROUTE_TEMP, "timed out")
    with acme.database.transaction() as session:
        row = stored.state_to_change(session, acme.route.key)
        row.told, row.health, row.pace = damage, {"state": "ajar"}, {"connections": "many"}
    assert acme.condition.is_spotless
    assert acme.condition.told == {}
    acme.attempt(Fault.ROUTE_TEMP, "timed out")
    assert acme.condition.health.streaks[0].times == 1
