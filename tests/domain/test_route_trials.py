"""When an unhealthy route is tried again, and what makes it healthy."""

from datetime import timedelta

import pytest

from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.route_health import HealthState, RouteHealth
from tests.support.route_lives import HEALTHY, LEASE, NOW, Mail, Probe, at, lived

OK, AUTH, CERT, SENDER = Fault.OK, Fault.ROUTE_AUTH, Fault.ROUTE_CERT, Fault.ROUTE_SENDER
PERM, PROTOCOL, TEMP, AMBIGUOUS = Fault.ROUTE_PERM, Fault.ROUTE_PROTOCOL, Fault.ROUTE_TEMP, Fault.AMBIGUOUS


def _minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.parametrize(
    ("fault", "minutes"),
    [
        pytest.param(AUTH, [15, 30, 60, 120, 240, 360, 360], id="sign-ins: so slowly that no account is locked"),
        pytest.param(CERT, [15, 30, 60, 120, 240, 360, 360], id="a certificate"),
        pytest.param(TEMP, [1, 2, 4, 8, 16, 30, 30], id="a server that is away"),
        pytest.param(AMBIGUOUS, [1, 2, 4, 8, 16, 30, 30], id="ambiguous ends"),
    ],
)
def test_each_failed_trial_doubles_the_wait(fault: Fault, minutes: list[float]) -> None:
    health, waits, now = lived(*[Mail(0, fault)] * 5), [], NOW
    opened_at = health.opened_at
    for _ in minutes:
        assert health.probe_at is not None
        waits.append(health.probe_at - now)
        now = health.probe_at
        assert not health.probe_is_due(now - timedelta(microseconds=1))
        health = health.begin_probe(now, LEASE).after_probe(fault, now)
    assert waits == [_minutes(number) for number in minutes]
    assert (health.state, health.opened_at) == (HealthState.OPEN, opened_at)


@pytest.mark.parametrize(
    ("events", "state", "probe_in"),
    [
        pytest.param((*[Mail(0, TEMP)] * 5, Probe(60, AUTH)), HealthState.OPEN, 15, id="the wait of what is seen now"),
        pytest.param((*[Mail(0, AUTH)] * 2, Probe(900, TEMP)), HealthState.OPEN, 1, id="a server away since then"),
        pytest.param(
            (*[Mail(0, AUTH)] * 2, Probe(900, TEMP), Probe(960, AUTH)), HealthState.OPEN, 30, id="sign-ins still double"
        ),
        pytest.param(
            (*[Mail(0, AUTH)] * 2, Probe(900, Fault.RATE)), HealthState.OPEN, 15, id="too fast: the same wait"
        ),
        pytest.param(
            (*[Mail(0, AUTH)] * 2, Probe(900, Fault.RATE, "454 too many logins, try again in 2 hours")),
            HealthState.OPEN,
            120,
            id="too fast: the time it named",
        ),
        pytest.param((*[Mail(0, AUTH)] * 2, Probe(900, OK)), HealthState.CLOSED, None, id="signed in"),
        pytest.param(
            (*[Mail(0, AUTH)] * 2, Probe(900, Fault.RCPT_PERM)), HealthState.CLOSED, None, id="it judged a recipient"
        ),
    ],
)
def test_what_a_trial_decides(events: tuple[Mail | Probe, ...], state: HealthState, probe_in: float | None) -> None:
    health = lived(*events)
    assert health.state is state
    assert health.probe_at == (at(events[-1].second) + _minutes(probe_in) if probe_in else None)


def test_a_sign_in_disproves_what_was_said_at_the_door() -> None:
    for fault in (AUTH, CERT):
        assert lived(Mail(0, fault), Mail(0, fault), Probe(900, OK)) == HEALTHY


