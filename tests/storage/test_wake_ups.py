"""What a committed transaction announces wakes every worker at once; what is lost is known to be."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from portal.domain.ids import TenantId
from portal.storage import wake_up_sockets, wake_ups
from portal.storage.database import Database
from portal.storage.wake_up_listener import Listener, WakeUp, listening
from tests.support.postgresql import PostgreSql

PROJECT = Path(__file__).resolve().parents[2]
ACME, OTHER = TenantId("acme".zfill(26)), TenantId("other".zfill(26))
SOON = 5.0
"""Seconds within which everything here happens, mostly thousands of times over."""
SILENCE = 0.3
MANY = [TenantId(f"{number:026}") for number in range(700)]  # more than two payloads hold


def announce(database: Database, *tenants: TenantId) -> None:
    with database.transaction() as session:
        wake_ups.announce(session, *tenants)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def give_up(database: Database) -> None:
    """Announce in a transaction that comes to nothing."""

    def work() -> None:
        with database.transaction() as session:
            with session.begin_nested():
                wake_ups.announce(session, ACME)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()


def keep_half(database: Database) -> None:
    """Announce before a savepoint that comes to nothing, with one kept inside, and within one that is kept."""
    with database.transaction() as session:
        wake_ups.announce(session, ACME)
        in_vain = session.begin_nested()
        session.begin_nested().commit()
        in_vain.rollback()
        with session.begin_nested():
            wake_ups.announce(session, OTHER)


def announce_in_a_session_of_ones_own(database: Database) -> None:
    """As the caller of ``Sender.enqueue`` does, whose session goes on after a rollback."""
    engine = create_engine(database.engine.url)
    with Session(engine) as session:
        session.execute(text("SELECT 1"))
        wake_ups.announce(session, ACME)
        session.rollback()
        wake_ups.announce(session, OTHER)
        session.commit()
        session.commit()
    engine.dispose()


async def all_woken(listener: Listener, *, until: int) -> set[TenantId]:
    """What is announced, until it is so many tenants."""
    found: set[TenantId] = set()
    async with asyncio.timeout(SOON):
        while len(found) < until:
            found |= (await listener.next(SOON)).tenants
    return found


async def begun(listener: Listener, database: Database) -> None:
    """Wait until the listener hears: PostgreSQL says so by its first wake-up."""
    if not database.is_sqlite:
        assert await listener.next(SOON) == WakeUp(may_have_missed=True)


@pytest.mark.parametrize(
    ("work", "heard"),
    [
        pytest.param(
            lambda database: announce(database, ACME, OTHER, ACME), {ACME, OTHER}, id="two tenants, one twice"
        ),
        pytest.param(announce, set(), id="nobody"),
        pytest.param(lambda database: announce(database, *MANY), set(MANY), id="more than a payload holds"),
        pytest.param(give_up, set(), id="rolled back"),
        pytest.param(keep_half, {ACME, OTHER}, id="around savepoints"),
        pytest.param(announce_in_a_session_of_ones_own, {OTHER}, id="a session of the caller's"),
    ],
)
def test_what_is_committed_is_heard(database: Database, work: Callable[[Database], None], heard: set[TenantId]) -> None:
    async def listen() -> None:
        async with listening(database, "w1") as listener:
            await begun(listener, database)
            await asyncio.to_thread(work, database)
            assert await all_woken(listener, until=len(heard)) == heard
            assert not await listener.next(SILENCE)

    asyncio.run(listen())


def test_every_worker_hears_what_another_process_commits(database: Database) -> None:
    program = (
        "import sys; from portal.storage.database import Database; from portal.storage import wake_ups;"
        "database = Database.at(sys.argv[1])\n"
        "with database.transaction() as session: wake_ups.announce(session, sys.argv[2])\n"
        "database.close()"
    )
    url = database.engine.url.render_as_string(hide_password=False)

    async def listen() -> None:
        async with listening(database, "w1") as one, listening(database, "w2") as two:
            await begun(one, database)
            await begun(two, database)
            done = await asyncio.create_subprocess_exec(sys.executable, "-c", program, url, ACME, cwd=PROJECT)
            assert await done.wait() == 0
            assert [(await listener.next(SOON)).tenants for listener in (one, two)] == [{ACME}, {ACME}]

    asyncio.run(listen())


def test_announcements_gather_until_they_are_asked_for_and_a_cancelled_question_loses_none(database: Database) -> None:
    async def listen() -> None:
        async with listening(database, "w1") as listener:
            await begun(listener, database)
            waiting = asyncio.create_task(listener.next(SOON))
            await asyncio.sleep(0)
            waiting.cancel()
            for tenant in (ACME, OTHER, ACME):
                await asyncio.to_thread(announce, database, tenant)
            await asyncio.sleep(SILENCE)
            assert await listener.next(SOON) == WakeUp(frozenset({ACME, OTHER}))
            assert not await listener.next(0)

            listener.poke()
            began = time.monotonic()
            assert not await listener.next(SOON)
            assert time.monotonic() - began < 1

    asyncio.run(listen())


@pytest.mark.peers
def test_a_database_that_was_away_is_listened_to_again_and_what_was_missed_is_known(
    postgresql: PostgreSql, postgresql_url: str
) -> None:
    database = Database.at(postgresql_url)

    async def listen() -> None:
        async with listening(database, "w1") as listener:
            await begun(listener, database)
            with postgresql.away(postgresql_url):
                assert not await listener.next(SILENCE)
            assert await listener.next(SOON) == WakeUp(may_have_missed=True)
            await asyncio.to_thread(announce, database, ACME)
            assert (await listener.next(SOON)).tenants == {ACME}

    asyncio.run(listen())
    database.close()


@pytest.mark.peers
def test_a_worker_starts_while_the_database_is_away(postgresql: PostgreSql, postgresql_url: str) -> None:
    database = Database.at(postgresql_url)

    async def listen() -> None:
        with postgresql.away(postgresql_url):
            async with listening(database, "w1") as listener:
                assert not await listener.next(SILENCE)

    asyncio.run(listen())
    database.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    return Database.at(f"sqlite:///{tmp_path}/waypost.db")


def test_a_worker_that_could_not_be_told_of_everything_knows(sqlite: Database) -> None:
    async def listen() -> None:
        async with listening(sqlite, "w1") as listener:
            for number in range(2000):  # while it does not read: every queue Linux allows is full by then
                announce(sqlite, TenantId(f"{number:026}"))
            woken = await listener.next(SOON)
            assert woken.may_have_missed
            assert woken.tenants

    asyncio.run(listen())
    sqlite.close()


def test_a_datagram_that_was_cut_makes_the_worker_look_at_everything(sqlite: Database, tmp_path: Path) -> None:
    async def listen() -> None:
        async with listening(sqlite, "w1") as listener:
            wake_up_sockets.send(tmp_path / "waypost.db.wake", [b"x" * 9000])
            assert (await listener.next(SOON)).may_have_missed

    asyncio.run(listen())
    sqlite.close()


def test_the_socket_is_private_and_gone_after_the_worker(sqlite: Database, tmp_path: Path) -> None:
    folder = tmp_path / "waypost.db.wake"

    async def listen() -> list[str]:
        async with listening(sqlite, "w1"):
            assert folder.stat().st_mode & 0o777 == 0o700
            return names_in(folder)

    assert asyncio.run(listen()) == ["w1"]
    assert names_in(folder) == []
    sqlite.close()


def test_the_socket_of_a_worker_that_was_killed_is_swept_away_and_the_others_still_hear(
    sqlite: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "waypost.db.wake"
    program = (
        "import sys, time; from pathlib import Path; from portal.storage.wake_up_sockets import listening_socket\n"
        "with listening_socket(Path(sys.argv[1]), 'dead'): print('here', flush=True); time.sleep(60)"
    )
    victim = subprocess.Popen([sys.executable, "-c", program, folder], cwd=PROJECT, stdout=subprocess.PIPE)
    assert victim.stdout is not None
    victim.stdout.readline()
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    assert names_in(folder) == ["dead"]

    async def listen() -> None:
        async with listening(sqlite, "w1") as listener:
            await asyncio.to_thread(announce, sqlite, ACME)
            assert (await listener.next(SOON)).tenants == {ACME}
            assert names_in(folder) == ["w1"]

    asyncio.run(listen())
    sqlite.close()


def test_a_folder_with_a_long_name_is_no_hindrance(tmp_path: Path) -> None:
    database = Database.at(f"sqlite:///{tmp_path}/{'long' * 30}/waypost.db")

    async def listen() -> None:
        async with listening(database, "w" * 32) as listener:
            await asyncio.to_thread(announce, database, ACME)
            assert (await listener.next(SOON)).tenants == {ACME}

    asyncio.run(listen())
    database.close()


def test_without_a_file_nothing_is_heard_and_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    database = Database.at("sqlite://")

    async def listen() -> None:
        async with listening(database, "w1") as listener:
            announce(database, ACME)
            assert not await listener.next(SILENCE)

    asyncio.run(listen())
    assert names_in(tmp_path) == []
    database.close()


@pytest.mark.parametrize("where", ["file", "full"])
def test_a_folder_that_cannot_be_used_costs_neither_the_commit_nor_the_worker(
    sqlite: Database, tmp_path: Path, where: str
) -> None:
    folder = tmp_path / "waypost.db.wake"
    if where == "file":
        folder.write_text("not a folder")
    else:
        folder.mkdir()
        deaf = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        deaf.bind(str(folder / "deaf"))

    async def listen() -> None:
        async with listening(sqlite, "w1") as listener:
            for _ in range(1000):
                announce(sqlite, ACME)
            assert bool(await listener.next(SILENCE)) is (where == "full")

    asyncio.run(listen())
    sqlite.close()
    if where == "full":
        deaf.close()
