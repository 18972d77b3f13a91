"""Mail to a tenant's admins about their route, in the transaction that notes that they were told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from portal.domain.audit_events import WORKER, AuditAction, AuditEvent
from portal.domain.ids import TenantId
from portal.domain.mail.content import Content
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.people.roles import Permission, Role, may
from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.route_alert_mail import AlertedRoute, Failure, failure_content, recovery_content
from portal.domain.routing.smtp_route import Via
from portal.services.route_states import RouteCondition
from portal.services.sending import NotAcceptedError, Outgoing, Sender
from portal.storage import audit_log, outbox, users
from portal.storage.email_settings import EmailSettingsRow
from portal.storage.organisations import TenantRow

KIND: Final = "route_alert"
_TOLD: Final = tuple(role for role in Role if may(role, Permission.EDIT_EMAIL_SETTINGS))
"""Who can do something about it."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RouteAlerts:
    """Tells the admins.

    Attributes:
        base_url: Where the portal is, for the link to the settings.
    """

    sender: Sender
    base_url: str

    def tell_of_failure(
        self,
        session: Session,
        tenant: TenantRow,
        version: EmailSettingsRow,
        condition: RouteCondition,
        *,
        fault: Fault,
        now: datetime,
    ) -> None:
        """Tell every admin that this class of fault is there; the caller has locked the tenant's lane."""
        failure = _failure(session, condition, TenantId(tenant.id), version.version, fault, now)
        content = failure_content(self._route(tenant, version), failure)
        self._tell(session, tenant, version, content, {"about": "failure", "class": fault}, now)

    def tell_of_recovery(
        self, session: Session, tenant: TenantRow, version: EmailSettingsRow, *, recovered_at: datetime, now: datetime
    ) -> None:
        """Tell every admin that the route works again; the caller has locked the tenant's lane."""
        content = recovery_content(self._route(tenant, version), recovered_at)
        self._tell(session, tenant, version, content, {"about": "recovery"}, now)

    def _route(self, tenant: TenantRow, version: EmailSettingsRow) -> AlertedRoute:
        url = f"{self.base_url.rstrip('/')}/t/{tenant.slug}/email-smtp"
        return AlertedRoute(tenant.name, version.version, version.settings, url)

    def _tell(
        self,
        session: Session,
        tenant: TenantRow,
        version: EmailSettingsRow,
        content: Content,
        facts: Mapping[str, Any],
        now: datetime,
    ) -> None:
        tenant_id, told = TenantId(tenant.id), 0
        for address in users.emails_of(session, tenant_id, _TOLD):
            message = Outgoing(KIND, address, content.subject, text=content.text)
            try:
                self.sender.enqueue_many(session, tenant_id, [message])
            except (
                NotAcceptedError
            ) as error:  # an account's address we cannot send to; the others are told all the same
                _log.warning("an admin cannot be told of a route", tenant=tenant.slug, field=error.field)
            else:
                told += 1
        all_facts = {"version": version.version, "recipients": told, **facts}
        audit_log.append(session, AuditEvent(AuditAction.ROUTE_ALERTED, now, WORKER, tenant_id, all_facts))


def _failure(
    session: Session, condition: RouteCondition, tenant_id: TenantId, version: int, fault: Fault, now: datetime
) -> Failure:
    health = condition.health
    since = next((streak.since for streak in health.streaks if streak.fault is fault), now)
    if fault is Fault.RATE:
        since = condition.pace.throttled_since or now
    last = outbox.last_attempt_over(session, tenant_id, via=Via.TENANT, version=version)
    on_record = last is not None and last.fault == fault
    return Failure(
        fault,
        since,
        stage=SmtpStage(last.stage) if last is not None and on_record else None,
        said=last.reply if last is not None and on_record else None,
        next_trial=health.probe_at if health.is_open else None,
    )
