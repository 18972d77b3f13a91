"""Options and fixtures of the whole suite."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.postgresql import PostgreSql, running_postgresql

EITHER: Final = ["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--endurance", action="store_true", help="run the long form of the endurance tests")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    """One cluster a process of pytest, begun by the first test that needs it."""
    with running_postgresql() as cluster:
        yield cluster


@pytest.fixture
def postgresql_url(postgresql: PostgreSql) -> Iterator[str]:
    """A PostgreSQL database of the test's own, with every table. Mark such a test ``peers``."""
    with postgresql.database() as url:
        yield url


@pytest.fixture(params=EITHER)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Runs a test on either kind of database: ``Installation.new(tmp_path, database_url=database_url)``."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/waypost.db"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(params=EITHER)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of a database without a table, of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    cluster: PostgreSql = request.getfixturevalue("postgresql")
    with cluster.database(migrated=False) as url:
        yield url
