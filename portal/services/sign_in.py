"""Signing in, staying signed in, signing out. A browser holds a token; the row behind it can be ended at any time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from portal.crypto.password_hashing import PasswordHashing
from portal.crypto.token_hashing import new_token, token_hash
from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.domain.ids import UserId
from portal.services.clock import Clock, new_id
from portal.storage import audit_log, sign_ins, users
from portal.storage.database import Database
from portal.storage.sign_ins import SignInRow
from portal.storage.users import UserRow

IDLE: Final = timedelta(minutes=30)
ABSOLUTE: Final = timedelta(hours=12)
_NOTED_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a token belongs to."""

    user_id: UserId
    email: str
    name: str
    is_operator: bool


@dataclass(frozen=True, slots=True)
class SignIn:
    """Sign-ins as rows: listed, ended, and never longer than they should be (THREATS 23)."""

    database: Database
    hashing: PasswordHashing
    clock: Clock

    def sign_in(self, email: str, password: str, *, network: str | None) -> str | None:
        """Check the password; return a fresh token, or None. An unknown address and a wrong password look alike."""
        now = self.clock()
        address = email.strip().lower()
        with self.database.reading() as session:
            user = users.user_by_email(session, address)
            stored, user_id = (user.password_hash, user.id) if user else (None, None)
        if not self.hashing.verify(password, stored) or user_id is None:
            self._note_refusal(user_id, network)
            return None
        token = new_token()
        with self.database.transaction() as session:
            session.add(
                SignInRow(
                    id=new_id(now),
                    token_hash=token_hash(token),
                    user_id=user_id,
                    created_at=now,
                    seen_at=now,
                    confirmed_at=now,
                    network=network,
                )
            )
            audit_log.append(session, AuditEvent(AuditAction.SIGNED_IN, now, Actor(user_id, network)))
        return token

    def whose(self, token: str) -> SignedIn | None:
        """The person a token belongs to, or None when it is unknown, idle for too long or too old."""
        now = self.clock()
        with self.database.reading() as session:
            row = sign_ins.by_token_hash(session, token_hash(token))
            if row is None or now - row.seen_at > IDLE or now - row.created_at > ABSOLUTE:
                return None
            user = session.get_one(UserRow, row.user_id)
            found = SignedIn(UserId(user.id), user.email, user.name, user.is_operator)
            seen_at = row.seen_at
        if now - seen_at > _NOTED_EVERY:
            with self.database.transaction() as session:
                if row_now := sign_ins.by_token_hash(session, token_hash(token)):
                    row_now.seen_at = now
        return found

    def sign_out(self, token: str, *, network: str | None) -> None:
        """End a sign-in. Twice is harmless."""
        with self.database.transaction() as session:
            row = sign_ins.by_token_hash(session, token_hash(token))
            if row is not None:
                session.delete(row)
                actor = Actor(row.user_id, network)
                audit_log.append(session, AuditEvent(AuditAction.SIGNED_OUT, self.clock(), actor))

    def _note_refusal(self, user_id: str | None, network: str | None) -> None:
        """Written for unknown addresses too: the same work, and no address somebody mistyped is kept."""
        with self.database.transaction() as session:
            actor = Actor(user_id or "unknown", network)
            audit_log.append(session, AuditEvent(AuditAction.SIGN_IN_REFUSED, self.clock(), actor))
