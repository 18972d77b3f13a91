"""What a worker writes down: that a conversation begins, and how it ended. Each item is fenced by the message's
``begun`` (storage/outbox), so that what another worker has taken over meanwhile stays that worker's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.domain.audit_events import AuditEvent
from portal.domain.ids import MessageId, TenantId
from portal.domain.routing.platform_quota import Use
from portal.services import route_states
from portal.services.attempts import Attempt
from portal.services.route_states import RouteCondition
from portal.storage import attempts as stored_attempts
from portal.storage import audit_log, outbox, platform_use
from portal.storage import route_states as stored_states
from portal.storage.messages import MessageState


class LeaseLostError(Exception):
    """Another worker has the message: what this one did with it is not the message's end."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A conversation is about to begin.

    Attributes:
        begun: Its number: the one that was read, plus one.
        tries: Attempts on record, as they were read: a late outcome of somebody else's would have added one.
        turn: Grows with each beginning of this worker: of two sums of what was used the later one holds.
        used: What the tenant has used of the platform's sender with this one; None on its own route.
        rate: What the route has used of its provider's limit with this one; None without a limit.
    """

    message: MessageId
    tenant_id: TenantId
    worker: str
    begun: int
    tries: int
    interrupted: int
    at: datetime
    turn: int = 0
    used: Use | None = None
    rate: stored_states.RateUsed | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a message, or of one attempt at it.

    Attributes:
        begun: The number of the conversation that ended, or of the last one where none was needed.
        state: The message's new state.
        due_at: When it is to be looked at again; None when it is final.
        because: Why ``via`` was taken, once the message is final.
        attempt: The attempt's row, if there was a conversation, and its number.
        condition: What was known of the route; recorded anew where the attempt says something about it.
    """

    message: MessageId
    tenant_id: TenantId
    begun: int
    state: MessageState
    at: datetime
    due_at: datetime | None
    expires_at: datetime
    tries: int
    interrupted: int
    via: str | None
    steps: Sequence[str]
    events: tuple[AuditEvent, ...] = ()
    because: str | None = None
    attempt: Attempt | None = None
    condition: RouteCondition | None = None
    cap: int = 1

    @property
    def begun_after(self) -> int:
        """Without a conversation of its own it raises the number: a late outcome of an earlier one is void then."""
        return self.begun + (self.attempt is None)

    @property
    def tries_before(self) -> int:
        """Attempts on record when this was decided: a late outcome of somebody else's would have added one."""
        return self.tries - (self.attempt is not None)

    @property
    def columns(self) -> Mapping[str, Any]:
        return {
            "_id": self.message,
            "_begun": self.begun_after,
            "_state": self.state,
            "_due_at": self.due_at,
            "_expires_at": self.expires_at,
            "_tries": self.tries,
            "_interrupted": self.interrupted,
            "_via": self.via,
            "_because": self.because,
            "_finished_at": self.at if self.state.is_final else None,
            "_decision": shortened(self.steps),
        }


@dataclass(frozen=True, slots=True)
class Step:
    """What one connection has to write between two conversations: how this one ended, and that the next one begins."""

    ending: Ending | None = None
    begin: Begin | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a ``Step``.

    Attributes:
        ended: False: the message was somebody else's by then, and nothing of its ending was kept.
        begun: False: somebody else has begun it, or it is final; it must not be sent.
        condition: What is known of the route from now on, where that has changed.
    """

    ended: bool = True
    begun: bool = True
    condition: RouteCondition | None = None


@dataclass(slots=True)
class _Batch:
    fenced: dict[str, tuple[int, int]]
    endings: list[Ending] = field(default_factory=list)
    begins: list[Begin] = field(default_factory=list)


def write(session: Session, steps: Sequence[Step]) -> list[Written | Exception]:
    """Write the steps of many connections in one transaction; each is fenced by itself."""
    batch = _Batch(outbox.locked(session, {item.message for step in steps for item in _items(step)}))
    kept = [_keep(batch, step) for step in steps]
    if batch.endings:
        outbox.put(session, [ending.columns for ending in batch.endings])
        finals = [ending.message for ending in batch.endings if ending.state.is_final]
        if finals:
            outbox.wipe(session, finals)
        rows = [e.attempt.row(e.message, e.tries) for e in batch.endings if e.attempt]
        if rows:
            stored_attempts.add(session, rows)
        audit_log.append(session, *(event for ending in batch.endings for event in ending.events))
    if batch.begins:
        for worker in {one.worker for one in batch.begins}:
            outbox.begin(
                session, worker, [(b.message, b.begun, b.interrupted) for b in batch.begins if b.worker == worker]
            )
        batch.begins.sort(key=lambda begin: begin.turn)  # the dictionaries keep the last
        uses = {(b.tenant_id, platform_use.hour_of(b.at)): b.used for b in batch.begins if b.used}
        if uses:
            platform_use.put(session, [(tenant, hour, use) for (tenant, hour), use in sorted(uses.items(), key=str)])
        rates = {b.rate.route: b.rate for b in batch.begins if b.rate}
        if rates:
            stored_states.put_rates(session, rates.values())
    return [
        Written(ended, begun, _condition(session, step.ending) if ended else None)
        for step, (ended, begun) in zip(steps, kept, strict=True)
    ]


def _items(step: Step) -> Iterable[Ending | Begin]:
    return (item for item in (step.ending, step.begin) if item is not None)


def _keep(batch: _Batch, step: Step) -> tuple[bool, bool]:
    """Whether the ending and the beginning hold; puts what holds on the batch's lists."""
    ended = begun = True
    if step.ending is not None:
        ending = step.ending
        ended = batch.fenced.get(ending.message) == (ending.begun, ending.tries_before)
        if ended:
            batch.endings.append(ending)
            batch.fenced[ending.message] = (ending.begun_after, ending.tries)
            if ending.state.is_final:
                del batch.fenced[ending.message]
    if step.begin is not None:
        begin = step.begin
        begun = batch.fenced.get(begin.message) == (begin.begun - 1, begin.tries)
        if begun:
            batch.begins.append(begin)
            batch.fenced[begin.message] = (begin.begun, begin.tries)
    return ended, begun


def _condition(session: Session, ending: Ending | None) -> RouteCondition | None:
    """Record what the attempt says of its route, where that is anything new."""
    if ending is None or ending.attempt is None or ending.condition is None:
        return None
    attempt = ending.attempt
    # What was said once is counted once, however many waited for it.
    if attempt.is_second_hand or not route_states.needs_recording(ending.condition, attempt.fault):
        return None
    return route_states.record(
        session,
        attempt.route,
        fault=attempt.fault,
        said=attempt.said,
        now=attempt.at,
        cap=ending.cap,
        new_connection=attempt.new_connection,
    )


def shortened(steps: Sequence[str]) -> list[str]:
    """The decision list as it is kept: the first and the latest hundred steps."""
    return [*steps] if len(steps) <= 200 else [*steps[:100], *steps[-100:]]
