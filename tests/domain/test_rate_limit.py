"""A provider's cap as the tenant has set it: never exceeded in any window, and nearly all of it used."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.routing.rate_limit import Period, RateLimit, RateUse

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
LENGTHS = {
    "per_second": timedelta(seconds=1),
    "per_minute": timedelta(minutes=1),
    "per_day": timedelta(days=1),
}
CAPS = st.one_of(st.none(), st.integers(1, 30))
LIMITS = st.builds(RateLimit, CAPS, CAPS, CAPS)
STEPS = st.one_of(st.integers(0, 400_000), st.integers(0, 40_000_000), st.integers(0, 50_000_000_000))
"""Microseconds: within a second, within a minute, within a day."""
UNUSED = RateUse()


def _most_in_a_window(grants: list[tuple[datetime, int]], length: timedelta) -> int:
    """The most grants in any closed window: one that begins with a grant is never beaten."""
    return max((sum(n for at, n in grants if begins <= at <= begins + length) for begins, _ in grants), default=0)


def _assert_kept(limit: RateLimit, grants: list[tuple[datetime, int]]) -> None:
    for name, length in LENGTHS.items():
        cap = getattr(limit, name)
        assert cap is None or _most_in_a_window(grants, length) <= cap, name


@given(LIMITS, st.lists(st.tuples(STEPS, st.integers(1, 40)), max_size=60))
def test_no_window_of_any_period_holds_more_than_its_cap(limit: RateLimit, takes: list[tuple[int, int]]) -> None:
    use, now, grants = UNUSED, NOW, []
    for step, wanted in takes:
        now += timedelta(microseconds=step)
        use, granted, next_at = use.take(limit, wanted, now)
        assert 0 <= granted <= wanted
        assert (next_at is None) is (granted == wanted)
        assert next_at is None or next_at > now
        assert RateUse.from_json(use.to_json()) == use
        grants.append((now, granted))
    _assert_kept(limit, grants)


@given(LIMITS, st.lists(st.tuples(STEPS, st.integers(1, 40)), max_size=60))
def test_nor_when_everything_is_taken_as_soon_as_it_may_be(limit: RateLimit, takes: list[tuple[int, int]]) -> None:
    use, now, grants = UNUSED, NOW, []
    for step, wanted in takes:
        use, granted, next_at = use.take(limit, wanted, now)
        grants.append((now, granted))
        if next_at is not None:
            assert use.take(limit, 1, next_at - timedelta(microseconds=1))[1] == 0
            assert use.take(limit, 1, next_at)[1] == 1
        now = next_at or now + timedelta(microseconds=step % 1000)
    _assert_kept(limit, grants)


@given(LIMITS, st.lists(st.tuples(STEPS, STEPS, st.integers(1, 40)), max_size=40))
def test_a_clock_set_back_grants_no_more(limit: RateLimit, takes: list[tuple[int, int, int]]) -> None:
    use, now, grants, behind = UNUSED, NOW, [], timedelta()
    for step, back, wanted in takes:
        now += timedelta(microseconds=step)
        behind += timedelta(microseconds=back if back % 3 == 0 else 0)
        use, granted, _ = use.take(limit, wanted, now - behind)
        grants.append((now, granted))
    _assert_kept(limit, grants)


@pytest.mark.parametrize(("name", "period"), [*zip(LENGTHS, Period, strict=True)])
def test_what_was_taken_at_the_very_end_of_a_sub_window_counts_for_its_whole_period(name: str, period: Period) -> None:
    tick = (int(NOW.timestamp()) * 1_000_000 // period.value) * period.value - 1
    now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=tick)
    _, _, next_at = UNUSED.take(replace(RateLimit(), **{name: 3}), 4, now)
    assert next_at
    assert next_at - now > LENGTHS[name]


def test_a_clock_set_back_by_an_hour_stops_nothing() -> None:
    limit = RateLimit(per_second=5)
    use, granted, _ = UNUSED.take(limit, 5, NOW)
    back = NOW - timedelta(hours=1)
    use, refused, next_at = use.take(limit, 5, back)
    assert (granted, refused) == (5, 0)
    assert next_at
    assert back < next_at <= back + timedelta(seconds=1.1)
    assert use.take(limit, 5, next_at)[1] == 5


def test_a_clock_corrected_back_and_forth_is_the_right_time_again() -> None:
    limit = RateLimit(per_minute=6)
    use, _, _ = UNUSED.take(limit, 6, NOW)
    for second in range(1, 60):
        use, granted, _ = use.take(limit, 6, NOW + timedelta(seconds=second - (20 if second % 2 else 0)))
        assert granted == 0
    assert use.take(limit, 6, NOW + timedelta(seconds=66))[1] == 6


@pytest.mark.parametrize("name", LENGTHS)
@pytest.mark.parametrize("cap", [1, 2, 3, 7, 14, 100, 1000])
@pytest.mark.parametrize("every", ["as soon as it may be", "twenty times a period"])
def test_nearly_all_of_a_cap_can_be_used(name: str, cap: int, every: str) -> None:
    limit, length = replace(RateLimit(), **{name: cap}), LENGTHS[name]
    use, now, used, ends = UNUSED, NOW, 0, NOW + 20 * length
    while now < ends:
        use, granted, next_at = use.take(limit, cap, now)
        used += granted
        now = now + length / 20 if every != "as soon as it may be" or next_at is None else next_at
    assert used >= 0.85 * cap * 20


def test_the_narrowest_cap_decides() -> None:
    limit = RateLimit(per_second=3, per_minute=5)
    use, first, second_later = UNUSED.take(limit, 10, NOW)
    assert second_later
    assert second_later - NOW <= timedelta(seconds=1.1)
    use, second, minute_later = use.take(limit, 10, second_later)
    assert minute_later
    assert minute_later - NOW > timedelta(minutes=1)
    assert (first, second) == (3, 2)


def test_without_a_cap_everything_is_granted_and_nothing_written() -> None:
    assert UNUSED.take(RateLimit(), 10_000, NOW) == (UNUSED, 10_000, None)
    assert UNUSED.take(RateLimit(per_day=3), 0, NOW) == (UNUSED, 0, None)


def test_a_refusal_has_nothing_to_write() -> None:
    use, _, _ = UNUSED.take(RateLimit(per_day=3), 5, NOW)
    assert use.take(RateLimit(per_day=3), 5, NOW + timedelta(hours=1))[0] is use


def test_a_cap_that_was_lowered_counts_what_was_sent_before() -> None:
    use, _, _ = UNUSED.take(RateLimit(per_day=100), 30, NOW)
    use, _, _ = use.take(RateLimit(per_day=100), 50, NOW + timedelta(hours=3))
    use, granted, next_at = use.take(RateLimit(per_day=50), 1, NOW + timedelta(hours=5))
    assert granted == 0
    assert next_at
    assert use.take(RateLimit(per_day=50), 60, next_at)[1] == 50


@pytest.mark.parametrize("caps", [(0, None, None), (None, -1, None), (None, None, 0)])
def test_a_cap_is_at_least_one(caps: tuple[int | None, int | None, int | None]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        RateLimit(*caps)


@given(LIMITS, st.lists(st.tuples(STEPS, st.integers(1, 40), st.integers(0, 40), STEPS), max_size=40))
def test_what_was_given_back_makes_room_for_just_as_much(
    limit: RateLimit, takes: list[tuple[int, int, int, int]]
) -> None:
    use, now, grants = UNUSED, NOW, []
    for step, wanted, unused, later in takes:
        now += timedelta(microseconds=step)
        use, granted, _ = use.take(limit, wanted, now)
        use = use.give_back(min(unused, granted), now)
        grants.append((now, granted - min(unused, granted)))
        now += timedelta(microseconds=later)
    _assert_kept(limit, grants)


def test_giving_back_late_makes_no_room_where_others_have_sent() -> None:
    limit = RateLimit(per_second=10)
    use, _, _ = UNUSED.take(limit, 10, NOW)
    later = NOW + timedelta(seconds=1.5)
    use, granted, _ = use.take(limit, 10, later)
    use = use.give_back(10, NOW)
    assert (granted, use.take(limit, 10, later)[1]) == (10, 0)
    assert use.give_back(10, later).take(limit, 10, later)[1] == 10


def test_what_was_taken_after_the_clock_was_set_back_can_be_given_back() -> None:
    limit = RateLimit(per_minute=10)
    back = NOW - timedelta(hours=1)
    use, _, _ = UNUSED.take(limit, 4, NOW)
    use, granted, _ = use.take(limit, 6, back)
    assert (granted, use.give_back(6, back).take(limit, 10, back)[1]) == (6, 6)
    assert use.give_back(4, NOW).take(limit, 10, back)[1] in {0, 4}


def test_giving_nothing_back_has_nothing_to_write() -> None:
    use, _, _ = UNUSED.take(RateLimit(per_day=3), 2, NOW)
    assert use.give_back(0, NOW) is use
    assert use.give_back(-3, NOW) is use


@pytest.mark.parametrize(
    "row",
    [
        None,
        {},
        {"second": 3},
        {"second": [3]},
        {"day": [[1, 0]]},
        {"minute": [["1", 2]]},
        {"seen": "now"},
        [1],
        {"x": 1},
    ],
)
def test_a_row_that_cannot_be_read_counts_as_nothing_used(row: Any) -> None:
    assert RateUse.from_json(row) == UNUSED


def test_a_row_is_small() -> None:
    use, limit, now = UNUSED, RateLimit(10, 100, 10_000), NOW
    for _ in range(10_000):
        use, _, _ = use.take(limit, 3, now)
        now += timedelta(seconds=30)
    assert len(str(use.to_json())) < 600