@pytest.mark.parametrize("fault", [SENDER, PERM, PROTOCOL, TEMP, AMBIGUOUS])
def test_what_a_sign_in_cannot_show_is_on_trial_until_mail_is_accepted(fault: Fault) -> None:
    opened = lived(*[Mail(0, fault)] * 5)
    assert opened.probe_at is not None
    first_wait = opened.probe_at - NOW
    tried = first_wait.total_seconds()
    trial = lived(Probe(tried, OK), health=opened)
    assert (trial.state, trial.opened_at, trial.probe_at) == (HealthState.CLOSED, NOW, None)
    assert trial.after(OK, at(tried + 1)) == HEALTHY
    assert lived(Probe(tried, OK, carried_mail=True), health=opened) == HEALTHY
    again = trial.after(fault, at(tried + 1))
    assert (again.state, again.opened_at) == (HealthState.OPEN, NOW)
    assert again.probe_at == at(tried + 1) + 2 * first_wait


def test_a_cause_disproved_leaves_the_other_on_trial() -> None:
    health = lived(*[Mail(0, TEMP)] * 5, Probe(60, AUTH), Probe(960, OK))
    assert (health.state, health.opened_by) == (HealthState.CLOSED, TEMP)
    assert RouteHealth.from_json(health.to_json()) == health


def test_only_one_worker_tries_and_another_takes_over_if_it_dies() -> None:
    opened = lived(Mail(0, CERT))
    due = NOW + _minutes(15)
    assert opened.begin_probe(due - timedelta(seconds=1), LEASE) is opened
    trying = opened.begin_probe(due, LEASE)
    assert (trying.state, trying.is_open, trying.probe_at) == (HealthState.HALF_OPEN, True, due + LEASE)
    assert trying.begin_probe(due + timedelta(seconds=1), LEASE) is trying
    taken_over = trying.begin_probe(due + LEASE, LEASE)
    assert (taken_over.state, taken_over.probe_at) == (HealthState.HALF_OPEN, due + 2 * LEASE)


def test_a_clock_that_was_wrong_does_not_put_a_trial_off_for_ever() -> None:
    opened = lived(Mail(0, CERT))
    assert opened.probe_is_due(NOW - timedelta(days=30))
    assert not opened.probe_is_due(NOW - timedelta(hours=1))


@pytest.mark.parametrize(
    ("fault", "new_connection", "is_open"),
    [
        pytest.param(AUTH, True, False, id="a new sign-in worked"),
        pytest.param(AUTH, False, True, id="a warm connection says nothing of the password"),
        pytest.param(CERT, False, True, id="nor of the certificate"),
        pytest.param(SENDER, False, False, id="but of the sender"),
        pytest.param(TEMP, False, False, id="and that the server is there"),
    ],
)
def test_accepted_mail_closes_the_breaker(fault: Fault, *, new_connection: bool, is_open: bool) -> None:
    health = lived(*[Mail(0, fault)] * 5, Mail(9, OK, new_connection=new_connection))
    assert health.is_open is is_open
    assert is_open or health == HEALTHY


def test_of_two_causes_the_one_seen_last_is_kept() -> None:
    health = lived(Mail(0, CERT), *[Mail(0, AUTH)] * 2, Probe(900, AUTH))
    assert health.opened_by is AUTH
    assert health.after(OK, at(901), new_connection=False) is health


def test_warm_connections_cannot_hide_a_refused_password() -> None:
    health = lived(Mail(0, AUTH), Mail(1, OK, new_connection=False), Mail(2, AUTH), Mail(3, OK, new_connection=False))
    assert (health.is_open, health.opened_by) == (True, AUTH)


def test_a_refused_password_outweighs_a_server_that_is_away() -> None:
    health = lived(*[Mail(0, TEMP)] * 5, Mail(10, AUTH), Mail(20, AUTH))
    assert (health.opened_by, health.opened_at, health.probe_at) == (AUTH, NOW, at(20) + _minutes(15))
    assert lived(*[Mail(30, TEMP)] * 5, health=health).probe_at == health.probe_at


def test_what_is_known_already_is_not_written_again() -> None:
    health = lived(*[Mail(0, AUTH)] * 2)
    assert health.after(AUTH, at(5), "535 disabled") is health
