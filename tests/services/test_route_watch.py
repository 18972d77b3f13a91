"""Who tries a failing route again, and what follows when it works."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest

from portal.crypto.vault import Vault
from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import TenantId
from portal.domain.routing.fault import Fault
from portal.domain.routing.route_health import HealthState
from portal.domain.routing.smtp_route import SmtpRoute
from portal.domain.secret import Secret
from portal.storage.wake_up_listener import listening
from tests.support.watched_routes import START, Watched, actions, told, watched

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def acme(database_url: str) -> Iterator[Watched]:
    with watched(database_url) as found:
        yield found


@pytest.fixture
def failing(acme: Watched) -> Watched:
    """Acme's server cannot be reached; it is to be tried again in a minute."""
    acme.attempt(Fault.ROUTE_TEMP, "timed out", times=5)
    return acme


def test_where_nothing_is_wrong_there_is_nothing_to_do(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_TEMP, "timed out")
    assert acme.look_at() is None
    assert acme.look() == []


def test_the_route_is_tried_when_its_time_has_come_and_with_its_own_password(failing: Watched) -> None:
    assert failing.look() == []
    failing.clock.forward(MINUTE)
    [route] = failing.look()
    assert route == failing.route
    assert route.credentials is not None
    assert failing.condition.health.state is HealthState.HALF_OPEN


def test_one_worker_tries_it_and_another_only_when_the_first_has_not_come_back(failing: Watched) -> None:
    failing.clock.forward(MINUTE)
    assert len(failing.look()) == 1
    failing.clock.forward(MINUTE)
    assert failing.look() == []
    failing.clock.forward(MINUTE)
    assert len(failing.look()) == 1


