"""Taking messages in: once an id is returned, the message is on disk and will be sent, or failed with a record."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import String, bindparam, or_, select
from sqlalchemy.orm import Session

from portal.crypto.vault import Vault
from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.notification_kinds import KINDS
from portal.services.clock import Clock
from portal.services.shared_commits import SharedCommits
from portal.services.submission import NotAcceptedError, Outgoing, Place, Preparation, Prepared
from portal.storage import lanes, outbox, wake_ups
from portal.storage.database import Database
from portal.storage.organisations import TenantRow

__all__ = ["NotAcceptedError", "Outgoing", "Sender"]

_ROWS_A_COMMIT: Final = 1_000
_OCTETS_A_COMMIT: Final = 16 * 1024 * 1024
_KEYS_A_QUERY: Final = 500
_LONGEST_KEY: Final = 200
_MOST_KNOWN_TENANTS: Final = 10_000
_TENANT: Final = bindparam("tenant", type_=String)
_ID_OF_TENANT: Final = select(TenantRow.id).where(or_(TenantRow.slug == _TENANT, TenantRow.id == _TENANT))
"""Built once: for one message alone that costs as much as asking it."""


@dataclass(frozen=True, slots=True)
class _Call:
    """What one call has handed in, in its order: new messages, and the ids of those stored by an earlier one."""

    messages: Sequence[Prepared | MessageId]

    @property
    def new(self) -> list[Prepared]:
        return [message for message in self.messages if isinstance(message, Prepared)]

    @property
    def stored(self) -> list[MessageId]:
        return [message for message in self.messages if not isinstance(message, Prepared)]

    @property
    def share(self) -> float:
        """How much it is of a full commit."""
        return max(
            len(self.messages) / _ROWS_A_COMMIT, sum(len(message.sealed) for message in self.new) / _OCTETS_A_COMMIT
        )


class Sender:
    """What the platform's applications hand their mail to (CONTRACT: Python).

    One for a process, used by any number of its threads: what they hand in at the same time shares a commit.
    """

    def __init__(self, database: Database, vault: Vault, *, message_id_domain: str, clock: Clock) -> None:
        self._database = database
        self._preparation = Preparation(vault, message_id_domain)
        self._clock = clock
        self._commits = SharedCommits(database, self._store)
        self._known_tenants: dict[str, TenantId] = {}
        """By slug or id; a tenant keeps both for ever."""

    def send(self, tenant: str, *, kind: str, to: str, subject: str, **more: Any) -> MessageId:
        """Take one message in.

        Args:
            tenant: The tenant's slug or id.
            kind: One of ``notification_kinds.KINDS``, and none of those that are internal.
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
            StorageError: The database did not take them; none was stored.
        """
        outgoing = [m if isinstance(m, Outgoing) else Outgoing(**m) for m in messages]
        _refuse(outgoing)
        tenant_id = self._known_tenants.get(tenant)
        stored: dict[str, MessageId] = {}
        if tenant_id is None or any(message.idempotency_key for message in outgoing):
            with self._database.reading() as session:
                tenant_id = _tenant_id(session, tenant)
                stored = _stored_before(session, tenant_id, (message.idempotency_key for message in outgoing))
            if len(self._known_tenants) < _MOST_KNOWN_TENANTS:
                self._known_tenants[tenant] = tenant_id
        call = self._prepared(tenant_id, outgoing, stored)
        return self._commits.commit(call, share=call.share) if call.new else call.stored

    def enqueue(self, session: Session, tenant: str, *, kind: str, to: str, subject: str, **more: Any) -> MessageId:
        """Take one message in within the caller's own transaction: it is sent if and when the caller commits.

        Of the tenant's messages and settings the caller has changed nothing before in this transaction: what is
        locked comes in one order, the tenant's lane first.

        Raises:
            NotAcceptedError: The message can never be sent as it is; the transaction may go on without it.
        """
        outgoing = [Outgoing(kind, to, subject, **more)]
        _refuse(outgoing)
        return self.enqueue_many(session, tenant, outgoing)[0]

    def enqueue_many(self, session: Session, tenant: str, messages: Sequence[Outgoing]) -> list[MessageId]:
        """``enqueue()`` for this program's own mail: several messages, and kinds that no application hands in."""
        tenant_id = _tenant_id(session, tenant)
        stored = _stored_before(session, tenant_id, (message.idempotency_key for message in messages))
        return self._store(session, [self._prepared(tenant_id, messages, stored)])[0]

    def _prepared(self, tenant_id: TenantId, messages: Iterable[Outgoing], stored: Mapping[str, MessageId]) -> _Call:
        now = self._clock()
        by_key: dict[str, Prepared | MessageId] = dict(stored)
        found: list[Prepared | MessageId] = []
        for message in messages:
            key = message.idempotency_key
            known = by_key.get(key) if key else None
            if known is None:
                known = self._preparation.prepare(tenant_id, message, now=now)
                if key:
                    by_key[key] = known
            found.append(known)
        return _Call(found)

    def _store(self, session: Session, calls: Sequence[_Call]) -> list[list[MessageId]]:
        """Store what is new of several calls; the ids of each call's messages."""
        new = [message for call in calls for message in call.new]
        due: dict[TenantId, datetime] = {}
        for message in new:
            due[message.tenant_id] = min(message.due_at, due.get(message.tenant_id, message.due_at))
        if due:
            lanes.touch(session, due)
        # The lanes are locked by now: nobody else stores a message under one of these keys before we commit.
        first = _first_of_each_key(session, new)
        added = {message.id: message for message in new if first.get(message.place, message.id) == message.id}
        if added:
            outbox.add(session, [m.message for m in added.values()], [m.content for m in added.values()])
            now = self._clock()
            wake_ups.announce(session, *(tenant_id for tenant_id, at in due.items() if at <= now))
        return [[first.get(m.place, m.id) if isinstance(m, Prepared) else m for m in call.messages] for call in calls]


