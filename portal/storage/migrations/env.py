"""What Alembic runs for every migration command."""

from typing import Any, Literal

from alembic import context

from portal.storage.database import UtcDateTime
from portal.storage.tables import metadata


def render_item(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """A migration must go on working when a class of ours is renamed: it names SQLAlchemy's own types only."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


engine = context.config.attributes["engine"]
# SQLite cannot alter most of a table: batch mode copies it. One transaction for all steps, begun as a writer.
with engine.execution_options(portal_writes=True).connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        render_item=render_item,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()
