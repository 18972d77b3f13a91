"""The engine and its transactions, alike for SQLite and PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import DateTime, Dialect, Engine, MetaData, func, select, text
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnectionError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from portal.storage import engines

_PERMISSION_DENIED: Final = "42501"  # PostgreSQL's code, which psycopg counts among programming errors


def _as_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("A time without a zone cannot be stored.")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _from_text(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


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

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        # SQLite keeps times as text: written and read at a stroke, because every message has a dozen.
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        return _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None:
            return None
        # PostgreSQL tells the same instant in its server's zone.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


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
    the middle, when what it read has been overtaken. On PostgreSQL it is READ COMMITTED: each statement sees what is
    committed, so what is decided upon is read ``FOR UPDATE`` or written on condition that it is still the same.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._writing = engine.execution_options(portal_writes=True)
        self._reading = (
            engine
            if self.is_sqlite
            else engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        )

    @classmethod
    def at(cls, url: str) -> Self:
        """Open the database at a SQLAlchemy URL; a SQLite file's folder is made, the file by the first migration.

        Raises:
            StorageError: The URL is none, its driver is not installed, or the folder cannot be made.
        """
        try:
            parsed = engines.parse_url(url)
            if parsed.get_backend_name() == "sqlite" and parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            return cls(engines.open_engine(parsed))
        except (ArgumentError, ValueError):
            raise StorageError(
                "PORTAL_DATABASE_URL is no address of a database this version works with, such as sqlite:///waypost.db "
                "or postgresql://user:password@host/waypost."
            ) from None
        except ImportError:
            raise StorageError(
                "PORTAL_DATABASE_URL names PostgreSQL, whose driver is not installed: pip install 'waypost[postgres]'."
            ) from None
        except OSError as error:
            sentence = f"The folder of PORTAL_DATABASE_URL cannot be made: {error.strerror}."
            raise StorageError(sentence) from error

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
        with translated(), Session(self._reading) as session:
            yield session

    def time(self, session: Session, clock: Callable[[], datetime]) -> datetime:
        """What time it is for leases, which are written by one machine and judged by another.

        On SQLite, whose processes share a machine, that is ``clock``. On PostgreSQL it is the server's clock, moved by
        what ``clock`` differs from this machine's: a true one differs by nothing, so that machines whose clocks
        disagree agree on leases, while a test that hands in a clock of its own moves the leases with it. When a message
        is due or expires is said and asked by ``clock`` alone.
        """
        if self.is_sqlite:
            return clock()
        moved_by = clock() - datetime.now(UTC)
        return session.scalars(select(func.clock_timestamp(type_=UtcDateTime))).one() + moved_by

    def confirms_what_is_durable(self) -> bool:
        """Whether what was committed survives a power cut, as far as the database itself says.

        Raises:
            StorageError: It is away.
        """
        if self.is_sqlite:
            return True
        with self.reading() as session:
            settings = [session.scalar(text(f"SHOW {name}")) for name in ("fsync", "synchronous_commit")]
        return "off" not in settings

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def translated() -> Iterator[None]:
    """Turn what says that the database is away, locked or none into ``StorageError``; broken constraints stay."""
    try:
        yield
    except NoFreeConnectionError as error:
        raise StorageError("The database did not answer: all our connections to it are in use.") from error
    except DBAPIError as error:
        if _is_refusal(error):
            raise StorageError(_sentence(error)) from error
        raise


def _is_refusal(error: DBAPIError) -> bool:
    return (
        isinstance(error, OperationalError | InternalError)
        or error.connection_invalidated
        or type(error) is DatabaseError
        or getattr(error.orig, "sqlstate", None) == _PERMISSION_DENIED
    )


def _sentence(error: DBAPIError) -> str:
    # Only the driver's own words: the statement and its values stay out of every log.
    words = str(error.orig).splitlines()[0] if error.orig else type(error).__name__
    return f"The database did not answer: {words}."