def test_of_workers_that_look_at_one_moment_one_tries(failing: Watched) -> None:
    failing.clock.forward(MINUTE)
    together, found = Barrier(4), list[SmtpRoute]()

    def look() -> None:
        together.wait()
        found.extend(failing.look())

    workers = [Thread(target=look) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert found == [failing.route]


def test_each_trial_that_fails_makes_the_next_wait_longer(failing: Watched) -> None:
    waits = []
    for _ in range(7):
        failing.clock.now = failing.condition.health.probe_at or failing.clock()
        [route] = failing.look()
        failing.watch.probed(route, fault=Fault.ROUTE_TEMP, said="timed out", now=failing.clock())
        probe_at = failing.condition.health.probe_at
        assert probe_at is not None
        waits.append(probe_at - failing.clock())
    assert waits == [MINUTE * minutes for minutes in (2, 4, 8, 16, 30, 30, 30)]


def test_a_sign_in_that_works_closes_the_breaker_and_lets_go_what_waited(failing: Watched) -> None:
    waiting = failing.message(Fault.ROUTE_TEMP, "timed out", stage="connect", waits=HOUR)
    failing.clock.forward(MINUTE)
    [route] = failing.look()
    known = failing.watch.probed(route, fault=Fault.OK, said="250 OK", now=failing.clock())
    assert not known.health.is_open
    assert failing.look() == []
    assert failing.due_at(waiting) == failing.clock()
    assert failing.lane_due_at() == START  # since the message was handed in; nobody has taken the lane yet
    assert actions(failing.events()) == ["email.route_unhealthy", "email.route_recovered"]
    assert failing.events()[-1].facts["shown_by"] == "probe"
    assert failing.look_at() is None


def test_mail_that_was_accepted_lets_go_what_waited_as_well(failing: Watched) -> None:
    waiting = failing.message(Fault.ROUTE_TEMP, "timed out", stage="connect", waits=HOUR)
    failing.attempt(Fault.OK)
    assert failing.due_at(waiting) == failing.clock() + HOUR
    failing.look()
    assert failing.due_at(waiting) == failing.clock()


@pytest.mark.parametrize("fault", [Fault.AMBIGUOUS, Fault.RCPT_TEMP, Fault.RATE])
def test_what_waits_for_something_else_goes_on_waiting(failing: Watched, fault: Fault) -> None:
    waiting = failing.message(fault, "450 later", stage="rcpt", waits=HOUR)
    failing.attempt(Fault.OK)
    failing.look()
    assert failing.due_at(waiting) == START + HOUR


def test_the_workers_are_woken_for_what_is_let_go(failing: Watched) -> None:
    failing.attempt(Fault.OK)

    async def listen() -> frozenset[TenantId]:
        async with listening(failing.database, "worker-1") as listener:
            while await listener.next(0.3):  # what is said at the beginning
                pass
            await asyncio.to_thread(failing.look)
            return (await listener.next(5)).tenants

    assert asyncio.run(listen()) == {failing.acme}


def test_a_route_that_fails_again_before_anybody_looked_lets_nothing_go(failing: Watched) -> None:
    waiting = failing.message(Fault.ROUTE_TEMP, "timed out", stage="connect", waits=HOUR)
    failing.attempt(Fault.OK)
    failing.attempt(Fault.ROUTE_TEMP, "timed out", times=5)
    failing.look()
    assert failing.due_at(waiting) == START + HOUR


def test_a_refused_sender_is_on_trial_after_the_sign_in_and_open_again_at_the_next_refusal(acme: Watched) -> None:
    said = "550 5.7.60 SMTP; Client does not have permissions to send as this sender"
    acme.attempt(Fault.ROUTE_SENDER, said, times=2)
    acme.look()
    acme.clock.forward(15 * MINUTE)
    [route] = acme.look()
    acme.watch.probed(route, fault=Fault.OK, said="250 OK", now=acme.clock())
    acme.look()
    on_trial = acme.condition.health
    assert not on_trial.is_open
    assert len(told(acme)) == 1  # that it fails; that it works nobody knows yet
    acme.attempt(Fault.ROUTE_SENDER, said)
    refused_again = acme.condition.health
    assert refused_again.is_open
    assert refused_again.probe_at == acme.clock() + 30 * MINUTE


def test_what_is_known_of_a_replaced_version_is_forgotten_and_never_tried(failing: Watched) -> None:
    failing.save(from_name="Acme")
    failing.clock.forward(HOUR)
    assert failing.look() == []
    assert failing.rows() == []
    assert failing.mail() == []


def test_a_server_that_is_turned_off_is_left_alone_and_begins_anew_when_turned_on(failing: Watched) -> None:
    failing.attempt(Fault.RATE, "452 daily quota exceeded")
    failing.settings.disable(failing.acme, actor=COMMAND_LINE)
    failing.clock.forward(HOUR)
    assert failing.look() == []
    assert failing.look_at() is None
    assert failing.mail() == []
    failing.settings.enable(failing.acme, actor=COMMAND_LINE)
    assert failing.condition.is_spotless


def test_without_the_keys_to_its_password_a_route_waits_for_them(failing: Watched) -> None:
    failing.clock.forward(MINUTE)
    stranger = Vault.from_text(Secret("k2:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="))
    assert replace(failing.watch, vault=stranger).due(failing.clock()) == []
    assert failing.condition.health.state is HealthState.OPEN
    assert failing.look() == []
    failing.clock.forward(MINUTE)
    assert failing.look() == [failing.route]


def test_the_platforms_own_route_is_tried_as_well_and_told_to_no_tenant(acme: Watched) -> None:
    platform = acme.platform.route(acme.platform.identity)
    acme.attempt(Fault.ROUTE_AUTH, times=2, route=platform)
    acme.clock.forward(15 * MINUTE)
    assert acme.look() == [platform]
    acme.watch.probed(platform, fault=Fault.OK, said="250 OK", now=acme.clock())
    assert acme.look() == []
    assert acme.mail() == []


def test_many_routes_are_looked_at_those_first_that_have_waited_longest(acme: Watched) -> None:
    acme.attempt(Fault.ROUTE_TEMP, "timed out", times=5, route=acme.platform.route(acme.platform.identity))
    acme.clock.forward(timedelta(seconds=1))
    acme.attempt(Fault.ROUTE_TEMP, "timed out", times=5)
    acme.clock.forward(HOUR)
    found = [route.key for _ in range(2) for route in acme.watch.due(acme.clock(), most=1)]
    assert found == ["platform", acme.route.key]
