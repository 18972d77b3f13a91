"""Buckets of tokens: however they are asked, they never grant more than they hold and gain."""

from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from portal.domain.token_bucket import NO_WAIT, Limit

START: Final = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LIMITS = st.builds(
    Limit,
    name=st.just("tries"),
    most=st.integers(1, 20),
    span=st.integers(1, 3600).map(lambda seconds: timedelta(seconds=seconds)),
)
PAUSES = st.lists(st.integers(0, 600_000).map(lambda ms: timedelta(milliseconds=ms)), max_size=60)
SLACK: Final = timedelta(milliseconds=1)  # the span's parts are cut to microseconds


def granted(limit: Limit, pauses: list[timedelta]) -> list[datetime]:
    """When tokens were taken by somebody who asks after each of these pauses."""
    full_at, now, taken = None, START, []
    for pause in pauses:
        now += pause
        if limit.wait(full_at, now) == NO_WAIT:
            full_at = limit.after_taking(full_at, now)
            taken.append(now)
    return taken


@given(LIMITS, PAUSES)
def test_in_no_span_is_more_granted_than_a_full_bucket_and_what_it_gains_meanwhile(
    limit: Limit, pauses: list[timedelta]
) -> None:
    taken = granted(limit, pauses)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            gained = (taken[last] - taken[first] + SLACK) * limit.most / limit.span
            assert last - first + 1 <= limit.most + gained


@given(LIMITS)
def test_a_new_bucket_grants_all_it_holds_at_once_and_then_one_after_the_other(limit: Limit) -> None:
    assert len(granted(limit, [NO_WAIT] * (limit.most + 5))) == limit.most
    each = limit.span / limit.most + timedelta(microseconds=1)
    assert len(granted(limit, [NO_WAIT] * limit.most + [each] * 5)) == limit.most + 5


@given(LIMITS, PAUSES)
def test_who_waits_as_long_as_told_is_granted_one(limit: Limit, pauses: list[timedelta]) -> None:
    full_at, now = None, START
    for pause in pauses:
        now += pause + limit.wait(full_at, now + pause)
        assert limit.wait(full_at, now) == NO_WAIT
        full_at = limit.after_taking(full_at, now)


@given(LIMITS, st.integers(0, 19))
def test_a_token_that_is_put_back_counts_as_never_taken(limit: Limit, before: int) -> None:
    full_at: datetime = START
    for _ in range(min(before, limit.most - 1)):
        full_at = limit.after_taking(full_at, START)
    assert limit.after_giving_back(limit.after_taking(full_at, START), START) == full_at


@given(LIMITS)
def test_a_token_put_back_into_a_full_bucket_makes_it_no_fuller(limit: Limit) -> None:
    later = START + 2 * limit.span
    assert limit.after_giving_back(limit.after_taking(None, START), later) == later
