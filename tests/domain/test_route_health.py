"""When a route is unhealthy, and what is kept of it in the database."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.routing.fault_traits import TRAITS, Fault
from portal.domain.routing.route_health import RouteHealth
from portal.domain.routing.trouble import Trouble
from tests.support.route_lives import HEALTHY, LEASE, NOW, Mail, at, each_second, lived

NEUTRAL = tuple(fault for fault, traits in TRAITS.items() if traits.health is None and fault is not Fault.OK)
COUNTED = tuple(fault for fault, traits in TRAITS.items() if traits.health is not None)
OK, AUTH, CERT, SENDER = Fault.OK, Fault.ROUTE_AUTH, Fault.ROUTE_CERT, Fault.ROUTE_SENDER
PERM, PROTOCOL, TEMP, AMBIGUOUS = Fault.ROUTE_PERM, Fault.ROUTE_PROTOCOL, Fault.ROUTE_TEMP, Fault.AMBIGUOUS


def _minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.parametrize(
    ("events", "opened_by", "wait"),
    [
        pytest.param(each_second(AUTH), None, None, id="one refused sign-in"),
        pytest.param(each_second(AUTH, AUTH), AUTH, 15, id="two in a row"),
        pytest.param(each_second(AUTH, OK, AUTH), None, None, id="not in a row"),
        pytest.param(each_second(AUTH, TEMP, AUTH), AUTH, 15, id="an unreachable server has not accepted the password"),
        pytest.param((Mail(0, AUTH, "535 5.7.8 Account is disabled."),), AUTH, 15, id="disabled: one is enough"),
        pytest.param((Mail(0, AUTH, "525 5.7.13 user SUSPENDED"),), AUTH, 15, id="suspended"),
        pytest.param((Mail(0, AUTH, "535 mailbox locked"),), AUTH, 15, id="locked"),
        pytest.param((Mail(0, AUTH, "535 <locked@acme.example> wrong password"),), None, None, id="a name is no word"),
        pytest.param((Mail(0, AUTH, "535 5.7.8 wrong password"),), None, None, id="a wrong password: two are needed"),
        pytest.param(each_second(CERT), CERT, 15, id="a certificate: at once"),
        pytest.param(each_second(SENDER), None, None, id="one refused sender"),
        pytest.param(each_second(SENDER, SENDER), SENDER, 15, id="two refused senders"),
        pytest.param(each_second(PERM), None, None, id="one lasting refusal"),
        pytest.param(each_second(PERM, PERM), PERM, 15, id="two lasting refusals"),
        pytest.param((Mail(0, PERM, "address not allowed 10.0.0.1"),), PERM, 15, id="the address guard: at once"),
        pytest.param((Mail(0, PERM, "550 address not allowed"),), None, None, id="a server's words are no guard's"),
        pytest.param((Mail(0, SENDER, "address not allowed"),), None, None, id="nor are its words elsewhere"),
        pytest.param(each_second(PROTOCOL, PROTOCOL), None, None, id="garbage twice"),
        pytest.param(each_second(PROTOCOL, PROTOCOL, PROTOCOL), PROTOCOL, 15, id="garbage three times"),
        pytest.param(each_second(*[TEMP] * 4), None, None, id="four temporary failures"),
        pytest.param(each_second(*[TEMP] * 5), TEMP, 1, id="five in a row"),
        pytest.param(each_second(*[TEMP] * 4, OK, *[TEMP] * 4), None, None, id="twice four in a row"),
        pytest.param(each_second(TEMP, TEMP, AMBIGUOUS, TEMP, AMBIGUOUS), AMBIGUOUS, 1, id="counted together"),
        pytest.param(each_second(AUTH, CERT, *NEUTRAL), CERT, 15, id="what others cause changes nothing"),
    ],
)
def test_faults_wear_a_route_down(events: tuple[Mail, ...], opened_by: Fault | None, wait: float | None) -> None:
    health = lived(*events)
    assert (health.is_open, health.opened_by) == (opened_by is not None, opened_by)
    opened = next((at(e.second) for n, e in enumerate(events) if lived(*events[: n + 1]).is_open), None)
    assert health.opened_at == opened
    assert health.probe_at == (opened + _minutes(wait) if opened and wait else None)


@pytest.mark.parametrize(
    ("faults", "is_open"),
    [
        pytest.param((TEMP, OK) * 5, False, id="half of ten is not more than half"),
        pytest.param((TEMP, OK) * 4 + (OK, TEMP), False, id="nor when the tenth fails"),
        pytest.param((TEMP, OK) * 5 + (TEMP,), True, id="six of eleven"),
        pytest.param((TEMP, TEMP, OK) * 3, False, id="six of nine: too few to judge"),
        pytest.param((TEMP, TEMP, OK) * 3 + (TEMP,), True, id="seven of ten"),
        pytest.param((AMBIGUOUS, TEMP, OK) * 3 + (AMBIGUOUS,), True, id="ambiguous ends among them"),
        pytest.param(
            (OK,) * 40 + (TEMP, TEMP, OK) * 3 + (TEMP,), True, id="successes before the first are not counted"
        ),
        pytest.param((SENDER, OK) * 10, False, id="other classes have no share"),
    ],
)
def test_more_than_half_of_ten_or_more_in_five_minutes(faults: tuple[Fault, ...], *, is_open: bool) -> None:
    assert lived(*each_second(*faults)).is_open is is_open


def test_the_share_is_of_five_minutes() -> None:
    slowly = tuple(Mail(second * 60, fault) for second, fault in enumerate((TEMP, TEMP, OK) * 10))
    assert not lived(*slowly).is_open


def test_a_healthy_route_that_succeeds_has_nothing_to_write() -> None:
    assert HEALTHY.after(OK, NOW) is HEALTHY
    assert HEALTHY.after(OK, NOW, new_connection=False) is HEALTHY
    assert HEALTHY.after_probe(OK, NOW) is HEALTHY
    assert HEALTHY.begin_probe(NOW, LEASE) is HEALTHY
    seldom_failing = lived(Mail(0, TEMP), Mail(1, OK))
    assert seldom_failing.after_probe(OK, at(2)) is seldom_failing


def test_after_one_failure_successes_are_counted_for_a_while_and_then_no_more() -> None:
    health, writes = lived(Mail(0, TEMP)), 0
    for second in range(1, 200):
        after = health.after(OK, at(second))
        writes += after is not health
        health = after
    assert (health, writes) == (HEALTHY, 11)
    assert lived(Mail(0, TEMP), Mail(1, OK), Mail(301, OK)) == HEALTHY


@given(st.lists(st.sampled_from(NEUTRAL)), st.lists(st.sampled_from(COUNTED), max_size=6))
def test_recipients_messages_and_rate_never_count(neutral: list[Fault], before: list[Fault]) -> None:
    health = lived(*each_second(*before))
    assert all(health.after(fault, at(60), "550 5.7.1 disabled") is health for fault in neutral)


@pytest.mark.parametrize(
    ("events", "since"),
    [
        pytest.param((Mail(5, TEMP, "no such host"),), 5, id="said once"),
        pytest.param((Mail(5, TEMP, "no such host"), Mail(70, PERM, "no such host x.example")), 5, id="said twice"),
        pytest.param(
            (Mail(5, TEMP, "no such host"), Mail(9, TEMP, "name lookup failed")), 5, id="a resolver's failure"
        ),
        pytest.param((Mail(5, TEMP, "no such host"), Mail(9, OK)), None, id="found, mail accepted"),
        pytest.param(
            (Mail(5, TEMP, "no such host"), Mail(9, OK, "", False)), 5, id="a warm connection looks up nothing"
        ),
        pytest.param(
            (Mail(5, TEMP, "no such host"), Mail(9, SENDER, "550 no", new_connection=False)), 5, id="nor in a refusal"
        ),
        pytest.param((Mail(5, TEMP, "no such host"), Mail(9, TEMP, "connection refused")), None, id="found, not there"),
        pytest.param((Mail(5, TEMP, "450 no such host"),), None, id="a server's words"),
    ],
)
def test_an_unknown_name_is_remembered_until_it_is_found(events: tuple[Mail, ...], since: float | None) -> None:
    health = lived(*events)
    assert health.unknown_name_since == (None if since is None else at(since))
    if since is not None:
        assert health.name_was_unknown_by(at(since))
        assert not health.name_was_unknown_by(at(since - 1))


SAID = st.sampled_from(["", "535 account disabled", "address not allowed", *Trouble])
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("mail"), st.integers(0, 7200), st.sampled_from(Fault), SAID, st.booleans()),
        st.tuples(st.just("probe"), st.integers(0, 7200), st.sampled_from(Fault), SAID, st.booleans()),
        st.tuples(st.just("begin"), st.integers(0, 7200), st.just(OK), st.just(""), st.just(value=True)),
    ),
    max_size=40,
)


@given(EVENTS)
def test_whatever_happens_an_open_breaker_has_a_cause_and_a_trial_ahead(
    events: list[tuple[str, int, Fault, str, bool]],
) -> None:
    health, now = HEALTHY, NOW
    for what, seconds, fault, said, flag in events:
        now += timedelta(seconds=seconds)
        was_open = health.is_open
        match what:
            case "mail":
                health = health.after(fault, now, said, new_connection=flag)
            case "probe":
                health = health.after_probe(fault, now, said, carried_mail=flag)
            case _:
                health = health.begin_probe(now, LEASE)
        assert (health.probe_at is not None) is health.is_open
        assert was_open or not health.is_open or fault in COUNTED
        if health.is_open:
            assert health.probe_at
            assert health.probe_at <= now + timedelta(hours=6)
            assert health.opened_at
            assert health.window is None
            assert any(streak.fault is health.opened_by and streak.is_full for streak in health.streaks)
        assert RouteHealth.from_json(health.to_json()) == health
    assert not health.after(OK, now).is_open


OPEN = lived(Mail(0, TEMP, "no such host"), *[Mail(0, AUTH)] * 2).to_json()


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(None, id="no row"),
        pytest.param({}, id="an empty one"),
        pytest.param({"state": "ajar"}, id="no such state"),
        pytest.param({"state": "open"}, id="open without a trial ahead"),
        pytest.param(OPEN | {"probe_at": None}, id="the trial is lost"),
        pytest.param(OPEN | {"probe_at": "soon"}, id="no time"),
        pytest.param(OPEN | {"probe_at": "2026-11-20T21:00:00"}, id="a time without its zone"),
        pytest.param(OPEN | {"probe_at": 17}, id="a number for a time"),
        pytest.param(OPEN | {"state": "closed"}, id="closed with a trial ahead"),
        pytest.param(OPEN | {"streaks": []}, id="no cause"),
        pytest.param(
            OPEN | {"streaks": [{"fault": "RCPT_PERM", "times": 2, "since": OPEN["opened_at"]}]}, id="no fault of it"
        ),
        pytest.param(
            OPEN | {"streaks": [{"fault": "ROUTE_AUTH", "times": "2", "since": OPEN["opened_at"]}]}, id="no count"
        ),
        pytest.param(OPEN | {"streaks": 3}, id="a number for a list"),
        pytest.param({"window": "often"}, id="a word for a window"),
        pytest.param([1], id="a list for an object"),
    ],
)
def test_a_row_that_cannot_be_read_counts_as_nothing_known(row: Any) -> None:
    assert RouteHealth.from_json(row) == HEALTHY


def test_what_a_later_version_has_added_is_passed_over() -> None:
    assert RouteHealth.from_json(OPEN | {"colour": "amber"}).to_json() == OPEN
    assert HEALTHY.to_json() == {"state": "closed"}
