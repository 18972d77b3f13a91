"""Mail about a person's own account, in the transaction of what it tells of."""

from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal.domain.ids import UserId
from portal.domain.mail.content import Content
from portal.services.sending import NotAcceptedError, Outgoing, Sender
from portal.storage import users
from portal.storage.users import UserRow

RECOVERY: Final = "account_recovery"
ALERT: Final = "account_alert"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AccountMail:
    """Sends it, over the platform's route alone (``notification_kinds``).

    A tenant's own server may be what is broken. And it is in the hands of that tenant's admins, who could read the
    link to a new password of everybody who is a member of another tenant as well.

    Attributes:
        platform: What the platform is called.
        base_url: Where the portal is. Links are made of it, never of what a request calls its host (THREATS 22).
    """

    sender: Sender
    platform: str
    base_url: str

    def url(self, path: str) -> str:
        return f"{self.base_url.rstrip('/')}{path}"

    def send(self, session: Session, user: UserRow, kind: str, content: Content) -> bool:
        """Hand a mail to the outbox, among the mail of the first tenant (by name) the person is a member of.

        Returns:
            False for somebody who is in no tenant, as operators are: every message belongs to a tenant, so there is
            no way to write to them. ``./run user set-password`` is for them.
        """
        memberships = users.memberships_of(session, UserId(user.id))
        if not memberships:
            return False
        message = Outgoing(kind, user.email, content.subject, text=content.text)
        try:
            self.sender.enqueue_many(session, memberships[0].tenant.id, [message])
        except NotAcceptedError as error:  # an account's address we cannot send to
            _log.warning("a person cannot be told of their account", user=user.id, field=error.field)
            return False
        return True
