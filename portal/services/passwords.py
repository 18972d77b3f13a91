"""Changing a password, and what goes with it: other sign-ins end, links to a new one are void, the person is told."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from portal.crypto.password_hashing import PasswordHashing
from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.domain.ids import UserId
from portal.domain.mail.account_mail import password_changed_content
from portal.domain.people.password_rules import check_password
from portal.domain.people.visitor import Visitor
from portal.services.account_mail import ALERT, AccountMail
from portal.services.clock import Clock
from portal.services.sign_in import SignIn, WrongPasswordError, account_address
from portal.services.sign_ins import SignedIn
from portal.storage import audit_log, one_time_tokens, sign_ins, users
from portal.storage.database import Database
from portal.storage.users import UserRow


class How(StrEnum):
    """By which way a password was changed."""

    ACCOUNT_PAGE = "account page"
    RECOVERY = "recovery"
    COMMAND_LINE = "command line"


_IN_WORDS: Final = {
    How.ACCOUNT_PAGE: " on the page of your account",
    How.RECOVERY: " by the link we mailed you",
    How.COMMAND_LINE: "",
}


class NoSuchPersonError(ValueError):
    """Nobody has this address; the text says so."""


@dataclass(frozen=True, slots=True)
class Passwords:
    """Each change ends every sign-in: whoever knew the old password, or has a token from before, is out."""

    database: Database
    hashing: PasswordHashing
    sign_in: SignIn
    mail: AccountMail
    clock: Clock

    def change(self, signed_in: SignedIn, *, current: str, new: str, visitor: Visitor) -> str:
        """Change one's own, and begin a sign-in anew in place of the one it is changed in; the new one's token.

        Raises:
            PasswordError: The new one cannot be used.
            WrongPasswordError, TooManyTriesError: The current one is not right, or not any more, or was not looked at.
        """
        check_password(new)
        self.sign_in.confirm(signed_in, current, visitor)
        new_hash = self.hashing.hash(new)  # slow on purpose: before the transaction
        with self.database.transaction() as session:
            now, user = self.clock(), users.user_to_change(session, signed_in.user_id)
            # Ended since the password was looked at: it may have been changed by a link, and that change stands.
            if not sign_ins.end(session, signed_in.user_id, signed_in.sign_in_id):
                raise WrongPasswordError
            actor = Actor(signed_in.user_id, visitor.network)
            self.replace(session, user, new_hash, actor=actor, how=How.ACCOUNT_PAGE, now=now)
            return self.sign_in.sign_ins.begin(session, signed_in.user_id, visitor, now)

    def set(self, email: str, new: str, *, actor: Actor) -> None:
        """Set somebody's, as the operator may from the command line.

        Raises:
            PasswordError: It cannot be used.
            NoSuchPersonError: Nobody has this address.
        """
        check_password(new)
        address = account_address(email)
        new_hash = self.hashing.hash(new)
        with self.database.transaction() as session:
            found = users.user_by_email(session, address) if address else None
            if found is None:
                raise NoSuchPersonError(f"There is nobody with the address {email}.")
            user = users.user_to_change(session, UserId(found.id))
            self.replace(session, user, new_hash, actor=actor, how=How.COMMAND_LINE, now=self.clock())

    def replace(
        self,
        session: Session,
        user: UserRow,
        new_hash: str,
        *,
        actor: Actor,
        how: How,
        now: datetime,
    ) -> None:
        """Put a new hash in place of the old one, in the transaction of the caller, who may do that."""
        user_id = UserId(user.id)
        user.password_hash = new_hash
        ended = sign_ins.end_all(session, user_id)
        one_time_tokens.use_up(session, user_id, one_time_tokens.RECOVERY, now)
        facts = {"by": how, "user": user_id, "sign_ins_ended": ended}
        audit_log.append(session, AuditEvent(AuditAction.PASSWORD_CHANGED, now, actor, facts=facts))
        told = password_changed_content(
            platform=self.mail.platform,
            email=user.email,
            url=self.mail.url("/recovery"),
            how=_IN_WORDS[how],
            network=actor.network,
            at=now,
            is_signed_in_still=how is How.ACCOUNT_PAGE,
        )
        self.mail.send(session, user, ALERT, told)
