"""Numbered, immutable versions of a tenant's email settings."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, ForeignKeyConstraint, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.domain.ids import TenantId
from portal.domain.routing.dkim_policy import SigningChoice
from portal.domain.routing.email_settings import EmailSettings
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.smtp_route import AuthChoice, TlsMode
from portal.storage.credentials import CredentialsRow
from portal.storage.database import Base, UtcDateTime
from portal.storage.organisations import TenantRow


class EmailSettingsRow(Base):
    """One version. Only ``proven_at`` is ever written after it was inserted."""

    __tablename__ = "email_settings"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "credentials_id"], [CredentialsRow.tenant_id, CredentialsRow.id]),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey(TenantRow.id), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    credentials_id: Mapped[str | None] = mapped_column(String(26))
    host: Mapped[str] = mapped_column(String(253))
    port: Mapped[int]
    security: Mapped[str] = mapped_column(String(10))
    username: Mapped[str | None] = mapped_column(String(320))
    from_address: Mapped[str] = mapped_column(String(320))
    from_name: Mapped[str] = mapped_column(String(320))
    reply_to: Mapped[str | None] = mapped_column(String(320))
    signing: Mapped[str] = mapped_column(String(20))
    auth: Mapped[str] = mapped_column(String(10))
    ehlo_name: Mapped[str | None] = mapped_column(String(253))
    envelope_from: Mapped[str | None] = mapped_column(String(320))
    dkim_selectors: Mapped[list[str]] = mapped_column(JSON)
    fallback: Mapped[str] = mapped_column(String(10))
    rate_per_second: Mapped[int | None]
    rate_per_minute: Mapped[int | None]
    rate_per_day: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(64))
    proven_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When a test with exactly these settings last succeeded."""

    @property
    def settings(self) -> EmailSettings:
        return EmailSettings(
            host=self.host,
            port=self.port,
            security=TlsMode(self.security),
            from_address=self.from_address,
            username=self.username,
            from_name=self.from_name,
            reply_to=self.reply_to,
            signing=SigningChoice(self.signing),
            auth=AuthChoice(self.auth),
            ehlo_name=self.ehlo_name,
            envelope_from=self.envelope_from,
            dkim_selectors=tuple(self.dkim_selectors),
            fallback=FallbackPolicy(self.fallback),
            rate_per_second=self.rate_per_second,
            rate_per_minute=self.rate_per_minute,
            rate_per_day=self.rate_per_day,
        )


def version(session: Session, tenant_id: TenantId, number: int | None) -> EmailSettingsRow | None:
    return session.get(EmailSettingsRow, (tenant_id, number)) if number else None


def add_version(
    session: Session,
    tenant_id: TenantId,
    settings: EmailSettings,
    *,
    credentials_id: str | None,
    created_at: datetime,
    created_by: str,
) -> EmailSettingsRow:
    """Insert the next version; the caller holds the tenant's row, so that two cannot take one number."""
    last = session.scalar(select(func.max(EmailSettingsRow.version)).where(EmailSettingsRow.tenant_id == tenant_id))
    row = EmailSettingsRow(
        tenant_id=tenant_id,
        version=(last or 0) + 1,
        credentials_id=credentials_id,
        host=settings.host,
        port=settings.port,
        security=settings.security,
        username=settings.username,
        from_address=settings.from_address,
        from_name=settings.from_name,
        reply_to=settings.reply_to,
        signing=settings.signing,
        auth=settings.auth,
        ehlo_name=settings.ehlo_name,
        envelope_from=settings.envelope_from,
        dkim_selectors=list(settings.dkim_selectors),
        fallback=settings.fallback,
        rate_per_second=settings.rate_per_second,
        rate_per_minute=settings.rate_per_minute,
        rate_per_day=settings.rate_per_day,
        created_at=created_at,
        created_by=created_by,
    )
    session.add(row)
    session.flush()
    return row
