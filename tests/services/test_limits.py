"""Limits that hold across processes."""

from datetime import timedelta
from threading import Barrier, Thread
from typing import Final

from portal.domain.token_bucket import NO_WAIT, Limit
from portal.services import limits
from portal.services.clock import utc_now
from portal.wiring import Waypost

THREE: Final = Limit("three an hour", 3, timedelta(hours=1))
ANOTHER: Final = Limit("another", 3, timedelta(hours=1))
NOW: Final = utc_now()


def take(waypost: Waypost, subject: str = "ada", limit: Limit = THREE) -> timedelta:
    with waypost.database.transaction() as session:
        return limits.take(session, limit, subject, NOW)


def wait(waypost: Waypost, subject: str = "ada") -> timedelta:
    with waypost.database.reading() as session:
        return limits.wait_for(session, THREE, subject, NOW)


def test_what_is_empty_says_how_long_to_wait_and_looking_takes_nothing(waypost: Waypost) -> None:
    assert [take(waypost) for _ in range(3)] == [NO_WAIT] * 3
    assert take(waypost) == wait(waypost) == wait(waypost) == timedelta(minutes=20)


def test_buckets_of_others_and_of_other_limits_are_full_still(waypost: Waypost) -> None:
    for _ in range(4):
        take(waypost)
    assert take(waypost, "bob") == take(waypost, limit=ANOTHER) == NO_WAIT


def test_what_is_put_back_can_be_taken_again(waypost: Waypost) -> None:
    for _ in range(3):
        take(waypost)
    with waypost.database.transaction() as session:
        limits.give_back(session, THREE, "ada", NOW)
    assert [take(waypost), take(waypost)] == [NO_WAIT, timedelta(minutes=20)]


def test_a_token_goes_back_with_the_transaction_it_was_taken_in(waypost: Waypost) -> None:
    with waypost.database.transaction() as session:
        limits.take(session, THREE, "ada", NOW)
        session.rollback()
    assert [take(waypost) for _ in range(4)] == [*[NO_WAIT] * 3, timedelta(minutes=20)]


def test_of_two_who_reach_for_the_last_token_at_once_one_gets_it(waypost: Waypost) -> None:
    for round_ in range(5):
        subject, at_once = f"round {round_}", Barrier(2)
        got: list[timedelta] = []
        take(waypost, subject)
        take(waypost, subject)

        def reach(subject: str = subject, at_once: Barrier = at_once, got: list[timedelta] = got) -> None:
            at_once.wait()
            got.append(take(waypost, subject))

        threads = [Thread(target=reach) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(got) == [NO_WAIT, timedelta(minutes=20)]
