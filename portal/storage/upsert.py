"""INSERT … ON CONFLICT, which SQLite and PostgreSQL write alike and SQLAlchemy keeps apart."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from portal.storage.database import Base


def insert_into(session: Session, table: type[Base]) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT of the session's database that knows ``on_conflict_do_update``."""
    insert: Any = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement: sqlite.Insert | postgresql.Insert = insert(table)
    return statement
