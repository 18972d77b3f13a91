"""What tests of signing in look at behind the pages."""

from dataclasses import dataclass

from sqlalchemy import func, select

from portal.domain.mail.notification_kinds import KINDS
from portal.services.message_content import unseal
from portal.storage.audit_log import AuditRow
from portal.storage.messages import MessageContentRow, MessageRow
from tests.support.portal_app import Browser, Portal


@dataclass(frozen=True, slots=True)
class Mail:
    """A message in the outbox, as its recipient will read it."""

    kind: str
    subject: str
    text: str

    @property
    def is_for_the_platforms_route_only(self) -> bool:
        return KINDS[self.kind].platform_only


def mail_to(portal: Portal, email: str) -> list[Mail]:
    """What waits in the outbox for somebody, the first handed in first."""
    with portal.waypost.database.reading() as session:
        rows = session.execute(
            select(MessageRow, MessageContentRow.sealed)
            .join(MessageContentRow, MessageContentRow.message_id == MessageRow.id)
            .where(MessageRow.to_address == email)
            .order_by(MessageRow.id)
        ).all()
    contents = [(row.kind, unseal(portal.waypost.vault, row.tenant_id, row.id, sealed)) for row, sealed in rows]
    return [Mail(kind, content.subject, content.text or "") for kind, content in contents]


def audited(portal: Portal, action: str) -> int:
    """How often the audit log tells of an event."""
    with portal.waypost.database.reading() as session:
        return session.scalar(select(func.count()).where(AuditRow.action == action)) or 0


def cookie_of(browser: Browser) -> str:
    """The session cookie a browser holds."""
    found = browser.client.get_cookie("waypost", domain="127.0.0.1")
    assert found is not None
    return found.value
