"""The audit log: rows are added, never changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, ForeignKey, Index, String, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.domain.audit_events import AuditEvent
from portal.domain.ids import TenantId
from portal.storage.bulk import Bulk
from portal.storage.database import Base, UtcDateTime
from portal.storage.organisations import TenantRow


class AuditRow(Base):
    __tablename__ = "audit_log"
    __table_args__ = (Index(None, "tenant_id", "id"), Index(None, "tenant_id", "action", "id"))

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    tenant_id: Mapped[str | None] = mapped_column(ForeignKey(TenantRow.id))
    action: Mapped[str] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(64))
    network: Mapped[str | None] = mapped_column(String(45))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)


_ADD: Final = Bulk(
    insert(Base.metadata.tables[AuditRow.__tablename__]), ("at", "tenant_id", "action", "actor", "network", "facts")
)


def append(session: Session, *events: AuditEvent) -> None:
    """Write events in the transaction of the change they tell of: both are there, or neither."""
    if events:
        _ADD.run(
            session,
            [
                {
                    "at": event.at,
                    "tenant_id": event.tenant_id,
                    "action": event.action,
                    "actor": event.actor.name,
                    "network": event.actor.network,
                    "facts": dict(event.facts),
                }
                for event in events
            ],
        )


def page(
    session: Session, tenant_id: TenantId, *, action: str | None = None, before: int | None = None, most: int = 50
) -> Sequence[AuditRow]:
    """The tenant's events, newest first.

    Args:
        action: Only events of this name.
        before: Only events older than the one with this id.
    """
    query = select(AuditRow).where(AuditRow.tenant_id == tenant_id).order_by(AuditRow.id.desc()).limit(most)
    if action:
        query = query.where(AuditRow.action == action)
    if before:
        query = query.where(AuditRow.id < before)
    return session.scalars(query).all()
