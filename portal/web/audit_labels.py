"""Audit events by their names in people's words, and in groups."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from portal.domain.audit_events import AuditAction

ACTIONS: Final[Mapping[str, str]] = {
    AuditAction.EMAIL_SENT: "Message sent",
    AuditAction.EMAIL_SEND_FAILED: "Message refused or not sent",
    AuditAction.SAMPLE_REFUSED: "Sample not sent",
    AuditAction.ROUTE_UNHEALTHY: "Own server failing",
    AuditAction.ROUTE_RECOVERED: "Own server works again",
    AuditAction.ROUTE_ALERTED: "Admins told about the own server",
    AuditAction.SMTP_SAVED: "Settings saved",
    AuditAction.SMTP_DRAFT_DISCARDED: "Draft discarded",
    AuditAction.SMTP_TESTED: "Connection tested",
    AuditAction.SMTP_TEST_REFUSED: "Connection test refused",
    AuditAction.SMTP_TEST_RECEIVED: "Test message received",
    AuditAction.SMTP_ACTIVATED: "Settings activated",
    AuditAction.SMTP_ACTIVATED_UNTESTED: "Settings activated without a test",
    AuditAction.SMTP_ENABLED: "Own server turned on",
    AuditAction.SMTP_DISABLED: "Own server turned off",
    AuditAction.TENANT_CREATED: "Tenant created",
    AuditAction.MEMBERSHIP_CREATED: "Member added",
    AuditAction.MEMBERSHIP_CHANGED: "Role changed",
    AuditAction.AUDIT_LOG_EXPORTED: "Audit log downloaded",
}
"""Every event a tenant's log can hold."""


class AuditGroup(NamedTuple):
    """Events that one asks for together."""

    words: str
    actions: tuple[AuditAction, ...]


GROUPS: Final = {
    "settings": AuditGroup(
        "Settings of the own server",
        (
            AuditAction.SMTP_SAVED,
            AuditAction.SMTP_DRAFT_DISCARDED,
            AuditAction.SMTP_ACTIVATED,
            AuditAction.SMTP_ACTIVATED_UNTESTED,
            AuditAction.SMTP_ENABLED,
            AuditAction.SMTP_DISABLED,
        ),
    ),
    "tests": AuditGroup(
        "Connection tests", (AuditAction.SMTP_TESTED, AuditAction.SMTP_TEST_REFUSED, AuditAction.SMTP_TEST_RECEIVED)
    ),
    "mail": AuditGroup("Mail", (AuditAction.EMAIL_SENT, AuditAction.EMAIL_SEND_FAILED, AuditAction.SAMPLE_REFUSED)),
    "health": AuditGroup(
        "Health of the own server",
        (AuditAction.ROUTE_UNHEALTHY, AuditAction.ROUTE_RECOVERED, AuditAction.ROUTE_ALERTED),
    ),
    "people": AuditGroup(
        "Tenant and people",
        (
            AuditAction.TENANT_CREATED,
            AuditAction.MEMBERSHIP_CREATED,
            AuditAction.MEMBERSHIP_CHANGED,
            AuditAction.AUDIT_LOG_EXPORTED,
        ),
    ),
}
"""Every one of ``ACTIONS`` stands in one group; the keys are part of addresses that people keep."""
