"""How often a connection may be tested: it sends real mail, and signs in where accounts get locked (THREATS 25, 26).

Tests themselves are counted by their rows, which makes the limits exact: no more than so many within any such span.
Refused sign-ins have a bucket: a test takes a token before it begins, so that tests at the same time cannot guess
together, and gives it back unless the server has refused the sign-in.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.audit_events import Actor
from portal.domain.ids import TenantId
from portal.domain.token_bucket import NO_WAIT, Limit, begun_minutes
from portal.services import limits
from portal.services.probe_verdict import Subject
from portal.storage.probes import ProbeRow

REFUSED_SIGN_INS: Final = Limit("refused sign-ins of tests", 5, timedelta(hours=1))

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

    Exact in a transaction that holds the rows of the tenant and of the person.

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
    limits_of = ((mine, _A_PERSON, "You have tested"), (tenants, _A_TENANT, "This tenant was tested"))
    for whose, (most, span), who in limits_of:
        times = session.scalars(
            select(ProbeRow.started_at)
            .where(whose, ProbeRow.started_at > now - span)
            .order_by(ProbeRow.started_at.desc())
            .limit(most)
        ).all()
        if len(times) >= most:
            raise TooManyProbesError(
                f"{who} {most} times within {begun_minutes(span)} minutes. "
                f"The next one is possible in {begun_minutes(times[-1] + span - now)} min."
            )


def take_sign_in(session: Session, subject: Subject, now: datetime) -> None:
    """Reserve one of the sign-ins that a server may refuse to this tenant under this username.

    Raises:
        TooManyProbesError: The server has refused too many of them.
    """
    if subject.credentials is None:
        return
    wait = limits.take(session, REFUSED_SIGN_INS, _account(subject), now)
    if wait != NO_WAIT:
        raise TooManyProbesError(
            f"{subject.settings.host} has refused the sign-in as {subject.settings.username} {REFUSED_SIGN_INS.most} "
            "times lately. More tries could lock the account, so look up the right password first. "
            f"The next test with this username is possible in {begun_minutes(wait)} min."
        )


def give_sign_in_back(session: Session, subject: Subject, now: datetime) -> None:
    """Return what ``take_sign_in()`` has reserved: no sign-in was refused."""
    if subject.credentials is not None:
        limits.give_back(session, REFUSED_SIGN_INS, _account(subject), now)


def _account(subject: Subject) -> str:
    # Most servers take a username in any case: Bob and bob are one account, which five tries may lock.
    return f"{subject.tenant_id}\0{subject.settings.host}\0{(subject.settings.username or '').casefold()}"
