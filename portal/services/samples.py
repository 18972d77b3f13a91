"""Samples: a notification to oneself, which goes the way every notification goes at this moment."""

from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.domain.ids import MessageId, TenantId
from portal.domain.token_bucket import NO_WAIT, Limit, begun_minutes
from portal.services import limits
from portal.services.clock import Clock
from portal.services.sending import Sender
from portal.storage import audit_log
from portal.storage.database import Database
from portal.storage.organisations import TenantRow

_A_PERSON: Final = Limit("samples of a person", 5, timedelta(minutes=10))
_A_TENANT: Final = Limit("samples of a tenant", 20, timedelta(hours=1))
_WHOSE: Final = {_A_PERSON: "you", _A_TENANT: "this tenant"}

_TEXT: Final = """\
This is a sample notification of {tenant}.

It went the way every notification of {tenant} goes at this moment. The message's page
in {platform} shows which way that was, and why.
"""


class TooManySamplesError(Exception):
    """No sample was sent; the text says when the next one may be.

    Attributes:
        limit: Which limit was reached.
    """

    def __init__(self, limit: Limit, wait: timedelta) -> None:
        super().__init__(
            f"That is enough for now: {limit.most} samples in {begun_minutes(limit.span)} minutes is as many "
            f"as are sent for {_WHOSE[limit]}. The next one is possible in {begun_minutes(wait)} min."
        )
        self.limit = limit


class Samples:
    """Sends samples, to nobody but who asks for them, and not too many (THREATS 25)."""

    def __init__(self, database: Database, sender: Sender, clock: Clock, *, platform_name: str) -> None:
        self._database = database
        self._sender = sender
        self._clock = clock
        self._platform_name = platform_name

    def send(self, tenant: TenantRow, *, to: str, actor: Actor) -> MessageId:
        """Send one to the person who asks.

        Args:
            to: The address of this person's account.

        Raises:
            TooManySamplesError: Nothing was sent, and the refusal is on record.
        """
        try:
            with self._database.transaction() as session:
                self._take(session, _A_PERSON, actor.name)
                self._take(session, _A_TENANT, tenant.id)
                return self._sender.enqueue(
                    session,
                    tenant.id,
                    kind="notification",
                    to=to,
                    subject=f"Sample notification of {tenant.name}",
                    text=_TEXT.format(tenant=tenant.name, platform=self._platform_name),
                )
        except TooManySamplesError as refused:
            # By now nothing was taken from either bucket.
            self._record(refused, TenantId(tenant.id), actor)
            raise

    def _take(self, session: Session, limit: Limit, whose: str) -> None:
        wait = limits.take(session, limit, whose, self._clock())
        if wait > NO_WAIT:
            raise TooManySamplesError(limit, wait)

    def _record(self, refused: TooManySamplesError, tenant_id: TenantId, actor: Actor) -> None:
        facts = {"limit": refused.limit.name}
        event = AuditEvent(AuditAction.SAMPLE_REFUSED, self._clock(), actor, tenant_id, facts)
        with self._database.transaction() as session:
            audit_log.append(session, event)
