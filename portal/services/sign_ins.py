"""Sign-ins as rows: begun, continued, rotated, ended, and never longer than they should be (THREATS 23)."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from portal.crypto.token_hashing import new_token, token_hash
from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.domain.ids import UserId
from portal.domain.people import user_agents
from portal.domain.people.sign_in_rules import PREVIOUS_TOKEN_FOR, Ended, why_ended
from portal.domain.people.visitor import Visitor
from portal.services.clock import Clock, new_id
from portal.storage import audit_log, sign_ins, users
from portal.storage.database import Database
from portal.storage.sign_ins import SignInRow
from portal.storage.users import UserRow

_NOTED_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a token belongs to, and the sign-in behind it.

    Attributes:
        token: The one to go on with: another than the browser brought, when it was time for a new one.
        is_superseded: The browser brought the token before the newest, because it sent several requests at once. The
            newest is on its way to it, and this answer must not overwrite it.
    """

    sign_in_id: str
    token: str = field(repr=False)
    user_id: UserId
    email: str
    name: str
    is_operator: bool
    confirmed_at: datetime
    is_superseded: bool = False


@dataclass(frozen=True, slots=True)
class SignIns:
    """What becomes of a sign-in between its beginning and its end. The browser holds a token, the row its hash."""

    database: Database
    clock: Clock

    def begin(self, session: Session, user_id: UserId, visitor: Visitor, now: datetime) -> str:
        """Begin one in the transaction of the caller, who has seen the proof; the token for the browser."""
        token = new_token()
        session.add(
            SignInRow(
                id=new_id(now),
                token_hash=token_hash(token),
                user_id=user_id,
                created_at=now,
                seen_at=now,
                confirmed_at=now,
                network=visitor.network,
                user_agent=user_agents.cut(visitor.user_agent),
            )
        )
        audit_log.append(session, AuditEvent(AuditAction.SIGNED_IN, now, Actor(user_id, visitor.network)))
        return token

    def whose(self, token: str, *, is_unattended: bool = False) -> SignedIn | Ended:
        """The person a token belongs to, or why it belongs to nobody any more.

        Args:
            is_unattended: A page looks again by itself: that is no use of the sign-in, which may run out meanwhile.
        """
        now, hashed = self.clock(), token_hash(token)
        with self.database.reading() as session:
            row = sign_ins.by_token_hash(session, hashed)
            if row is None:
                return Ended.UNKNOWN
            is_newest = row.token_hash == hashed
            if not is_newest and (row.rotated_at is None or now - row.rotated_at > PREVIOUS_TOKEN_FOR):
                return Ended.UNKNOWN
            if why := why_ended(created_at=row.created_at, seen_at=row.seen_at, now=now):
                return why
            found = _signed_in(row, session.get_one(UserRow, row.user_id), token, is_superseded=not is_newest)
            must_rotate, is_news = row.must_rotate, now - row.seen_at > _NOTED_EVERY
        if is_newest and must_rotate:
            return self._rotated(found, hashed, now)
        if is_newest and is_news and not is_unattended:
            with self.database.transaction() as session:
                sign_ins.set_if_newest(session, found.sign_in_id, hashed, seen_at=now)
        return found

    def end(self, signed_in: SignedIn, *, network: str | None) -> None:
        """Sign out. Twice is harmless."""
        actor = Actor(signed_in.user_id, network)
        with self.database.transaction() as session:
            if sign_ins.end(session, signed_in.user_id, signed_in.sign_in_id):
                audit_log.append(session, AuditEvent(AuditAction.SIGNED_OUT, self.clock(), actor))

    def end_one(self, sign_in_id: str, *, actor: Actor) -> bool:
        """End one of the actor's own sign-ins; whether there was such a one."""
        with self.database.transaction() as session:
            ended = sign_ins.end(session, UserId(actor.name), sign_in_id)
            self._note_ended(session, ended, actor)
        return bool(ended)

    def end_others(self, signed_in: SignedIn, *, actor: Actor) -> int:
        """End the actor's sign-ins except this one; how many there were."""
        with self.database.transaction() as session:
            users.user_to_change(session, signed_in.user_id)
            ended = sign_ins.end_all(session, signed_in.user_id, but=signed_in.sign_in_id)
            self._note_ended(session, ended, actor)
        return ended

    def _note_ended(self, session: Session, ended: int, actor: Actor) -> None:
        if ended:
            event = AuditEvent(AuditAction.SIGN_INS_ENDED, self.clock(), actor, facts={"sign_ins": ended})
            audit_log.append(session, event)

    def _rotated(self, found: SignedIn, hashed: bytes, now: datetime) -> SignedIn:
        token = new_token()
        new = {"token_hash": token_hash(token), "previous_hash": hashed, "rotated_at": now, "must_rotate": False}
        with self.database.transaction() as session:
            is_ours = sign_ins.set_if_newest(session, found.sign_in_id, hashed, seen_at=now, **new)
        # Of requests sent at once one rotates; the others bring what is the token before the newest by now.
        return replace(found, token=token) if is_ours else replace(found, is_superseded=True)


def _signed_in(row: SignInRow, user: UserRow, token: str, *, is_superseded: bool) -> SignedIn:
    return SignedIn(
        sign_in_id=row.id,
        token=token,
        user_id=UserId(user.id),
        email=user.email,
        name=user.name,
        is_operator=user.is_operator,
        confirmed_at=row.confirmed_at,
        is_superseded=is_superseded,
    )
