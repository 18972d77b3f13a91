"""How often a connection may be tested: it sends real mail, and signs in at servers that lock accounts (THREATS 25)."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.audit_events import Actor
from portal.domain.ids import TenantId
from portal.storage.probes import ProbeRow

_A_PERSON: Final = (5, timedelta(minutes=10))
_A_TENANT: Final = (20, timedelta(hours=1))
_LONGEST_RUN: Final = timedelta(seconds=60)


class TooManyProbesError(Exception):
    """The test is not begun; the text says when the next one may be.

    Attributes:
        running: The id of this person's test of the same tenant that has not ended, if that is why.
    """

    def __init__(self, sentence: str, *, running: str | None = None) -> None:
        super().__init__(sentence)
        self.running = running


def refuse_too_many(session: Session, tenant_id: TenantId, actor: Actor, now: datetime) -> None:
    """Judge whether this person may test this tenant's connection now.

    Raises:
        TooManyProbesError: One of theirs is still running, or there were too many lately.
    """
    mine, tenants = ProbeRow.started_by == actor.name, ProbeRow.tenant_id == tenant_id
    running = session.scalar(
        select(ProbeRow).where(mine, ProbeRow.finished_at.is_(None), ProbeRow.started_at > now - _LONGEST_RUN).limit(1)
    )
    if running:
        raise TooManyProbesError(
            "Your last test is still running. Wait for its result; it takes 20 seconds at most.",
            running=running.id if running.tenant_id == tenant_id else None,
        )
    for whose, (most, span), who in ((mine, _A_PERSON, "you"), (tenants, _A_TENANT, "this tenant")):
        times = session.scalars(
            select(ProbeRow.started_at)
            .where(whose, ProbeRow.started_at > now - span)
            .order_by(ProbeRow.started_at.desc())
            .limit(most)
        ).all()
        if len(times) >= most:
            minutes = max(1, -(-(times[-1] + span - now) // timedelta(minutes=1)))
            raise TooManyProbesError(
                f"That was test number {most} for {who} within {span // timedelta(minutes=1)} minutes. "
                f"The next one is possible in {minutes} min."
            )
