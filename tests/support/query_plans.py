"""How SQLite goes about a statement: by seeking in an index, or by reading a whole table."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from portal.storage.database import Database


@contextmanager
def query_plans(database: Database) -> Iterator[list[str]]:
    """The steps of every statement of the block, in EXPLAIN QUERY PLAN's words."""
    steps: list[str] = []

    def explain(_connection: Any, cursor: Any, statement: str, values: Any, _context: Any, is_many: bool) -> None:  # noqa: FBT001 - SQLAlchemy's signature
        plan = cursor.connection.cursor()
        plan.execute(f"EXPLAIN QUERY PLAN {statement}", values[0] if is_many else values)
        steps.extend(row[3] for row in plan.fetchall())
        plan.close()

    event.listen(database.engine, "before_cursor_execute", explain)
    try:
        yield steps
    finally:
        event.remove(database.engine, "before_cursor_execute", explain)
