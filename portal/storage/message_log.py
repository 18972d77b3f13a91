"""The messages of a tenant, newest first, searched within bounds.

Nothing but tenant and id is indexed: an index costs the engine at every message, a search is rare. So one page looks
at the newest ``MOST_LOOKED_AT`` messages and says how far it came; the next page goes on from there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from portal.domain.ids import MessageId, TenantId, time_ordered_id
from portal.domain.routing.smtp_route import Via
from portal.storage.messages import MessageRow
from portal.storage.traffic import FELL_BACK, Outcome

MOST_LOOKED_AT: Final = 50_000


class Way(StrEnum):
    """Which way a message went in the end."""

    OWN = "own"  # the tenant's own server
    PLATFORM = "platform"  # the platform's, because that is the way its mail goes
    FALLBACK = "fallback"  # the platform's, because the own server could not take it

    @property
    def condition(self) -> ColumnElement[bool]:
        return _WAYS[self]


_WAYS: Final[Mapping[Way, ColumnElement[bool]]] = {
    Way.OWN: MessageRow.via == Via.TENANT,
    Way.PLATFORM: and_(MessageRow.via.in_((Via.PLATFORM, Via.DOMAIN)), ~FELL_BACK),
    Way.FALLBACK: FELL_BACK,
}


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; "" and None stand for everything.

    Attributes:
        recipient: A part of the address, in any case.
        since: Handed in at that time or later.
    """

    recipient: str = ""
    outcomes: frozenset[Outcome] = frozenset()
    kind: str = ""
    way: Way | None = None
    since: datetime | None = None

    @property
    def conditions(self) -> tuple[ColumnElement[bool], ...]:
        """What is asked of each message of the span of time."""
        found: list[ColumnElement[bool]] = []
        if self.recipient:
            found.append(func.lower(MessageRow.to_address).contains(self.recipient.lower(), autoescape=True))
        if self.outcomes:
            found.append(or_(*(outcome.condition for outcome in Outcome if outcome in self.outcomes)))
        if self.kind:
            found.append(MessageRow.kind == self.kind)
        if self.way:
            found.append(self.way.condition)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Found:
    """One page.

    Attributes:
        rows: Newest first.
        older: Where the next page begins (its ``before``); None when there is nothing further back.
        looked_back_to: When the search stopped before it had looked at everything: the time it came to.
    """

    rows: Sequence[MessageRow]
    older: MessageId | None
    looked_back_to: datetime | None


def page(session: Session, tenant_id: TenantId, search: Search, *, before: str | None = None, most: int = 50) -> Found:
    """The newest messages that fit.

    Args:
        before: Only messages older than the one with this id.
    """
    conditions = search.conditions
    span = [MessageRow.tenant_id == tenant_id]
    if search.since:
        span.append(MessageRow.id >= time_ordered_id(search.since, 0))
    if before:
        span.append(MessageRow.id < before)
    last = _last_looked_at(session, span) if conditions else None
    if last:
        span.append(MessageRow.id >= last)
    rows = session.scalars(
        select(MessageRow).where(*span, *conditions).order_by(MessageRow.id.desc()).limit(most + 1)
    ).all()
    if len(rows) > most:
        return Found(rows[:most], MessageId(rows[most - 1].id), None)
    if last:
        return Found(rows, MessageId(last), session.get_one(MessageRow, last).created_at)
    return Found(rows, None, None)


def _last_looked_at(session: Session, span: Sequence[ColumnElement[bool]]) -> str | None:
    """The message that a bounded search ends with; None when there are fewer. Counted off in the index alone."""
    return session.scalar(
        select(MessageRow.id).where(*span).order_by(MessageRow.id.desc()).offset(MOST_LOOKED_AT - 1).limit(1)
    )
