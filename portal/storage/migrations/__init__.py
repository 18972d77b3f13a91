"""The database's shape, step by step (Alembic)."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from portal.storage.database import Database, translated

_HERE: Final = Path(__file__).parent


class DatabaseNotReadyError(Exception):
    """The database's shape is not the one this version works with; the text says what to run."""


def _config(database: Database | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    if database is not None:
        config.attributes["engine"] = database.engine
    return config


def upgrade(database: Database) -> None:
    """Bring the database to the newest shape. Twice is harmless."""
    with translated():
        command.upgrade(_config(database), "head")


def require_newest(database: Database) -> None:
    """Refuse to work on a database of another shape.

    Raises:
        DatabaseNotReadyError: It is empty, older, or made by a newer version.
    """
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    with translated(), database.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != newest:
        raise DatabaseNotReadyError(
            "The database is empty: run ./run db upgrade."
            if found is None
            else f"The database is at revision {found}, this version works with {newest}: run ./run db upgrade."
        )
