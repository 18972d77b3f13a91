"""Taking messages in: once an id is returned, the message is on disk and will be sent, or failed with a record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.crypto.vault import Vault
from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.addresses import AddressError, parse_address
from portal.domain.mail.content import Attachment, Content, ContentError
from portal.domain.mail.message import Message, new_message_id
from portal.domain.mail.mime import check_composable
from portal.domain.mail.notification_kinds import KINDS
from portal.services import message_content
from portal.services.clock import Clock, new_id
from portal.storage import outbox
from portal.storage.database import Database
from portal.storage.organisations import TenantRow
from portal.storage.outbox import MessageState


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


class Sender:
    """What the platform's applications hand their mail to (CONTRACT: Python)."""

    def __init__(self, database: Database, vault: Vault, *, message_id_domain: str, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._domain = message_id_domain
        self._clock = clock

    def send(self, tenant: str, *, kind: str, to: str, subject: str, **more: Any) -> MessageId:
        """Take one message in.

        Args:
            tenant: The tenant's slug or id.
            kind: One of ``notification_kinds.KINDS``.
            to: One address, ``local@domain``.
            subject: One line.
            more: ``text``, ``html`` (at least one of them), ``attachments``, ``headers``, ``send_at``, ``expires_at``
                (aware times), ``idempotency_key`` (the same key of the same tenant returns the first message's id
                and stores nothing).

        Returns:
            The message's id, after it is durably stored.

        Raises:
            NotAcceptedError: The message can never be sent as it is. Nothing was stored.
            StorageError: The database did not take it. Nothing was stored.
        """
        return self.send_many(tenant, [Outgoing(kind, to, subject, **more)])[0]

    def send_many(self, tenant: str, messages: Iterable[Outgoing | Mapping[str, Any]]) -> list[MessageId]:
        """Take many messages in with one commit: all of them, or none.

        Raises:
            NotAcceptedError: One cannot be sent; none was stored.
        """
        outgoing = [m if isinstance(m, Outgoing) else Outgoing(**m) for m in messages]
        try:
            with self._database.transaction() as session:
                return self._enqueue(session, tenant, outgoing)
        except IntegrityError:
            # Two callers brought one idempotency key at the same moment: this time the first one's message is there.
            with self._database.transaction() as session:
                return self._enqueue(session, tenant, outgoing)

    def enqueue(self, session: Session, tenant: str, *, kind: str, to: str, subject: str, **more: Any) -> MessageId:
        """Take one message in within the caller's own transaction: it is sent if and when the caller commits."""
        return self._enqueue(session, tenant, [Outgoing(kind, to, subject, **more)])[0]

    def _enqueue(self, session: Session, tenant: str, messages: list[Outgoing]) -> list[MessageId]:
        tenant_id = session.scalar(select(TenantRow.id).where(or_(TenantRow.slug == tenant, TenantRow.id == tenant)))
        if tenant_id is None:
            raise NotAcceptedError("tenant", f"There is no tenant called «{tenant}».")
        now = self._clock()
        ids: list[MessageId] = []
        rows: list[dict[str, Any]] = []
        keys: dict[str, MessageId] = {}
        for message in messages:
            key = message.idempotency_key
            known = keys.get(key) or outbox.by_idempotency_key(session, TenantId(tenant_id), key) if key else None
            if known is None:
                row = self._row(TenantId(tenant_id), message, now)
                rows.append(row)
                known = MessageId(row["id"])
                if key:
                    keys[key] = known
            ids.append(known)
        if rows:
            outbox.add(session, rows)
        return ids

    def _row(self, tenant_id: TenantId, outgoing: Outgoing, now: datetime) -> dict[str, Any]:
        kind = KINDS.get(outgoing.kind)
        if kind is None:
            raise NotAcceptedError("kind", f"There is no kind of mail called «{outgoing.kind}».")
        due_at = outgoing.send_at or now
        expires_at = outgoing.expires_at or due_at + kind.lifetime
        for name, time in (("send_at", due_at), ("expires_at", expires_at)):
            if time.tzinfo is None:
                raise NotAcceptedError(name, "Give a time with its zone.")
        if expires_at <= max(now, due_at):
            raise NotAcceptedError("expires_at", "The message would expire before it could be sent.")
        if outgoing.context is not None:
            raise NotAcceptedError(
                "context", "There are no templates to fill yet: give subject, text and html themselves."
            )
        message_id = MessageId(new_id(now))
        content = self._content(outgoing)
        try:
            to = parse_address(outgoing.to)
        except AddressError as error:
            raise NotAcceptedError("to", str(error)) from error
        header = new_message_id(message_id, self._domain)
        try:
            check_composable(Message(message_id, tenant_id, kind, to, content, header, now))
        except ContentError as error:
            raise NotAcceptedError("content", str(error)) from error
        return {
            "id": message_id,
            "tenant_id": tenant_id,
            "kind": kind.name,
            "priority": int(kind.priority),
            "state": MessageState.QUEUED,
            "to_address": to,
            "message_id": header,
            "content": message_content.seal(self._vault, tenant_id, message_id, content),
            "created_at": now,
            "send_at": due_at,
            "expires_at": expires_at,
            "due_at": due_at,
            "idempotency_key": outgoing.idempotency_key or None,
            "decision": [],
        }

    @staticmethod
    def _content(outgoing: Outgoing) -> Content:
        given = outgoing.headers or ()
        headers = given.items() if isinstance(given, Mapping) else given
        return Content(
            outgoing.subject,
            outgoing.text,
            outgoing.html,
            tuple(outgoing.attachments or ()),
            tuple((n, v) for n, v in headers),
        )
