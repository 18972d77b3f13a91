"""The database: what both kinds promise, and what becomes of one that is away."""

import socket
import subprocess
import sys
import time
import traceback
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select, text, update
from sqlalchemy.orm import Session

from portal.services.clock import utc_now
from portal.storage import migrations
from portal.storage.database import Database, StorageError
from portal.storage.users import UserRow
from tests.support.postgresql import PostgreSql

PROJECT = Path(__file__).resolve().parents[2]
PASSWORD = "hunter2-hunter2"
NEVER = datetime(2030, 1, 1, 12, tzinfo=UTC)


def user(number: int) -> UserRow:
    return UserRow(id=f"{number:026}", email=f"{number}@acme.example", name="", is_operator=False, created_at=NEVER)


def users(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(UserRow)) or 0


def test_what_is_read_in_one_session_is_one_state(database: Database) -> None:
    with database.reading() as session:
        assert users(session) == 0
        with database.transaction() as writing:
            writing.add(user(1))
        assert users(session) == 0
    with database.reading() as session:
        assert users(session) == 1


def test_times_come_back_as_they_went(database: Database) -> None:
    east = NEVER.astimezone(timezone(timedelta(hours=9)))
    with database.transaction() as session:
        session.add(user(1))
        session.flush()
        session.get_one(UserRow, user(1).id).created_at = east
    with database.reading() as session:
        found = session.scalars(select(UserRow.created_at)).one()
    assert (found, found.utcoffset()) == (NEVER, timedelta())


@pytest.mark.parametrize(
    "ahead", [timedelta(), timedelta(hours=1), timedelta(days=-40)], ids=["true", "an hour ahead", "40 days behind"]
)
def test_leases_follow_the_clock_that_was_handed_in(database: Database, ahead: timedelta) -> None:
    with database.transaction() as session:
        told = database.time(session, lambda: utc_now() + ahead)
    assert abs(told - ahead - utc_now()) < timedelta(seconds=5)
    assert told.utcoffset() == timedelta()


@pytest.mark.peers
def test_a_machine_whose_clock_is_wrong_does_not_move_leases(postgresql_url: str) -> None:
    program = (
        "import sys, time_machine; from datetime import UTC, datetime; from portal.storage.database import Database\n"
        "database = Database.at(sys.argv[1])\n"
        "with time_machine.travel(datetime(2040, 1, 1, tzinfo=UTC)), database.transaction() as session:\n"
        "    print(database.time(session, lambda: datetime.now(UTC)).isoformat())\n"
        "database.close()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, postgresql_url], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert abs(datetime.fromisoformat(done.stdout.strip()) - utc_now()) < timedelta(seconds=30)


def test_a_transaction_that_breaks_off_leaves_nothing(database: Database) -> None:
    def break_off() -> None:
        with database.transaction() as session:
            session.add(user(1))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    with database.reading() as session:
        assert users(session) == 0


def test_upgrades_at_the_same_time_take_turns(empty_database_url: str) -> None:
    program = (
        "import sys; from portal.storage import migrations, tables; from portal.storage.database import Database\n"
        "database = Database.at(sys.argv[1]); print('ready', flush=True); sys.stdin.readline()\n"
        "migrations.upgrade(database); migrations.require_newest(database); database.close()"
    )
    upgrades = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_database_url],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for upgrade in upgrades:
        assert upgrade.stdout is not None
        assert upgrade.stdout.readline() == "ready\n"
    for upgrade in upgrades:
        assert upgrade.stdin is not None
        upgrade.stdin.write("go\n")
        upgrade.stdin.flush()

    said = [upgrade.communicate(timeout=60)[1] for upgrade in upgrades]

    assert [upgrade.returncode for upgrade in upgrades] == [0] * 4, said


