"""What became of a tenant's mail, in numbers.

Counted are the messages that were handed in during a span of time, by what has become of them until now. Ids grow with
time, so that a span is a range of the index over tenant and id, and nothing of other tenants or times is looked at.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Double, and_, case, cast, extract, func, select
from sqlalchemy.orm import Session

from portal.domain.ids import TenantId, time_ordered_id
from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.platform_quota import FALLBACKS
from portal.domain.routing.smtp_route import Via
from portal.storage.attempts import AttemptRow
from portal.storage.messages import IS_OPEN, MessageRow, MessageState

HOUR: Final = timedelta(hours=1)
MOST_TIMED: Final = 10_000
_SECONDS_A_DAY: Final = 86_400


class Outcome(StrEnum):
    """What has become of a message: every message is one of these."""

    SENT = "sent"  # the way it was meant to go
    FALLBACK = "fallback"  # through the platform, because the tenant's own server could not take it
    FAILED = "failed"  # it ended without being sent: refused, expired, set aside
    WAITING = "waiting"  # neither

    @property
    def condition(self) -> ColumnElement[bool]:
        """Tells the messages of this outcome from the others."""
        return _CONDITIONS[self]


_IS_SENT: Final = MessageRow.state == MessageState.SENT
FELL_BACK: Final = func.coalesce(MessageRow.because, "").in_(sorted(FALLBACKS))
"""Never NULL: a message that has not ended, or was sent before this was noted, did not fall back."""
_CONDITIONS: Final[Mapping[Outcome, ColumnElement[bool]]] = {
    Outcome.SENT: and_(_IS_SENT, ~FELL_BACK),
    Outcome.FALLBACK: and_(_IS_SENT, FELL_BACK),
    Outcome.FAILED: and_(MessageRow.due_at.is_(None), ~_IS_SENT),
    Outcome.WAITING: IS_OPEN,
}


@dataclass(frozen=True, slots=True)
class Hour:
    """The messages that were handed in during one hour.

    Attributes:
        outcomes: How many of each; all four are there.
        first_try: How many of those sent needed one attempt only.
        fallback_since: When the first of those that fell back was accepted, and ``fallback_until`` the last.
    """

    start: datetime
    outcomes: Mapping[Outcome, int]
    first_try: int = 0
    fallback_since: datetime | None = None
    fallback_until: datetime | None = None

    @property
    def messages(self) -> int:
        return sum(self.outcomes.values())


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a tenant's lane holds: how many messages, and when the oldest of them was handed in."""

    messages: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the tenant's own server, or the way to it, answered to a message that fell back.

    Attributes:
        said: The server's words, or what happened instead of any.
        answered: Whether they are the server's.
    """

    fault: Fault
    said: str
    answered: bool


def hours(session: Session, tenant_id: TenantId, *, since: datetime, count: int) -> tuple[Hour, ...]:
    """So many hours, from ``since`` on."""
    return tuple(_hour(session, tenant_id, since + number * HOUR) for number in range(count))


def _hour(session: Session, tenant_id: TenantId, start: datetime) -> Hour:
    fell_back_at = case((Outcome.FALLBACK.condition, MessageRow.finished_at))
    counts = [func.count(case((outcome.condition, 1))) for outcome in Outcome]
    row = session.execute(
        select(
            *counts,
            func.count(case((and_(_IS_SENT, MessageRow.tries == 1), 1))),
            func.min(fell_back_at),
            func.max(fell_back_at),
        ).where(*_handed_in(tenant_id, start, start + HOUR))
    ).one()
    *found, first_try, since, until = row
    return Hour(start, dict(zip(Outcome, found, strict=True)), first_try, since, until)


def _handed_in(tenant_id: TenantId, since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        MessageRow.tenant_id == tenant_id,
        MessageRow.id >= time_ordered_id(since, 0),
        MessageRow.id < time_ordered_id(until, 0),
    )


def failures(
    session: Session, tenant_id: TenantId, *, since: datetime, until: datetime
) -> Mapping[tuple[MessageState, Fault | None], int]:
    """Messages that ended without being sent, by how they ended and their last attempt's fault (None without one)."""
    rows = session.execute(
        select(MessageRow.state, AttemptRow.fault, func.count())
        .outerjoin(AttemptRow, and_(AttemptRow.message_id == MessageRow.id, AttemptRow.number == MessageRow.tries))
        .where(*_handed_in(tenant_id, since, until), Outcome.FAILED.condition)
        .group_by(MessageRow.state, AttemptRow.fault)
    )
    return {(MessageState(state), Fault(fault) if fault else None): count for state, fault, count in rows}


def seconds_to_accept(
    session: Session, tenant_id: TenantId, *, since: datetime, until: datetime, places: Collection[int]
) -> Mapping[int, float]:
    """How long messages took, from when they were meant to leave until a server accepted them.

    Of the newest ``MOST_TIMED`` that were sent: to put all of many in order would take longer than a page may.

    Args:
        places: Which of them, from the quickest (1) on: of 1,000 the 500th is the median.

    Returns:
        Seconds by place; a place that is not taken is left out.
    """
    newest = (
        select(MessageRow.send_at, MessageRow.finished_at)
        .where(*_handed_in(tenant_id, since, until), _IS_SENT)
        .order_by(MessageRow.id.desc())
        .limit(MOST_TIMED)
        .subquery()
    )
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    taken = _seconds_between(newest.c.send_at, newest.c.finished_at, is_sqlite=is_sqlite)
    timed = select(taken.label("seconds"), func.row_number().over(order_by=taken).label("place")).subquery()
    rows = session.execute(select(timed.c.place, timed.c.seconds).where(timed.c.place.in_(places)))
    # A worker whose clock is a little behind may seem to have sent before it was asked.
    return {place: max(0.0, seconds) for place, seconds in rows}


def _seconds_between(start: Any, end: Any, *, is_sqlite: bool) -> ColumnElement[float]:
    if is_sqlite:  # its times are text
        return (func.julianday(end) - func.julianday(start)) * _SECONDS_A_DAY
    return cast(extract("epoch", end - start), Double)


def last_refusal(session: Session, tenant_id: TenantId, *, since: datetime, until: datetime) -> Refusal | None:
    """Why the newest message that fell back did so; None where none was given to the own server before."""
    newest = (
        select(MessageRow.id)
        .where(*_handed_in(tenant_id, since, until), Outcome.FALLBACK.condition, MessageRow.tries > 1)
        .order_by(MessageRow.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    row = session.scalar(
        select(AttemptRow)
        .where(AttemptRow.message_id == newest, AttemptRow.via == Via.TENANT)
        .order_by(AttemptRow.number.desc())
        .limit(1)
    )
    return Refusal(Fault(row.fault), row.reply, row.code is not None) if row else None


def waiting(session: Session, tenant_id: TenantId) -> Waiting:
    """What is still to be sent, counted in the index of the tenant's lane."""
    messages, oldest = session.execute(
        select(func.count(), func.min(MessageRow.id)).where(MessageRow.tenant_id == tenant_id, IS_OPEN)
    ).one()
    return Waiting(messages, session.get_one(MessageRow, oldest).created_at if oldest else None)


def has_any(session: Session, tenant_id: TenantId) -> bool:
    """Whether a message of this tenant was ever handed in, of those that are kept."""
    return session.scalar(select(MessageRow.id).where(MessageRow.tenant_id == tenant_id).limit(1)) is not None
