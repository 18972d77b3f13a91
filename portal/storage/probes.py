"""Runs of the connection test: their stages while they run, their verdict afterwards."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.domain.ids import TenantId
from portal.storage.database import Base, UtcDateTime
from portal.storage.organisations import TenantRow


class ProbeRow(Base):
    """One run. ``verdict`` is CONTRACT's probe object once the run has ended."""

    __tablename__ = "probes"
    __table_args__ = (
        Index(None, "tenant_id", "id"),
        Index(None, "tenant_id", "started_at"),
        Index(None, "started_by", "started_at"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey(TenantRow.id))
    version: Mapped[int | None]
    """The settings version that was tested; NULL when the form was tested as typed."""
    activates: Mapped[bool] = mapped_column(default=False)
    """Whether success makes the version the active one (Save and activate)."""
    to_address: Mapped[str] = mapped_column(String(320))
    started_by: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    endpoint: Mapped[str] = mapped_column(String(300))
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What was tested: CONTRACT's settings object, as ever without the password."""
    stages: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    verdict: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    transcript: Mapped[str] = mapped_column(Text, default="")
    receipt_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    """Of the token in the test message's link *Yes, I received it*."""
    received_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def probe_of(session: Session, tenant_id: TenantId, probe_id: str) -> ProbeRow | None:
    return session.scalar(select(ProbeRow).where(ProbeRow.tenant_id == tenant_id, ProbeRow.id == probe_id))


def newest(session: Session, tenant_id: TenantId, *, most: int = 5) -> Sequence[ProbeRow]:
    return session.scalars(
        select(ProbeRow).where(ProbeRow.tenant_id == tenant_id).order_by(ProbeRow.id.desc()).limit(most)
    ).all()


def older(session: Session, tenant_id: TenantId, *, before: str | None, most: int) -> Sequence[ProbeRow]:
    """The tenant's tests, the newest first, from the one before this id on."""
    found = select(ProbeRow).where(ProbeRow.tenant_id == tenant_id).order_by(ProbeRow.id.desc()).limit(most)
    return session.scalars(found.where(ProbeRow.id < before) if before else found).all()


def by_receipt(session: Session, receipt_hash: bytes, *, lock: bool = False) -> ProbeRow | None:
    """The test whose message carried the link with this token; ``lock`` for who is about to write it."""
    found = select(ProbeRow).where(ProbeRow.receipt_hash == receipt_hash)
    return session.scalar(found.with_for_update() if lock else found)


def newest_of_version(session: Session, tenant_id: TenantId, version: int) -> ProbeRow | None:
    """The last test of this version of the settings, however it ended."""
    return session.scalar(
        select(ProbeRow)
        .where(ProbeRow.tenant_id == tenant_id, ProbeRow.version == version)
        .order_by(ProbeRow.id.desc())
        .limit(1)
    )
