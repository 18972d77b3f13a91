"""SQLAlchemy engines: what SQLite and PostgreSQL must be told before they keep what they confirm."""

import sqlite3
import time
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

_LOCK_SECONDS: Final = 15
_POSTGRESQL: Final = {
    "application_name": "waypost",
    "connect_timeout": "5",
    # A network that swallows packets is noticed in a minute, not in the system's two hours.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    # A worker frozen inside a transaction must not keep the rows that another one needs.
    "options": f"-c lock_timeout={_LOCK_SECONDS}s -c idle_in_transaction_session_timeout=30s",
}
"""libpq's parameters, each of which the URL may set otherwise (``?connect_timeout=20``)."""


def parse_url(text: str) -> URL:
    """Read a database's address; ``postgresql://`` is spoken through psycopg 3.

    Raises:
        ArgumentError, ValueError: It is none, or that of a database or a driver we do not work with.
    """
    url = make_url(text)
    if url.drivername in {"sqlite", "sqlite+pysqlite"}:
        return url
    if url.drivername in {"postgresql", "postgresql+psycopg"}:
        return url.set(drivername="postgresql+psycopg", query={**_POSTGRESQL, **url.query})
    raise ArgumentError(f"no driver for {url.drivername}")


def options(url: URL) -> dict[str, Any]:
    """What ``create_engine`` is told. No value of a statement ever stands in an error's text.

    PostgreSQL works in READ COMMITTED: what is decided upon is read ``FOR UPDATE`` or written by a conditional UPDATE.
    ``synchronous_commit`` is left as the server has it, which is *on* unless somebody has changed it (``doctor``).
    """
    if url.get_backend_name() == "sqlite":
        return {"hide_parameters": True}
    return {
        "hide_parameters": True,
        "isolation_level": "READ COMMITTED",
        "pool_pre_ping": True,  # a database that was restarted costs nobody an error
        "pool_size": 5,
        "max_overflow": 15,
        "pool_timeout": _LOCK_SECONDS,
    }


def open_engine(url: URL) -> Engine:
    """The engine for what ``parse_url`` gave; it connects when it is first used.

    Raises:
        ImportError: The driver is not installed.
    """
    engine = create_engine(url, **options(url))
    if engine.dialect.name == "sqlite":
        prepare_sqlite(engine)
    return engine


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Turn the journal into a write-ahead log.

    For a new file that takes the whole file, and SQLite refuses at once where another connection has begun to read,
    whatever the busy timeout says: two programs started together on an empty database would meet there.
    """
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(0.02)
        else:
            return


def prepare_sqlite(engine: Engine) -> None:
    """Durable and concurrent: WAL with synchronous=FULL, so that what was committed survives a power cut."""

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        # The driver would begin transactions by itself, and too late; BEGIN is said below.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={_LOCK_SECONDS * 1000}")
        _write_ahead(cursor)
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")  # wiped bodies and replaced passwords leave no trace in free pages
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Any) -> None:
        writes = connection.get_execution_options().get("portal_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
