"""Group commit: many connections share a commit, none suffers from another, and none is forgotten."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from portal.domain.audit_events import COMMAND_LINE, AuditAction, AuditEvent
from portal.services.clock import utc_now
from portal.services.group_commit import GroupCommit
from portal.storage import audit_log, migrations
from portal.storage.audit_log import AuditRow
from portal.storage.database import Database
from tests.support.postgresql import PostgreSql

Commits = GroupCommit[str, str]


def write(session: Session, items: Sequence[str]) -> list[str | Exception]:
    """An item is a word to note; one has no place, and one breaks the transaction."""
    results: list[str | Exception] = []
    for item in items:
        if item == "has no place":
            results.append(LookupError())
            continue
        facts = {"word": item}
        audit_log.append(session, AuditEvent(AuditAction.SIGNED_IN, utc_now(), COMMAND_LINE, facts=facts))
        if item == "breaks":
            raise ZeroDivisionError
        results.append(item.upper())
    return results


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database.at(database_url)
    migrations.upgrade(opened)
    yield opened
    opened.close()


def noted(database: Database) -> list[str]:
    with database.reading() as session:
        return [facts["word"] for facts in session.scalars(select(AuditRow.facts).order_by(AuditRow.id))]


@asynccontextmanager
async def running(database: Database, sizes: list[int] | None = None) -> AsyncIterator[Commits]:
    """Group commits at work; ``sizes`` collects how many items each has had."""
    with ThreadPoolExecutor(1) as executor:
        gather = sizes if sizes is not None else []
        commits = Commits(database, executor, write, committed=lambda items, _seconds: gather.append(items))
        task = asyncio.create_task(commits.run())
        try:
            yield commits
            async with asyncio.timeout(10):
                await commits.drained()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


Outcome = str | type[BaseException]


async def outcomes_of(items: Iterable[Awaitable[str]]) -> list[Outcome]:
    """Of each its result, or the kind of its exception."""
    found = await asyncio.gather(*items, return_exceptions=True)
    return [type(one) if isinstance(one, BaseException) else one for one in found]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (["a"], ["A"]),
        (["a", "has no place", "b"], ["A", LookupError, "B"]),
        (["a", "breaks", "b"], ["A", ZeroDivisionError, "B"]),
        (["breaks", "has no place", "breaks", "a"], [ZeroDivisionError, LookupError, ZeroDivisionError, "A"]),
        (["breaks"], [ZeroDivisionError]),
    ],
    ids=str,
)
def test_each_item_has_its_own_outcome_and_takes_no_other_with_it(
    database: Database, items: list[str], expected: list[Outcome]
) -> None:
    async def commit_all() -> list[Outcome]:
        async with running(database) as commits:
            return await outcomes_of(map(commits.commit, items))

    assert asyncio.run(commit_all()) == expected
    assert noted(database) == [item for item in items if len(item) == 1]


def test_what_comes_at_the_same_time_shares_a_commit_in_its_order(database: Database) -> None:
    sizes: list[int] = []
    words = [f"{number:04}" for number in range(1200)]

    async def commit_all() -> None:
        async with running(database, sizes) as commits:
            await asyncio.gather(*map(commits.commit, words))

    asyncio.run(commit_all())

    assert noted(database) == words
    assert sum(sizes) == 1200
    assert len(sizes) <= 5
    assert max(sizes) <= 500  # so that nobody holds the database for long


def test_an_item_is_answered_after_its_commit(database: Database) -> None:
    async def commit_one_by_one() -> None:
        async with running(database) as commits:
            for count in range(1, 4):
                await commits.commit("x")
                assert len(noted(database)) == count

    asyncio.run(commit_one_by_one())


def test_whoever_stops_waiting_does_not_hold_up_the_others(database: Database) -> None:
    async def cancel_one() -> str:
        async with running(database) as commits:
            waiting = [asyncio.create_task(commits.commit(item)) for item in ("a", "breaks", "b")]
            await asyncio.sleep(0)
            waiting[0].cancel()
            waiting[1].cancel()
            return await waiting[2]

    assert asyncio.run(cancel_one()) == "B"
    assert noted(database) == ["a", "b"]  # who has gone may have been told that it is kept


# A database that does not answer


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


async def outlives(database: Database, trouble: AbstractContextManager[None]) -> None:
    """What is to be written while there is trouble is written after it, and answered then and not before."""
    async with running(database) as commits:
        assert await commits.commit("before") == "BEFORE"
        with trouble:
            waiting = [asyncio.create_task(commits.commit(item)) for item in ("a", "has no place", "breaks")]
            drained = asyncio.create_task(commits.drained())
            await until(lambda: commits.is_stuck)
            waiting.append(asyncio.create_task(commits.commit("b")))
            await asyncio.sleep(0.2)
            assert not any(task.done() for task in (*waiting, drained))
        async with asyncio.timeout(20):
            await drained
        assert await outcomes_of(waiting) == ["A", LookupError, ZeroDivisionError, "B"]
        assert not commits.is_stuck
    assert noted(database) == ["before", "a", "b"]


@pytest.fixture
def hurried(database: Database, database_url: str) -> Iterator[Database]:
    """The same database, by connections that wait for its locks for a moment only."""
    opened = Database.at(database_url if database.is_sqlite else f"{database_url}&options=-c%20lock_timeout=10ms")
    if database.is_sqlite:
        event.listen(opened.engine, "connect", lambda raw, _record: raw.execute("PRAGMA busy_timeout=10").close())
    yield opened
    opened.close()


@contextmanager
def locked_by_somebody(database: Database) -> Iterator[None]:
    with database.transaction() as session:
        # SQLite has one lock, which the first statement takes.
        session.execute(text("SELECT 1" if database.is_sqlite else "LOCK TABLE audit_log IN EXCLUSIVE MODE"))
        yield


def test_a_locked_database_is_asked_again_until_it_is_free(database: Database, hurried: Database) -> None:

    asyncio.run(outlives(hurried, locked_by_somebody(database)))


@pytest.mark.peers
def test_a_database_that_is_away_is_asked_again_until_it_is_back(postgresql: PostgreSql, postgresql_url: str) -> None:
    database = Database.at(postgresql_url)

    asyncio.run(outlives(database, postgresql.away(postgresql_url)))

    database.close()


def test_a_defect_right_after_a_refusal_does_not_leave_it_looking_stuck(database: Database, hurried: Database) -> None:

    async def break_after_refusal() -> bool:
        async with running(hurried) as commits:
            with locked_by_somebody(database):
                waiting = asyncio.create_task(commits.commit("breaks"))
                await until(lambda: commits.is_stuck)
            with pytest.raises(ZeroDivisionError):
                await waiting
            return commits.is_stuck

    assert not asyncio.run(break_after_refusal())
