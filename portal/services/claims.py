"""A message a worker has leased, and what is read before anything is decided about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy.orm import Session

from portal.crypto.vault import Vault
from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.message import Message
from portal.domain.mail.notification_kinds import KINDS, NotificationKind, Priority
from portal.domain.routing.attempt_history import History
from portal.domain.routing.route_choice import RouteOptions
from portal.services import attempts, message_content
from portal.services.routes import Platform, route_options
from portal.storage import organisations


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message of the outbox that belongs to one worker until its lease ends.

    Attributes:
        token: Proves the lease with every write.
        sealed: The content, still sealed.
        steps: The decision list so far.
        interrupted: A worker had it before and neither finished nor handed it back, so that a copy may be out.
    """

    id: MessageId
    tenant_id: TenantId
    kind: NotificationKind
    token: str
    to: str
    message_id: str
    sealed: bytes
    created_at: datetime
    send_at: datetime
    expires_at: datetime
    steps: Sequence[str]
    interrupted: bool

    @classmethod
    def from_row(cls, row: Any, token: str) -> Self:
        return cls(
            id=MessageId(row.id),
            tenant_id=TenantId(row.tenant_id),
            kind=KINDS.get(row.kind) or _kind_of_another_version(row),
            token=token,
            to=row.to_address,
            message_id=row.message_id,
            sealed=row.content or b"",
            created_at=row.created_at,
            send_at=row.send_at,
            expires_at=row.expires_at,
            steps=row.decision or (),
            interrupted=bool(row.interrupted),
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """The state of the world that this attempt's decisions rest upon."""

    message: Message
    options: RouteOptions
    history: History
    tenant_name: str
    route_epoch: int


def _kind_of_another_version(row: Any) -> NotificationKind:
    """A kind that was registered when the message was handed in and is not known here: it is delivered all the same."""
    return NotificationKind(row.kind, Priority(row.priority), row.expires_at - row.send_at)


def read_for(session: Session, vault: Vault, platform: Platform, claimed: Claimed) -> Reading:
    """Read the tenant's routes as they are now, the message's history, and open its content.

    Raises:
        CannotOpenError: The content or the tenant's password does not open.
    """
    tenant = organisations.tenant(session, claimed.tenant_id)
    content = message_content.unseal(vault, claimed.tenant_id, claimed.id, claimed.sealed)
    message = Message(
        claimed.id, claimed.tenant_id, claimed.kind, claimed.to, content, claimed.message_id, claimed.created_at
    )
    options = route_options(session, vault, platform, tenant)
    return Reading(message, options, attempts.history_of(session, claimed.id), tenant.name, tenant.route_epoch)
