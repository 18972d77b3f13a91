"""What has been seen of each message while workers work, and what must hold of the database all the time."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.audit_events import AuditAction
from portal.domain.ids import MessageId, TenantId
from portal.services.journeys import Journey
from portal.services.records import Step, Written
from portal.storage.attempts import AttemptRow
from portal.storage.audit_log import AuditRow
from portal.storage.lanes import LaneRow, WorkerRow
from portal.storage.messages import MessageContentRow, MessageRow, MessageState
from portal.wiring import Waypost

_MOST_UNKNOWN: Final = 3
_WELL, _BADLY = AuditAction.EMAIL_SENT, AuditAction.EMAIL_SEND_FAILED
_EVENTS: Final = select(AuditRow).where(AuditRow.action.in_([_WELL, _BADLY]))


@dataclass
class Seen:
    """What has been seen of one message.

    Attributes:
        begun: The number that fences it, together with ``tries``.
        tries: Outcomes on record.
        numbers: The conversations begun about it.
        unknown: Those of which nobody knows how they ended.
        final: Its state, once that was seen to be final.
    """

    tenant: TenantId
    begun: int = 0
    tries: int = 0
    numbers: set[int] = field(default_factory=set)
    unknown: set[int] = field(default_factory=set)
    final: MessageState | None = None


class MessageLedger:
    """Of every message whose id was handed out.

    Attributes:
        acknowledged: By tenant the route epoch of which somebody has been told that it holds.
    """

    def __init__(self, waypost: Waypost) -> None:
        self._waypost = waypost
        self.seen: dict[MessageId, Seen] = {}
        self.acknowledged: dict[TenantId, int] = {}

    @property
    def is_over(self) -> bool:
        return all(seen.final for seen in self.seen.values())

    def next_due(self) -> datetime:
        """When the next open message is due; now where none is."""
        with self._waypost.database.reading() as session:
            return session.scalar(select(func.min(MessageRow.due_at))) or self._waypost.clock()

    def acknowledges(self, tenant: TenantId, message: MessageId) -> None:
        self.seen.setdefault(message, Seen(tenant))

    def wrote(self, step: Step, written: Written) -> None:
        """Workers report here what they have written; each may write only what is its own to write."""
        if step.ending is not None:
            ending, seen = step.ending, self.seen[step.ending.message]
            # An end that was decided before a late outcome came is not the end of what it has become.
            is_current = seen.final is None and (ending.begun, ending.tries_before) == (seen.begun, seen.tries)
            assert written.ended is is_current, "the outcome of the latest conversation counts, and no other"
            if is_current:
                seen.begun, seen.tries = ending.begun_after, ending.tries
        if step.begin is not None and written.begun:
            begin, seen = step.begin, self.seen[step.begin.message]
            assert seen.final is None, "a message that is over has begun again"
            assert begin.begun not in seen.numbers, "the same conversation was begun twice"
            seen.begun = begin.begun
            seen.numbers.add(begin.begun)
            seen.unknown.add(begin.begun)

    def said(self, journey: Journey) -> None:
        """A worker says MAIL."""
        seen = self.seen[journey.id]
        assert seen.final is None, "MAIL is said of a message that is over"
        assert journey.begun == seen.begun, "MAIL is said in a conversation that another one has replaced"
        assert journey.lane.epoch >= self.acknowledged.get(seen.tenant, 0), "MAIL is said on a route that was given up"

    def knows_end_of(self, journey: Journey, number: int) -> None:
        """It is on record how the conversation has ended, or that it said nothing."""
        self.seen[journey.id].unknown.discard(number)

    def picture(self, message: MessageId) -> tuple[Any, ...]:
        """Everything on record of one message."""
        with self._waypost.database.reading() as session:
            row = session.execute(select(MessageRow.__table__).where(MessageRow.id == message)).one()
            attempts = session.scalar(select(func.count()).where(AttemptRow.message_id == message))
            return (*row, attempts, _events(session)[message, _WELL], _events(session)[message, _BADLY])

    def check(self) -> None:
        """Look at the whole database."""
        now = self._waypost.clock()
        with self._waypost.database.reading() as session:
            rows = {row.id: row for row in session.scalars(select(MessageRow))}
            contents = set(session.scalars(select(MessageContentRow.message_id)))
            attempts = Counter(session.scalars(select(AttemptRow.message_id)))
            lanes = {row.tenant_id: row for row in session.scalars(select(LaneRow))}
            alive = set(session.scalars(select(WorkerRow.id)))
            events = _events(session)
        assert rows.keys() == self.seen.keys(), "what was acknowledged is there, and nothing else"
        for id_, seen in self.seen.items():
            row, lane = rows[id_], lanes[seen.tenant]
            state = MessageState(row.state)
            assert seen.final in {None, state}, "a final message has changed its state"
            assert state.is_final is (row.finished_at is not None) is (row.due_at is None), "it is final, or it is due"
            assert state.is_final is (id_ not in contents), "what is open has its content, what is final has none"
            assert row.begun == seen.begun
            assert row.tries == seen.tries == attempts[id_]
            assert len(seen.unknown) <= _MOST_UNKNOWN
            assert events[id_, _WELL] == (state is MessageState.SENT)
            if state.is_final:
                seen.final = state
                assert state is MessageState.SENT or events[id_, _BADLY]
            elif lane.worker is None:
                assert lane.due_at is not None, "nobody will look at the lane again"
                assert lane.due_at <= max(row.due_at or now, now), "the lane is looked at too late"
            else:
                assert lane.worker in alive, "the lane is held by nobody"


def _events(session: Session) -> Counter[tuple[str, str]]:
    return Counter((event.facts["message"], event.action) for event in session.scalars(_EVENTS))
