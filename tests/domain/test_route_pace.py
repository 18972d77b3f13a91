"""How fast a route may be used after its server has asked us to slow down."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.route_pace import RoutePace

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
FREE = RoutePace()
OK, RATE = Fault.OK, Fault.RATE
OTHERS = [fault for fault in Fault if fault not in {OK, RATE}]


def _at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def _lived(*events: tuple[float, Fault], cap: int = 8, pace: RoutePace = FREE) -> RoutePace:
    for second, fault in events:
        pace = pace.after(fault, _at(second), cap)
    return pace


@pytest.mark.parametrize(
    ("events", "second", "allowed"),
    [
        pytest.param([], 0, 8, id="nothing said"),
        pytest.param([(0, RATE)], 4.9, 0, id="too fast: a pause of 5 seconds"),
        pytest.param([(0, RATE)], 5, 4, id="then half the connections"),
        pytest.param([(0, RATE), (6, RATE)], 15.9, 0, id="again: 10 seconds"),
        pytest.param([(0, RATE), (6, RATE)], 16, 2, id="a quarter"),
        pytest.param([(0, RATE), (6, RATE), (20, RATE), (60, RATE)], 100, 1, id="at least one"),
        pytest.param([(0, RATE), (0.1, RATE), (4, RATE)], 5, 4, id="said to three at the same time: once"),
        pytest.param([(0, RATE), (1, OK), (6, RATE)], 15.9, 0, id="a success begun before the pause says nothing"),
        pytest.param([(0, RATE), (6, OK), (7, RATE)], 12, 2, id="a success ends the streak: 5 seconds again"),
        pytest.param([(0, RATE), (59, OK)], 60, 4, id="not yet a minute"),
        pytest.param([(0, RATE), (60, OK)], 60, 5, id="a minute: one more"),
        pytest.param([(0, RATE), (60, OK), (90, OK)], 90, 5, id="one a minute"),
        pytest.param([(0, RATE), (60, OK), (120, OK), (180, OK)], 180, 7, id="three minutes"),
        pytest.param([(0, RATE), (3600, OK)], 3600, 8, id="an hour: all"),
        pytest.param([(0, RATE), (3600, RATE)], 3610, 2, id="nothing succeeded meanwhile"),
        pytest.param([(0, RATE), (3606, RATE)], 3611, 4, id="after an hour of silence anew"),
    ],
)
def test_connections_and_pauses(events: list[tuple[float, Fault]], second: float, allowed: int) -> None:
    assert _lived(*events).allowed(8, _at(second)) == allowed


def test_pauses_double_up_to_ten_minutes() -> None:
    pace, now, pauses = FREE, NOW, []
    for _ in range(9):
        pace = pace.after(RATE, now, 4)
        assert pace.paused_until
        pauses.append((pace.paused_until - now).total_seconds())
        now = pace.paused_until
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600]


def test_a_named_time_is_kept_and_can_prolong_a_pause_but_not_cut_it() -> None:
    named = FREE.after(RATE, NOW, 8, _at(1800))
    assert [named.allowed(8, _at(second)) for second in (1799, 1800)] == [0, 4]
    assert named.after(RATE, _at(10), 8, _at(900)) is named
    longer = named.after(RATE, _at(10), 8, _at(3600))
    assert (longer.paused_until, longer.connections, longer.throttles) == (_at(3600), 4, 1)
    assert FREE.after(RATE, NOW, 8, _at(-10)).paused_until == _at(5)
    assert FREE.after(RATE, NOW, 8, NOW + timedelta(days=9)).paused_until == NOW + timedelta(hours=6)


def test_all_is_as_before_once_every_connection_is_back() -> None:
    pace = _lived((0, RATE), *[(second, OK) for second in range(5, 250, 5)])
    assert pace == FREE
    assert pace.after(OK, _at(300), 8) is pace
    assert _lived((0, RATE), (60, OK), cap=1) == FREE


def test_a_lower_cap_counts_at_once() -> None:
    pace = _lived((0, RATE), cap=8)
    assert pace.allowed(3, _at(10)) == 3
    assert pace.after(RATE, _at(10), 2).allowed(2, _at(60)) == 1


@pytest.mark.parametrize(
    ("said", "is_daily"),
    [
        ("550 5.4.5 Daily user sending limit exceeded", True),
        ("454 Throttling failure: Daily message quota exceeded.", True),
        ("451 Authentication failed: Maximum credits exceeded", True),
        ("550 5.1.90 more than 10000 recipients in 24 hours", True),
        ("421 4.7.0 too many concurrent connections", False),
        ("450 hourly quota exceeded", False),
    ],
)
def test_a_daily_quota_is_known_by_its_words(said: str, *, is_daily: bool) -> None:
    assert FREE.after(RATE, NOW, 4, None, said).is_daily_quota is is_daily
    assert FREE.after(RATE, NOW, 4, None, said).after(RATE, _at(9), 4).is_daily_quota is is_daily
    assert _lived((0, RATE), cap=4).after(RATE, _at(1), 4, None, said).is_daily_quota is is_daily


@given(st.lists(st.sampled_from(OTHERS)), st.lists(st.tuples(st.floats(0, 9e4), st.sampled_from([OK, RATE]))))
def test_other_faults_say_nothing_of_the_pace(others: list[Fault], before: list[tuple[float, Fault]]) -> None:
    pace = _lived(*sorted(before))
    assert all(pace.after(fault, _at(1e5), 8) is pace for fault in others)


@given(st.lists(st.tuples(st.floats(-4000, 4000), st.sampled_from(Fault), st.integers(1, 9)), max_size=40))
def test_whatever_happens_a_route_is_paused_for_hours_at_most_and_never_given_more_than_its_cap(
    events: list[tuple[float, Fault, int]],
) -> None:
    pace, now = FREE, NOW
    for seconds, fault, cap in events:
        now += timedelta(seconds=seconds)  # backwards, too
        after = pace.after(fault, now, cap, now + timedelta(seconds=abs(seconds)))
        assert (after is pace) == (after == pace)
        pace = after
        assert 0 <= pace.allowed(cap, now) <= cap
        assert 1 <= pace.allowed(cap, now + timedelta(hours=6)) <= cap
        assert RoutePace.from_json(pace.to_json()) == pace


def test_a_clock_set_back_delays_recovery_by_no_more_than_a_minute() -> None:
    pace = _lived((0, RATE), (-3600, OK), (-3540, OK))
    assert pace.allowed(8, _at(-3540)) == 5


THROTTLED = _lived((0, RATE)).to_json()


@pytest.mark.parametrize(
    "row",
    [
        None,
        {},
        {"connections": 0},
        {"connections": 2},
        THROTTLED | {"connections": "2"},
        THROTTLED | {"throttles": -1},
        THROTTLED | {"throttles": True},
        THROTTLED | {"changed_at": None},
        THROTTLED | {"throttled_since": "yesterday"},
        THROTTLED | {"throttled_at": "2026-11-20T21:00:00"},
        ["connections"],
    ],
)
def test_a_row_that_cannot_be_read_counts_as_nothing_known(row: Any) -> None:
    assert RoutePace.from_json(row) == FREE


def test_what_a_later_version_has_added_is_passed_over() -> None:
    assert RoutePace.from_json(THROTTLED | {"colour": "amber"}) == _lived((0, RATE))
    assert FREE.to_json() == {}
