"""The engine and its transactions, alike for SQLite and PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import DateTime, Dialect, Engine, MetaData, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

_BUSY_SECONDS: Final = 15


class UtcDateTime(TypeDecorator[datetime]):
    """Aware times, kept as UTC. SQLite has no zones, so they are put on and taken off at this border."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone cannot be stored.")
        return value.astimezone(UTC).replace(tzinfo=None if dialect.name == "sqlite" else UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Base(DeclarativeBase):
    """Every table. Constraints have names, so that migrations can speak of them on SQLite too."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class StorageError(Exception):
    """The database did not do it; the text says why, without the statement and its values."""


class Database:
    """One database: transactions that write, and sessions that only read.

    On SQLite a writing transaction says ``BEGIN IMMEDIATE``: it waits for its turn at the start instead of failing in
    the middle, when what it read has been overtaken.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writing = engine.execution_options(portal_writes=True)

    @classmethod
    def at(cls, url: str) -> Self:
        """Open the database at a SQLAlchemy URL; a SQLite file's folder is made, the file by the first migration.

        Raises:
            StorageError: The URL is none, or the folder cannot be made.
        """
        try:
            parsed = make_url(url)
            is_sqlite = parsed.get_backend_name() == "sqlite"
            if is_sqlite and parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(parsed, hide_parameters=True, pool_pre_ping=not is_sqlite)
        except (ArgumentError, ImportError, ValueError):
            raise StorageError(
                "PORTAL_DATABASE_URL is no address of a database this version works with, such as sqlite:///waypost.db."
            ) from None
        except OSError as error:
            sentence = f"The folder of PORTAL_DATABASE_URL cannot be made: {error.strerror}."
            raise StorageError(sentence) from error
        if engine.dialect.name == "sqlite":
            prepare_sqlite(engine)
        return cls(engine)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose work is committed at the end of the block, or not at all.

        Raises:
            StorageError: The database refused or is away. Nothing was written.
        """
        with translated(), Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database and writes nothing."""
        with translated(), Session(self.engine) as session:
            yield session

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def translated() -> Iterator[None]:
    """Turn what says that the database is away, locked or none into ``StorageError``; broken constraints stay."""
    try:
        yield
    except DBAPIError as error:
        if isinstance(error, OperationalError) or error.connection_invalidated or type(error) is DatabaseError:
            raise StorageError(_sentence(error)) from error
        raise


def _sentence(error: DBAPIError) -> str:
    # Only the driver's own words: the statement and its values stay out of every log.
    words = str(error.orig).splitlines()[0] if error.orig else type(error).__name__
    return f"The database did not answer: {words}."


def prepare_sqlite(engine: Engine) -> None:
    """Durable and concurrent: WAL with synchronous=FULL, so that what was committed survives a power cut."""

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        # The driver would begin transactions by itself, and too late; BEGIN is said below.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")  # wiped bodies and replaced passwords leave no trace in free pages
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Any) -> None:
        writes = connection.get_execution_options().get("portal_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
