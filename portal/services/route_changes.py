"""What changes a tenant's route, within a transaction: a version becomes active, the tenant's server goes on or off."""

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.domain.ids import TenantId
from portal.domain.routing.fault import Fault
from portal.storage import audit_log, lanes, organisations, outbox, wake_ups
from portal.storage.email_settings import EmailSettingsRow
from portal.storage.organisations import TenantRow

_FAULTS_OF_A_ROUTE: Final = (
    Fault.ROUTE_AUTH,
    Fault.ROUTE_CERT,
    Fault.ROUTE_SENDER,
    Fault.ROUTE_PERM,
    Fault.ROUTE_PROTOCOL,
    Fault.ROUTE_TEMP,
    Fault.RATE,
)


class CannotActivateError(Exception):
    """The version does not become active; the text says why."""


def tenant_to_reroute(session: Session, tenant_id: TenantId, *, now: datetime) -> TenantRow:
    """The tenant's row, locked until the transaction ends, and its workers told to look once that is committed."""
    # The lane before all other rows: whoever hands in or ends messages locks in this order, too.
    lanes.touch(session, {tenant_id: now})
    wake_ups.announce(session, tenant_id)
    return organisations.tenant_to_change(session, tenant_id)


def activate(
    session: Session, tenant: TenantRow, row: EmailSettingsRow, *, enabled: bool, actor: Actor, now: datetime
) -> None:
    """Make a version the one that sends; to be committed with what ``tenant_to_reroute()`` has locked."""
    facts = {"version": row.version, "replaces": tenant.active_version, "host": row.host, "port": row.port}
    tenant.active_version = row.version
    tenant.smtp_enabled = enabled
    if tenant.draft_version == row.version:
        tenant.draft_version = None
    _begin_epoch(session, tenant, now)
    action = AuditAction.SMTP_ACTIVATED_UNTESTED if row.proven_at is None else AuditAction.SMTP_ACTIVATED
    audit_log.append(session, AuditEvent(action, now, actor, TenantId(tenant.id), facts | {"enabled": enabled}))


def switch(session: Session, tenant: TenantRow, *, on: bool, actor: Actor, now: datetime) -> None:
    """Turn the tenant's server on or off. Twice is harmless and audited once.

    Raises:
        CannotActivateError: There are no active settings to send with.
    """
    if on and tenant.active_version is None:
        raise CannotActivateError("There is no server to turn on yet: save and activate settings first.")
    if tenant.smtp_enabled is on:
        return
    tenant.smtp_enabled = on
    _begin_epoch(session, tenant, now)
    action = AuditAction.SMTP_ENABLED if on else AuditAction.SMTP_DISABLED
    facts = {"version": tenant.active_version}
    audit_log.append(session, AuditEvent(action, now, actor, TenantId(tenant.id), facts))


def _begin_epoch(session: Session, tenant: TenantRow, now: datetime) -> None:
    """What waits because the old route failed need not wait for the new one."""
    tenant.route_epoch += 1
    outbox.try_again_now(session, TenantId(tenant.id), ended_with=_FAULTS_OF_A_ROUTE, now=now)
