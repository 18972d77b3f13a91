"""From what an application hands in to what is stored: checked, named and sealed, before any transaction begins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from portal.crypto.vault import Vault
from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.addresses import AddressError, parse_address
from portal.domain.mail.content import Attachment, Content, ContentError
from portal.domain.mail.message import Message, new_message_id
from portal.domain.mail.mime import check_composable
from portal.domain.mail.notification_kinds import KINDS, NotificationKind
from portal.services import message_content
from portal.services.clock import new_id
from portal.storage.messages import MessageState


class NotAcceptedError(ValueError):
    """The message is not taken in, and nothing of it was stored.

    Attributes:
        field: The argument at fault.
    """

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message as an application hands it in; ``Sender.send()`` tells what each field means."""

    kind: str
    to: str
    subject: str = field(repr=False)  # codes and links are secrets
    text: str | None = field(default=None, repr=False)
    html: str | None = field(default=None, repr=False)
    context: Mapping[str, Any] | None = field(default=None, repr=False)
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)
    headers: tuple[tuple[str, str], ...] | Mapping[str, str] | None = field(default=(), repr=False)
    send_at: datetime | None = None
    expires_at: datetime | None = None
    idempotency_key: str | None = None


Place = tuple[TenantId, str | None]
"""An idempotency key and the tenant it is a key of."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message that can be sent and is not stored yet.

    Attributes:
        message: The columns of its row.
        sealed: Its content.
    """

    id: MessageId
    tenant_id: TenantId
    due_at: datetime
    key: str | None
    message: dict[str, Any] = field(repr=False)
    sealed: bytes = field(repr=False)

    @property
    def place(self) -> Place:
        return self.tenant_id, self.key

    @property
    def content(self) -> dict[str, Any]:
        """The columns of its content's row."""
        return {"message_id": self.id, "tenant_id": self.tenant_id, "sealed": self.sealed}


@dataclass(frozen=True, slots=True)
class Preparation:
    """What every message needs before it is stored.

    Attributes:
        vault: Seals its content.
        domain: What its Message-ID header ends in.
    """

    vault: Vault
    domain: str

    def prepare(self, tenant_id: TenantId, outgoing: Outgoing, *, now: datetime) -> Prepared:
        """Check one message, name it and seal it.

        Raises:
            NotAcceptedError: It can never be sent as it is.
        """
        kind = KINDS.get(outgoing.kind)
        if kind is None:
            raise NotAcceptedError("kind", f"There is no kind of mail called «{outgoing.kind}».")
        due_at, expires_at = _times(outgoing, kind, now)
        if outgoing.context is not None:
            raise NotAcceptedError(
                "context", "There are no templates to fill yet: give subject, text and html themselves."
            )
        id_ = MessageId(new_id(now))
        content = _content(outgoing)
        try:
            to = parse_address(outgoing.to)
        except AddressError as error:
            raise NotAcceptedError("to", str(error)) from error
        header = new_message_id(id_, self.domain)
        try:
            check_composable(Message(id_, tenant_id, kind, to, content, header, now))
        except ContentError as error:
            raise NotAcceptedError("content", str(error)) from error
        sealed = message_content.seal(self.vault, tenant_id, id_, content)
        key = outgoing.idempotency_key or None
        row = {
            "id": id_,
            "tenant_id": tenant_id,
            "kind": kind.name,
            "priority": int(kind.priority),
            "state": MessageState.QUEUED.value,
            "to_address": to,
            "message_id": header,
            "content_bytes": len(sealed),
            "created_at": now,
            "send_at": due_at,
            "expires_at": expires_at,
            "due_at": due_at,
            "idempotency_key": key,
            "decision": [],
        }
        return Prepared(id_, tenant_id, due_at, key, row, sealed)


def _times(outgoing: Outgoing, kind: NotificationKind, now: datetime) -> tuple[datetime, datetime]:
    """When it is due, and when it expires."""
    due_at = outgoing.send_at or now
    expires_at = outgoing.expires_at or due_at + kind.lifetime
    for name, time in (("send_at", due_at), ("expires_at", expires_at)):
        if time.tzinfo is None:
            raise NotAcceptedError(name, "Give a time with its zone.")
    if expires_at <= max(now, due_at):
        raise NotAcceptedError("expires_at", "The message would expire before it could be sent.")
    return due_at, expires_at


def _content(outgoing: Outgoing) -> Content:
    given = outgoing.headers or ()
    headers: Iterable[tuple[str, str]] = given.items() if isinstance(given, Mapping) else given
    return Content(
        outgoing.subject,
        outgoing.text,
        outgoing.html,
        tuple(outgoing.attachments or ()),
        tuple((name, value) for name, value in headers),
    )
