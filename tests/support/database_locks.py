"""A database's locks, of either kind: held by a test, or asked for."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

import psycopg
from sqlalchemy import URL, make_url

_OTHERS_TRANSACTIONS: Final = """
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
"""


@contextmanager
def writes_blocked(database_url: str) -> Iterator[None]:
    """Let nobody write messages until the block ends; reading goes on."""
    url = make_url(database_url)
    with _connection(url) as connection:
        if _is_sqlite(url):
            connection.execute("BEGIN IMMEDIATE")
        else:
            connection.execute("BEGIN")
            connection.execute("LOCK TABLE messages IN EXCLUSIVE MODE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def is_being_written(database_url: str) -> bool:
    """Whether somebody is within a transaction that may hold locks at this moment."""
    url = make_url(database_url)
    with _connection(url) as connection:
        if not _is_sqlite(url):
            return connection.execute(_OTHERS_TRANSACTIONS).fetchone() is not None
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
        return False


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


@contextmanager
def _connection(url: URL) -> Iterator[Any]:
    if _is_sqlite(url):
        with closing(sqlite3.connect(str(url.database), timeout=0.3, isolation_level=None)) as connection:
            yield connection
    else:
        with closing(psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)) as session:
            yield session
