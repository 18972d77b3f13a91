"""When a tenant's admins are told about their route, and when they are told that it works again."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.routing.fault_traits import TRAITS, Alert, Fault
from portal.domain.routing.route_alerts import alert_due, next_look, recovery_to_tell
from portal.domain.routing.route_health import RouteHealth
from portal.domain.routing.route_pace import RoutePace

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
HEALTHY, FREE = RouteHealth(), RoutePace()
OK, AUTH, CERT, SENDER, PERM = Fault.OK, Fault.ROUTE_AUTH, Fault.ROUTE_CERT, Fault.ROUTE_SENDER, Fault.ROUTE_PERM
TEMP, AMBIGUOUS, RATE = Fault.ROUTE_TEMP, Fault.AMBIGUOUS, Fault.RATE
DAY = 86_400
QUOTA = "550 5.4.5 Daily user sending limit exceeded"


def _at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@dataclass
class Route:
    """A route and its admins: after each event, and whenever a look is due, they are told what is due.

    A trial ends as the event in its very second says, else as before.
    """

    health: RouteHealth = HEALTHY
    pace: RoutePace = FREE
    told: dict[str, datetime] = field(default_factory=dict)
    log: list[tuple[float, str]] = field(default_factory=list)
    now: float = 0

    def live(
        self, *events: tuple[float, Fault, str] | tuple[float, Fault], until: float = 0
    ) -> list[tuple[float, str]]:
        """Mail at these seconds (a trial, where one is due); what the admins were told, and when."""
        for second, fault, *said in events:
            self._look_until(second)
            self._experience(fault, *said)
            self._tell()
        self._look_until(until)
        return self.log

    def _experience(self, fault: Fault, said: str = "") -> None:
        before, now = self.health, _at(self.now)
        if before.probe_is_due(now):
            self.health = before.after_probe(fault, now, said)
        else:
            self.health = before.after(fault, now, said)
        self.pace = self.pace.after(fault, now, 4, None, said)
        if recovery_to_tell(before, self.health, self.told):
            self.log.append((self.now, "recovered"))

    def _look_until(self, second: float) -> None:
        while (look := next_look(self.health, self.pace, self.told, _at(self.now))) and look <= _at(second):
            self.now = max(self.now, (look - NOW).total_seconds())
            if self.now == second and self.health.probe_is_due(look):
                break  # the event at this second is the trial
            if self.health.probe_is_due(look) and self.health.opened_by:
                self._experience(self.health.opened_by)
            self._tell()
        self.now = max(self.now, second)

    def _tell(self) -> None:
        while (fault := alert_due(self.health, self.pace, self.told, _at(self.now))) is not None:
            self.log.append((self.now, fault))
            self.told[fault] = _at(self.now)


@pytest.mark.parametrize("fault", [fault for fault, traits in TRAITS.items() if traits.alert is Alert.AT_ONCE])
def test_the_first_lasting_refusal_is_told_at_once(fault: Fault) -> None:
    assert Route().live((0, fault)) == [(0, fault)]


@pytest.mark.parametrize("fault", [f for f in Fault if f.traits.health is None and f is not RATE])
def test_what_says_nothing_of_the_route_is_not_told(fault: Fault) -> None:
    assert Route().live(*[(n, fault) for n in range(30)], until=3 * DAY) == []


@pytest.mark.parametrize(
    ("events", "told"),
    [
        pytest.param([(0, TEMP)], [], id="one temporary failure"),
        pytest.param([(n, TEMP) for n in range(5)], [(604, TEMP)], id="unhealthy for ten minutes"),
        pytest.param([*[(n, TEMP) for n in range(5)], (300, OK)], [], id="not for as long"),
        pytest.param([(n, AMBIGUOUS) for n in range(5)], [(604, AMBIGUOUS)], id="ambiguous ends"),
        pytest.param([(n, AUTH) for n in range(5)], [(0, AUTH)], id="once"),
        pytest.param([(0, AUTH), (5, CERT), (9, AUTH)], [(0, AUTH), (5, CERT)], id="each class"),
        pytest.param([(0, AUTH), (5, OK)], [(0, AUTH), (5, "recovered")], id="over, and told"),
        pytest.param([(0, AUTH), (5, OK), (9, AUTH)], [(0, AUTH), (5, "recovered")], id="again the same day"),
        pytest.param(
            [(0, AUTH), (5, OK), (9, AUTH), (12, OK)], [(0, AUTH), (5, "recovered")], id="what was not told is not over"
        ),
        pytest.param([(0, SENDER), (DAY + 9, SENDER)], [(0, SENDER), (DAY + 9, SENDER)], id="and opened the next day"),
        pytest.param(
            [(0, AUTH), (5, OK), (DAY + 9, AUTH)],
            [(0, AUTH), (5, "recovered"), (DAY + 9, AUTH)],
            id="again the next day",
        ),
        pytest.param([(0, SENDER), (1, SENDER), (901, OK)], [(0, SENDER)], id="a sign-in shows no sender"),
        pytest.param(
            [(0, SENDER), (1, SENDER), (901, OK), (950, OK)],
            [(0, SENDER), (950, "recovered")],
            id="accepted mail does",
        ),
        pytest.param(
            [(0, AUTH), (1, AUTH), (901, OK)], [(0, AUTH), (901, "recovered")], id="a sign-in shows the password"
        ),
        pytest.param(
            [*[(n, TEMP) for n in range(5)], (64, OK), (70, TEMP)],
            [(604, TEMP)],
            id="trials that succeed while no mail is accepted do not hide it",
        ),
    ],
)
def test_what_the_admins_are_told_within_a_day(
    events: list[tuple[float, Fault]], told: list[tuple[float, str]]
) -> None:
    assert Route().live(*events, until=max(DAY - 60, events[-1][0])) == told


def test_what_goes_on_is_told_again_each_day() -> None:
    route = Route()
    told = route.live((0, CERT), *[(day * DAY + 43_200, CERT) for day in range(3)])
    assert told == [(0, CERT), (DAY, CERT), (2 * DAY, CERT)]


def test_a_single_failure_without_any_mail_since_is_not_told_again() -> None:
    assert Route().live((0, AUTH), until=9 * DAY) == [(0, AUTH)]


@pytest.mark.parametrize(
    ("events", "told"),
    [
        pytest.param([(0, RATE)], [], id="too fast, once"),
        pytest.param([(0, RATE, QUOTA)], [(0, RATE)], id="a daily quota"),
        pytest.param([(n * 600, RATE) for n in range(6)], [], id="for less than an hour"),
        pytest.param([(n * 600, RATE) for n in range(7)], [], id="for an hour"),
        pytest.param([(n * 601, RATE) for n in range(7)], [(3606, RATE)], id="for more than an hour"),
        pytest.param([(n * 601, RATE) for n in range(30)], [(3606, RATE)], id="once"),
        pytest.param([(n * 601, (RATE, OK)[n % 2]) for n in range(30)], [], id="recovered between"),
        pytest.param([(0, RATE), (8000, RATE), (16_000, RATE)], [], id="now and then"),
        pytest.param(
            [(n * 3600, RATE, QUOTA) for n in range(50)], [(0, RATE), (DAY, RATE), (2 * DAY, RATE)], id="days"
        ),
    ],
)
def test_a_server_that_keeps_slowing_us_down(events: list[tuple[float, Fault]], told: list[tuple[float, str]]) -> None:
    assert Route().live(*events) == told


def test_when_a_route_has_to_be_looked_at() -> None:
    def look(health: RouteHealth, told: dict[str, datetime], at: float = 0) -> float | None:
        due = next_look(health, FREE, told, _at(at))
        return None if due is None else (due - NOW).total_seconds()

    assert look(HEALTHY, {}) is None
    once = HEALTHY.after(AUTH, NOW)
    assert (look(once, {}), look(once, {AUTH: NOW})) == (0, None)
    opened = once.after(AUTH, NOW)
    assert (look(opened, {}), look(opened, {AUTH: NOW})) == (0, 900)
    assert look(opened, {AUTH: NOW}, 2000) == 2000
    trying = opened.begin_probe(_at(900), timedelta(seconds=30))
    assert look(trying, {AUTH: NOW}, 900) == 930
    assert look(opened.after_probe(AUTH, _at(900)), {AUTH: _at(2000 - DAY)}, 900) == 2000
    away = HEALTHY
    for _ in range(5):
        away = away.after(TEMP, NOW)
    assert look(away.after_probe(TEMP, _at(500)), {}, 500) == 600


def test_of_two_that_are_due_the_first_is_told_first() -> None:
    health = HEALTHY.after(AUTH, NOW).after(CERT, _at(5))
    assert alert_due(health, FREE, {}, _at(9)) is AUTH
    assert alert_due(health, FREE, {AUTH: _at(9)}, _at(9)) is CERT


def test_an_open_breaker_is_no_recovery() -> None:
    before = HEALTHY.after(AUTH, NOW).after(AUTH, NOW).after(SENDER, _at(1))
    after = before.after(OK, _at(9), new_connection=False)
    assert not recovery_to_tell(before, after, {AUTH: _at(-600), SENDER: _at(1)})


def test_both_told_are_over_together() -> None:
    route = Route()
    told = route.live((0, AUTH), (1, AUTH), (2, SENDER), (3, SENDER), (901, OK), (911, OK))
    assert told == [(0, AUTH), (2, SENDER), (911, "recovered")]


def test_recovery_from_what_was_told_does_not_wait_for_what_was_not() -> None:
    route = Route()
    told = route.live((0, AUTH), (1, AUTH), (901, TEMP), (961, OK))
    assert told == [(0, AUTH), (961, "recovered")]


@given(st.lists(st.tuples(st.integers(0, 20_000), st.sampled_from(Fault)), max_size=60))
def test_each_class_is_told_once_a_day_at_most_and_recovery_only_after_a_failure(
    steps: list[tuple[int, Fault]],
) -> None:
    now, events = 0, []
    for step, fault in steps:
        now += step
        events.append((now, fault))
    log = Route().live(*events, until=now + DAY)
    for fault in Fault:
        times = [second for second, what in log if what is fault]
        assert all(later - earlier >= DAY for earlier, later in pairwise(times))
    recovered = [n for n, (_, what) in enumerate(log) if what == "recovered"]
    for earlier, later in pairwise([-1, *recovered]):
        assert any(what != RATE for _, what in log[earlier + 1 : later])
