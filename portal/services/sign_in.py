"""Proving who one is by a password: to sign in, and once more before something that matters (THREATS 20 and 24)."""

from dataclasses import dataclass
from datetime import datetime

from portal.crypto.password_hashing import PasswordHashing
from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.domain.ids import UserId
from portal.domain.mail.addresses import AddressError, parse_address
from portal.domain.people.visitor import Visitor
from portal.services import sign_in_limits
from portal.services.clock import Clock
from portal.services.sign_ins import SignedIn, SignIns
from portal.storage import audit_log, sign_ins, users
from portal.storage.database import Database
from portal.storage.users import UserRow


class WrongPasswordError(Exception):
    """The password is not right, or nobody has this address; which of them is told to nobody."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """Passwords are looked at here and nowhere else."""

    database: Database
    hashing: PasswordHashing
    sign_ins: SignIns
    clock: Clock

    def sign_in(self, email: str, password: str, visitor: Visitor) -> str:
        """Check the password and begin a sign-in; its token.

        Raises:
            WrongPasswordError: After the same work whether anybody has this address or not.
            TooManyTriesError: Nothing was looked at.
        """
        now = self.clock()
        address = account_address(email)
        with self.database.reading() as session:
            user = users.user_by_email(session, address) if address else None
            stored, user_id = (user.password_hash, UserId(user.id)) if user else (None, None)
        tries = sign_in_limits.of_sign_in(address or email, user_id, visitor)
        tries.begin(self.database, now)
        # Slow on purpose, so no transaction is open meanwhile.
        if not self.hashing.verify(password, stored) or user_id is None or stored is None:
            self._note_refusal(AuditAction.SIGN_IN_REFUSED, user_id, visitor)
            raise WrongPasswordError
        renewed = self.hashing.hash(password) if self.hashing.is_outdated(stored) else None
        with self.database.transaction() as session:
            tries.forgive(session, now)
            row = users.user_to_change(session, user_id)
            if row.password_hash != stored:  # changed meanwhile, which ends what the old one has begun
                raise WrongPasswordError
            row.password_hash = renewed or stored
            return self.sign_ins.begin(session, user_id, visitor, now)

    def confirm(self, signed_in: SignedIn, password: str, visitor: Visitor) -> datetime:
        """Check the password of somebody who is signed in; since when they are confirmed now.

        Raises:
            WrongPasswordError, TooManyTriesError: As for ``sign_in()``.
        """
        now = self.clock()
        tries = sign_in_limits.of_confirmation(signed_in.sign_in_id)
        tries.begin(self.database, now)
        with self.database.reading() as session:
            stored = session.get_one(UserRow, signed_in.user_id).password_hash
        if not self.hashing.verify(password, stored):
            self._note_refusal(AuditAction.CONFIRMATION_REFUSED, signed_in.user_id, visitor)
            raise WrongPasswordError
        with self.database.transaction() as session:
            tries.forgive(session, now)
            # A change of the password meanwhile has ended it: the old one proves nothing any more.
            if not sign_ins.set_confirmed(session, signed_in.sign_in_id, now):
                raise WrongPasswordError
            actor = Actor(signed_in.user_id, visitor.network)
            audit_log.append(session, AuditEvent(AuditAction.CONFIRMED, now, actor))
        return now

    def _note_refusal(self, action: AuditAction, user_id: UserId | None, visitor: Visitor) -> None:
        """Written for unknown addresses too: the same work, and no address somebody mistyped is kept."""
        with self.database.transaction() as session:
            actor = Actor(user_id or "unknown", visitor.network)
            audit_log.append(session, AuditEvent(action, self.clock(), actor))


def account_address(typed: str) -> str | None:
    """The address of an account in the one way it is stored, however it was typed; None for what is no address."""
    try:
        return parse_address(typed.strip()).lower()
    except AddressError:
        return None