def _tenant_id(session: Session, tenant: str) -> TenantId:
    found = session.scalar(_ID_OF_TENANT, {"tenant": tenant})
    if found is None:
        raise NotAcceptedError("tenant", f"There is no tenant called «{tenant}».")
    return TenantId(found)


def _refuse(messages: Iterable[Outgoing]) -> None:
    for message in messages:
        key = message.idempotency_key or ""
        if len(key) > _LONGEST_KEY or not key.isprintable():
            raise NotAcceptedError("idempotency_key", f"A key has at most {_LONGEST_KEY} printable characters.")
        if message.kind in KINDS and KINDS[message.kind].is_internal:
            raise NotAcceptedError("kind", f"Mail of the kind «{message.kind}» is sent by the platform itself.")


def _stored_before(session: Session, tenant_id: TenantId, keys: Iterable[str | None]) -> dict[str, MessageId]:
    """The messages that are stored under these idempotency keys."""
    given = sorted({key for key in keys if key})
    found: dict[str, MessageId] = {}
    for start in range(0, len(given), _KEYS_A_QUERY):
        found |= outbox.by_idempotency_keys(session, tenant_id, given[start : start + _KEYS_A_QUERY])
    return found


def _first_of_each_key(session: Session, new: Iterable[Prepared]) -> dict[Place, MessageId]:
    """Under each idempotency key the message that came first: stored already, or among these."""
    first: dict[Place, MessageId] = {}
    keyed = [message for message in new if message.key]
    for tenant_id in {message.tenant_id for message in keyed}:
        keys = (message.key for message in keyed if message.tenant_id == tenant_id)
        first |= {(tenant_id, key): id_ for key, id_ in _stored_before(session, tenant_id, keys).items()}
    for message in keyed:
        first.setdefault(message.place, message.id)
    return first
