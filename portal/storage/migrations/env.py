"""What Alembic runs for every migration command."""

from typing import Any, Final, Literal

from alembic import context
from sqlalchemy import func, select

from portal.storage.database import UtcDateTime
from portal.storage.tables import metadata

TURN: Final = 0x77617970  # "wayp": any number that no other program's advisory lock in this database uses


def render_item(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """A migration must go on working when a class of ours is renamed: it names SQLAlchemy's own types only."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


engine = context.config.attributes["engine"]
# One transaction for all steps, begun before anything is read: of two upgrades at the same time the second waits for
# the first and finds nothing left to do. SQLite takes turns by BEGIN IMMEDIATE (portal_writes).
with engine.execution_options(portal_writes=True).connect() as connection, connection.begin():
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")  # the other one may take its time
        connection.execute(select(func.pg_advisory_xact_lock(TURN)))
    # SQLite cannot alter most of a table: batch mode copies it.
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        render_item=render_item,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()