def test_an_empty_database_is_told_to_be_upgraded(empty_database_url: str) -> None:
    database = Database.at(empty_database_url)
    with pytest.raises(migrations.DatabaseNotReadyError, match=r"run \./run db upgrade"):
        migrations.require_newest(database)
    database.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("postgresql://waypost:{password}@127.0.0.1:{port}/waypost", "Connection refused", id="refused"),
        pytest.param("postgresql+psycopg://waypost:{password}@/waypost?host=/nowhere", "No such file", id="no socket"),
        pytest.param("postgresql://waypost:{password}@127.0.0.1:99999/waypost", "invalid port", id="no such port"),
    ],
)
def test_a_database_that_is_not_there_is_one_sentence_without_the_password(url: str, says: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    database = Database.at(url.format(password=PASSWORD, port=port))

    with pytest.raises(StorageError) as refused, database.transaction() as session:
        session.execute(text("SELECT 1"))

    database.close()
    sentence = str(refused.value)
    assert says in sentence
    assert "\n" not in sentence
    everything = "".join(traceback.format_exception(refused.value)) + repr(database.engine)
    assert PASSWORD not in everything


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://waypost:{PASSWORD}@host/waypost",
        f"postgresql+asyncpg://waypost:{PASSWORD}@host/waypost",
        f"postgresql://waypost:{PASSWORD}@host:port/waypost",
        f"//{PASSWORD}",
        "",
    ],
)
def test_an_address_of_something_else_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(StorageError, match="PORTAL_DATABASE_URL is no address") as refused:
        Database.at(url)
    assert PASSWORD not in "".join(traceback.format_exception(refused.value))


@pytest.mark.peers
def test_a_database_that_was_away_works_again_at_once(postgresql: PostgreSql, postgresql_url: str) -> None:
    database = Database.at(postgresql_url)
    with database.transaction() as session:
        session.add(user(1))

    with postgresql.away(postgresql_url):
        pass
    with database.reading() as session:  # although the connection kept from before is broken
        assert users(session) == 1

    with postgresql.away(postgresql_url):
        for _ in range(2):
            with pytest.raises(StorageError, match="did not answer"), database.transaction() as session:
                session.add(user(2))

    with database.transaction() as session:
        session.add(user(3))
        assert users(session) == 2
    database.close()


@pytest.mark.peers
def test_a_connection_lost_in_the_middle_has_written_nothing(postgresql: PostgreSql, postgresql_url: str) -> None:
    database = Database.at(postgresql_url)

    def work() -> None:
        with database.transaction() as session:
            session.add(user(1))
            session.flush()
            with postgresql.away(postgresql_url):
                session.add(user(2))
                session.flush()

    with pytest.raises(StorageError, match="did not answer"):
        work()
    with database.reading() as session:
        assert users(session) == 0
    database.close()


@pytest.mark.peers
def test_what_only_reads_cannot_write(postgresql_url: str) -> None:
    database = Database.at(postgresql_url)
    with pytest.raises(StorageError, match="read-only"), database.reading() as session:
        session.execute(update(UserRow).values(name="written"))
    database.close()


@pytest.mark.peers
def test_a_worker_frozen_in_a_transaction_keeps_its_rows_only_for_a_while(postgresql: PostgreSql) -> None:
    with postgresql.database() as url:
        waits = "-c%20lock_timeout=100ms%20-c%20idle_in_transaction_session_timeout=500ms"
        database = Database.at(f"{url}&options={waits}")
        with database.transaction() as session:
            session.add(user(1))

        def freeze() -> None:
            with database.transaction() as frozen:
                frozen.execute(update(UserRow).values(name="frozen"))
                with pytest.raises(StorageError, match="lock timeout"), database.transaction() as other:
                    other.execute(update(UserRow).values(name="other"))
                time.sleep(1)
                frozen.execute(update(UserRow).values(name="thawed"))

        with pytest.raises(StorageError, match="idle-in-transaction"):
            freeze()
        with database.transaction() as session:
            session.execute(update(UserRow).values(name="other"))
        database.close()


@pytest.mark.peers
def test_waits_have_an_end_unless_the_address_says_otherwise(postgresql_url: str) -> None:
    database = Database.at(f"{postgresql_url}&connect_timeout=20&application_name=mine")
    with database.reading() as session:
        told = [session.scalar(text(f"SHOW {name}")) for name in ("lock_timeout", "application_name")]
        assert told == ["15s", "mine"]
        assert session.scalar(text("SHOW idle_in_transaction_session_timeout")) == "30s"
    database.close()


@pytest.mark.peers
def test_more_work_than_connections_is_refused_and_not_a_defect(postgresql_url: str) -> None:
    database = Database.at(postgresql_url)
    engine = create_engine(database.engine.url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    crowded = Database(engine)
    with crowded.reading() as first:
        users(first)
        with pytest.raises(StorageError, match="in use"), crowded.reading() as second:
            users(second)
    crowded.close()
    database.close()


def test_doctor_is_told_that_commits_may_be_lost(database: Database) -> None:
    assert database.confirms_what_is_durable() is database.is_sqlite  # the tests' PostgreSQL works without fsync
