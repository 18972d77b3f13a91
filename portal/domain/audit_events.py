"""What is written down for ever, and under which name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from portal.domain.ids import TenantId


class AuditAction(StrEnum):
    """``who.what``: a subject, a dot, and a past participle or noun phrase. Values are stored and never renamed."""

    EMAIL_SENT = "email.sent"
    EMAIL_SEND_FAILED = "email.send_failed"
    SAMPLE_REFUSED = "email.sample_refused"
    ROUTE_UNHEALTHY = "email.route_unhealthy"
    ROUTE_RECOVERED = "email.route_recovered"
    ROUTE_ALERTED = "email.route_alerted"
    SMTP_SAVED = "admin.integration_email_smtp_saved"
    SMTP_DRAFT_DISCARDED = "admin.integration_email_smtp_draft_discarded"
    SMTP_TESTED = "admin.integration_email_smtp_tested"
    SMTP_TEST_REFUSED = "admin.integration_email_smtp_test_refused"
    SMTP_TEST_RECEIVED = "admin.integration_email_smtp_test_received"
    SMTP_ACTIVATED = "admin.integration_email_smtp_activated"
    SMTP_ACTIVATED_UNTESTED = "admin.integration_email_smtp_activated_untested"
    SMTP_ENABLED = "admin.integration_email_smtp_enabled"
    SMTP_DISABLED = "admin.integration_email_smtp_disabled"
    AUDIT_LOG_EXPORTED = "admin.audit_log_exported"
    SIGNED_IN = "user.signed_in"
    SIGN_IN_REFUSED = "user.sign_in_refused"
    SIGNED_OUT = "user.signed_out"
    SIGN_INS_ENDED = "user.sign_ins_ended"
    CONFIRMED = "user.confirmed"
    CONFIRMATION_REFUSED = "user.confirmation_refused"
    RECOVERY_ASKED = "user.recovery_asked"
    PASSWORD_CHANGED = "user.password_changed"  # noqa: S105 - the name of an event
    TENANT_CREATED = "operator.tenant_created"
    USER_CREATED = "operator.user_created"
    MEMBERSHIP_CREATED = "operator.membership_created"
    MEMBERSHIP_CHANGED = "operator.membership_changed"
    VAULT_KEYS_ROTATED = "operator.vault_keys_rotated"


A = AuditAction
OPERATIONAL: Final = frozenset(
    {A.EMAIL_SENT, A.EMAIL_SEND_FAILED, A.ROUTE_UNHEALTHY, A.ROUTE_RECOVERED, A.ROUTE_ALERTED}
)
"""What the worker writes of messages and of routes. There is much of it, retention may delete it, nothing seals it."""
ADMINISTRATIVE: Final = frozenset(
    {
        A.SAMPLE_REFUSED,
        A.SMTP_SAVED,
        A.SMTP_DRAFT_DISCARDED,
        A.SMTP_TESTED,
        A.SMTP_TEST_REFUSED,
        A.SMTP_TEST_RECEIVED,
        A.SMTP_ACTIVATED,
        A.SMTP_ACTIVATED_UNTESTED,
        A.SMTP_ENABLED,
        A.SMTP_DISABLED,
        A.AUDIT_LOG_EXPORTED,
        A.SIGNED_IN,
        A.SIGN_IN_REFUSED,
        A.SIGNED_OUT,
        A.SIGN_INS_ENDED,
        A.CONFIRMED,
        A.CONFIRMATION_REFUSED,
        A.RECOVERY_ASKED,
        A.PASSWORD_CHANGED,
        A.TENANT_CREATED,
        A.USER_CREATED,
        A.MEMBERSHIP_CREATED,
        A.MEMBERSHIP_CHANGED,
        A.VAULT_KEYS_ROTATED,
    }
)
"""What people did. It is sealed (``audit_chain``) and kept for ever.

Every action stands in one of the two, and never changes sides: what has been sealed as administrative would be missing.
"""
del A


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and from where.

    Attributes:
        name: A user's id, or ``"worker"`` or ``"cli"``.
        network: Where the request came from (an address in text), or None for the program itself.
    """

    name: str
    network: str | None = None


WORKER = Actor("worker")
COMMAND_LINE = Actor("cli")


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One line of the audit log.

    Attributes:
        at: An aware time.
        facts: What changed: names and values that JSON can hold. Never a secret (the vault hands out ``Secret``
            only, which JSON refuses).
    """

    action: AuditAction
    at: datetime
    actor: Actor
    tenant_id: TenantId | None = None
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
