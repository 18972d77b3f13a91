"""Organisations and their tenants."""

from datetime import datetime
from typing import Final

from sqlalchemy import ForeignKey, String, bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.domain.ids import TenantId
from portal.storage.database import Base, UtcDateTime


class OrganisationRow(Base):
    __tablename__ = "organisations"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TenantRow(Base):
    """A tenant and where its route stands.

    ``smtp_enabled`` is the switch; ``active_version`` the settings that send while it is on; ``draft_version`` those
    still to be proven. ``route_epoch`` grows with each change of route, so that a worker notices that what it read is
    past.
    """

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey(OrganisationRow.id), index=True)
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    smtp_enabled: Mapped[bool] = mapped_column(default=False)
    active_version: Mapped[int | None]
    draft_version: Mapped[int | None]
    route_epoch: Mapped[int] = mapped_column(default=0)


def tenant_by_slug(session: Session, slug: str) -> TenantRow | None:
    return session.scalar(select(TenantRow).where(TenantRow.slug == slug))


def tenant(session: Session, tenant_id: TenantId) -> TenantRow:
    return session.get_one(TenantRow, tenant_id)


_ROUTE_EPOCH: Final = select(TenantRow.route_epoch).where(TenantRow.id == bindparam("tenant"))
"""Built once: a lane is read by it every few milliseconds."""


def route_epoch(session: Session, tenant_id: TenantId) -> int:
    epoch: int = session.connection().execute(_ROUTE_EPOCH, {"tenant": tenant_id}).scalar_one()
    return epoch


def tenant_to_change(session: Session, tenant_id: TenantId) -> TenantRow:
    """The tenant's row, locked until the transaction ends: changes of route happen one after the other.

    Its key is not locked (PostgreSQL's FOR NO KEY UPDATE): rows that name the tenant, such as messages, are written
    meanwhile, and who writes them with a person locked does not wait for who waits for that person.
    """
    return session.get_one(TenantRow, tenant_id, with_for_update={"key_share": True})


def organisation_by_name(session: Session, name: str) -> OrganisationRow | None:
    return session.scalar(select(OrganisationRow).where(OrganisationRow.name == name))
