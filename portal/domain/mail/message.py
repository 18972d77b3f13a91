"""A message of the outbox, as the composer needs it."""

from dataclasses import dataclass
from datetime import datetime

from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.content import Content
from portal.domain.mail.host_names import parse_domain
from portal.domain.mail.notification_kinds import NotificationKind


@dataclass(frozen=True, slots=True)
class Message:
    """One mail to one recipient, before any route is chosen for it.

    Attributes:
        id: Our name for it.
        to: The recipient, as ``parse_address`` returns it.
        message_id: The Message-ID header, ``<...@domain>``. It is fixed when the message is handed in, so that the
            copies of a retry or a fallback are recognisable as one message.
        created_at: When it was handed in; aware.
    """

    id: MessageId
    tenant_id: TenantId
    kind: NotificationKind
    to: str
    content: Content
    message_id: str
    created_at: datetime


def new_message_id(message: MessageId, domain: str) -> str:
    """Make the Message-ID header (RFC 5322 section 3.6.4).

    Args:
        message: Our name for it: unique, and it tells nothing but the time.
        domain: The platform's or the tenant's mail domain, never a machine's name (THREATS 15).

    Raises:
        HostError: The domain is no public domain name.
    """
    return f"<{message}@{parse_domain(domain)}>"
