"""Sign-ins, links and limits go when they are over, whatever else is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from portal.services.retention import sweep
from portal.storage import migrations, retention
from portal.storage.database import Database
from portal.storage.one_time_tokens import OneTimeTokenRow
from portal.storage.sign_ins import SignInRow
from portal.storage.token_buckets import TokenBucketRow
from portal.storage.users import UserRow
from tests.support.query_plans import query_plans

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def ago(**much: float) -> datetime:
    return NOW - timedelta(**much)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database.at(database_url)
    migrations.upgrade(opened)
    with opened.transaction() as session:
        session.add(UserRow(id="ada", email="ada@acme.example", created_at=ago(days=400)))
    yield opened
    opened.close()


def put_sign_in(database: Database, id_: str, seen_at: datetime) -> None:
    times = {"created_at": seen_at, "seen_at": seen_at, "confirmed_at": seen_at}
    with database.transaction() as session:
        session.add(SignInRow(id=id_, token_hash=id_.encode(), user_id="ada", **times))


def put_token(database: Database, name: str, expires_at: datetime, used_at: datetime | None = None) -> None:
    times = {"created_at": expires_at, "expires_at": expires_at, "used_at": used_at}
    with database.transaction() as session:
        session.add(OneTimeTokenRow(token_hash=name.encode(), purpose="recovery", user_id="ada", **times))


def put_bucket(database: Database, name: str, full_at: datetime) -> None:
    with database.transaction() as session:
        session.add(TokenBucketRow(key=name.encode(), full_at=full_at))


def left(database: Database, column: Any) -> list[Any]:
    with database.reading() as session:
        return list(session.scalars(select(column).order_by(column)))


@pytest.mark.parametrize("days", [0, 90])
def test_what_is_over_goes_and_what_is_not_stays(database: Database, days: int) -> None:
    put_sign_in(database, "in use", ago(minutes=1))
    put_sign_in(database, "still tells why", ago(hours=11))
    put_sign_in(database, "over", ago(hours=13))
    put_token(database, "good", ago(minutes=-30))
    put_token(database, "can still be told that it is old", ago(hours=23))
    put_token(database, "used", ago(days=2), used_at=ago(days=2))
    put_token(database, "old", ago(days=2))
    put_bucket(database, "empty", ago(minutes=-10))
    put_bucket(database, "full", ago(minutes=1))

    assert sweep(database, lambda: NOW, days) == 2

    assert left(database, SignInRow.id) == ["in use", "still tells why"]
    assert left(database, OneTimeTokenRow.token_hash) == [b"can still be told that it is old", b"good"]
    assert left(database, TokenBucketRow.key) == [b"empty"]


def test_a_bucket_of_which_a_token_was_taken_meanwhile_stays(database: Database) -> None:
    put_bucket(database, "tries", ago(minutes=1))
    with database.reading() as session:
        found = retention.full_buckets(session, NOW, 10)
    with database.transaction() as session:
        session.get_one(TokenBucketRow, b"tries").full_at = ago(minutes=-1)
    with database.transaction() as session:
        retention.delete_buckets(session, found, full_before=NOW)
    assert left(database, TokenBucketRow.key) == [b"tries"]


def test_much_goes_in_portions(database: Database) -> None:
    for number in range(7):
        put_bucket(database, f"bucket {number}", ago(minutes=1))
    assert [sweep(database, lambda: NOW, 0, most=3) for _ in range(4)] == [3, 3, 1, 0]


def test_what_stays_is_not_read(tmp_path: Path) -> None:
    database = Database.at(f"sqlite:///{tmp_path}/waypost.db")
    migrations.upgrade(database)
    put_bucket(database, "full", ago(minutes=1))
    with query_plans(database) as steps:
        sweep(database, lambda: NOW, 0)
    database.close()
    of_ours = [step for step in steps if any(name in step for name in ("sign_ins", "one_time", "token_buckets"))]
    assert of_ours
    assert [step for step in of_ours if step.startswith("SCAN")] == []
