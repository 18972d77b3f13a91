"""A new password for who has forgotten theirs, by a link in a mail (THREATS 24 and 40)."""

import time
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from portal.crypto.password_hashing import PasswordHashing
from portal.crypto.token_hashing import new_token, token_hash
from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.domain.ids import UserId
from portal.domain.mail.account_mail import recovery_content
from portal.domain.mail.notification_kinds import KINDS
from portal.domain.people.password_rules import check_password
from portal.domain.people.visitor import Visitor, network_of
from portal.domain.token_bucket import NO_WAIT, Limit
from portal.services import account_mail, limits
from portal.services.account_mail import AccountMail
from portal.services.clock import Clock
from portal.services.passwords import How, Passwords
from portal.services.sign_in import account_address
from portal.services.sign_in_limits import refuse
from portal.storage import audit_log, one_time_tokens, users
from portal.storage.database import Database
from portal.storage.one_time_tokens import RECOVERY, OneTimeTokenRow
from portal.storage.users import UserRow

LIFETIME: Final = KINDS[account_mail.RECOVERY].lifetime
"""Of the link as of its mail."""
ACCOUNT: Final = Limit("recovery: account", 3, timedelta(hours=1))
NETWORK: Final = Limit("recovery: network", 20, timedelta(hours=1))
ANSWERED_AFTER: Final = 0.1
"""Seconds. A link and a mail take some milliseconds to store, which would tell known addresses from unknown ones."""


class Void(StrEnum):
    """Why a link is good for nothing."""

    USED = "used"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class VoidLinkError(Exception):
    """The link is good for nothing.

    Attributes:
        why: What became of it.
    """

    def __init__(self, why: Void) -> None:
        super().__init__(f"The link is void: {why}.")
        self.why = why


@dataclass(frozen=True, slots=True)
class Recovery:
    """Whoever reads a person's mailbox may choose the person's password, with a link that works once."""

    database: Database
    hashing: PasswordHashing
    passwords: Passwords
    mail: AccountMail
    clock: Clock

    def ask(self, email: str, visitor: Visitor) -> None:
        """Mail a link to the person with this address, if there is one.

        The caller is not told, nor can tell by the time it takes: ``ANSWERED_AFTER``. A person who was sent three
        within an hour is sent no more for now, which the caller is not told either.

        Raises:
            TooManyTriesError: Too many were asked for from this network.
        """
        began = time.monotonic()
        now, address, network = self.clock(), account_address(email), network_of(visitor.network)
        with self.database.reading() as session:
            refuse(limits.wait_for(session, NETWORK, network, now))
        with self.database.transaction() as session:
            refuse(limits.take(session, NETWORK, network, now))
            has_room = limits.take(session, ACCOUNT, address or email, now) == NO_WAIT
            user = users.user_by_email(session, address) if address else None
            actor = Actor(user.id if user else "unknown", visitor.network)
            audit_log.append(session, AuditEvent(AuditAction.RECOVERY_ASKED, now, actor))
            if user and has_room:
                self._send_link(session, user, visitor)
        time.sleep(max(0.0, began + ANSWERED_AFTER - time.monotonic()))

    def email_of(self, token: str) -> str:
        """Whose password a link is for. Looking changes nothing.

        Raises:
            VoidLinkError: It is good for nothing.
        """
        with self.database.reading() as session:
            row = self._good(session, token)
            return session.get_one(UserRow, row.user_id).email

    def finish(self, token: str, new: str, visitor: Visitor) -> UserId:
        """Set the new password and end every sign-in of the person, whose id is returned.

        Raises:
            VoidLinkError: The link is good for nothing; nothing was changed.
            PasswordError: The password cannot be used; the link can be used again.
        """
        with self.database.reading() as session:
            self._good(session, token)
        check_password(new)
        new_hash = self.hashing.hash(new)  # slow on purpose: before the transaction, and for a good link only
        now = self.clock()
        with self.database.transaction() as session:
            row = self._good(session, token)
            user = users.user_to_change(session, UserId(row.user_id))
            if not one_time_tokens.use(session, token_hash(token), now):
                raise VoidLinkError(Void.USED)
            actor = Actor(user.id, visitor.network)
            self.passwords.replace(session, user, new_hash, actor=actor, how=How.RECOVERY, now=now)
            return UserId(user.id)

    def _good(self, session: Session, token: str) -> OneTimeTokenRow:
        row = one_time_tokens.by_hash(session, token_hash(token), RECOVERY)
        if row is None:
            raise VoidLinkError(Void.UNKNOWN)
        if row.used_at is not None:
            raise VoidLinkError(Void.USED)
        if row.expires_at <= self.clock():
            raise VoidLinkError(Void.EXPIRED)
        return row

    def _send_link(self, session: Session, user: UserRow, visitor: Visitor) -> None:
        now, token = self.clock(), new_token()
        session.add(
            OneTimeTokenRow(
                token_hash=token_hash(token),
                purpose=RECOVERY,
                user_id=user.id,
                created_at=now,
                expires_at=now + LIFETIME,
            )
        )
        told = recovery_content(
            platform=self.mail.platform,
            email=user.email,
            url=self.mail.url(f"/recovery/{token}"),
            lifetime=LIFETIME,
            network=visitor.network,
            at=now,
        )
        self.mail.send(session, user, account_mail.RECOVERY, told)
