"""How much of the platform's sender each tenant has used, hour by hour (THREATS 31)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.domain.ids import TenantId
from portal.domain.routing.platform_quota import Use
from portal.storage.database import Base, UtcDateTime
from portal.storage.organisations import TenantRow
from portal.storage.upsert import insert_into


class PlatformUseRow(Base):
    __tablename__ = "platform_use"

    tenant_id: Mapped[str] = mapped_column(ForeignKey(TenantRow.id), primary_key=True)
    hour: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    own: Mapped[int] = mapped_column(default=0)
    """Messages of a tenant that has no server of its own, or has turned it off."""
    fallback: Mapped[int] = mapped_column(default=0)
    """Messages its own server could not take."""


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def use_of(session: Session, tenant_id: TenantId, *, now: datetime) -> Use:
    row = session.get(PlatformUseRow, (tenant_id, hour_of(now)))
    return Use(row.own, row.fallback) if row else Use()


def put(session: Session, uses: Iterable[tuple[TenantId, datetime, Use]]) -> None:
    """Write what tenants have used in an hour by now: tenant, any time of that hour, and the sums."""
    statement = insert_into(session, PlatformUseRow)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[PlatformUseRow.tenant_id, PlatformUseRow.hour],
            set_={"own": statement.excluded.own, "fallback": statement.excluded.fallback},
        ),
        [{"tenant_id": tenant, "hour": hour_of(at), "own": u.own, "fallback": u.fallback} for tenant, at, u in uses],
    )
