"""Passwords of tenants' servers, sealed, apart from the settings that point to them.

A row is bound to its destination by what it was sealed with (``services/credential_sealing``); rotating the vault's
keys rewrites ``sealed`` and touches no settings version.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.storage.database import Base, UtcDateTime
from portal.storage.organisations import TenantRow


class CredentialsRow(Base):
    __tablename__ = "credentials"
    # Settings versions refer to (tenant, id): a version can never point to another tenant's password.
    __table_args__ = (UniqueConstraint("tenant_id", "id"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey(TenantRow.id))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
