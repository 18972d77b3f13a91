"""How a message's step is put on record: its new state, its next time, its sentences and its audit event."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from portal.domain.routing import decisions
from portal.domain.routing.decisions import Decision, Delivered, Expire, GiveUp, NextRoute, RetryNow, TryAgain
from portal.domain.routing.platform_quota import Held
from portal.services import attempts
from portal.services.attempts import Attempt
from portal.services.journeys import Journey, Stored
from portal.services.records import Ending
from portal.services.route_states import RouteCondition
from portal.storage.messages import MessageState

_TOO_LATE: Final = "It expired before it could be sent."
_POISON: Final = (
    "It is set aside: three times a worker stopped while it had this message, so it may have been sent, and may be "
    "what stops them. Look at it before it is sent again."
)
_STOPPED: Final = "The conversation ended before the message was handed over, so another one begins."
_DEFECT: Final = "A defect of Waypost's own broke the conversation off; the log has it. A copy may have been sent."
_AFTER_A_DEFECT: Final = timedelta(minutes=1)


def after_attempt(
    journey: Journey, attempt: Attempt, decision: Decision, *, condition: RouteCondition | None, cap: int
) -> Ending:
    """What an attempt and the decision about it leave behind; the journey's own steps and history go on with it."""
    journey.history = journey.history.followed_by(attempt.past)
    journey.steps += [attempt.sentence, decisions.sentence(decision)]
    state, due_at = _state_after(decision, attempt)
    row = journey.stored
    return Ending(
        message=row.id,
        tenant_id=row.tenant_id,
        begun=journey.begun,
        state=state,
        at=attempt.at,
        due_at=due_at,
        expires_at=row.expires_at,
        tries=journey.history.tries,
        interrupted=journey.interrupted,
        via=attempt.route.via if state.is_final else row.via,
        steps=tuple(journey.steps),
        because=attempt.because if state.is_final else None,
        events=attempts.events_of(decision, row.id, row.tenant_id, attempt),
        attempt=attempt,
        condition=condition,
        cap=cap,
    )


def _state_after(decision: Decision, attempt: Attempt) -> tuple[MessageState, datetime | None]:
    match decision:
        case Delivered():
            return MessageState.SENT, None
        case GiveUp():
            return MessageState.FAILED, None
        case TryAgain(_, at) | Expire(_, at):
            return MessageState.WAITING, at
        case RetryNow(_, after):
            # On record as waiting: should this worker stop meanwhile, another one goes on in time.
            return MessageState.WAITING, attempt.at + after
        case NextRoute():
            return MessageState.WAITING, attempt.at


def expired(row: Stored, *, at: datetime, steps: Sequence[str]) -> Ending:
    return _without_attempt(row, MessageState.EXPIRED, at, _TOO_LATE, steps)


def failed(row: Stored, *, at: datetime, why: str, steps: Sequence[str]) -> Ending:
    return _without_attempt(row, MessageState.FAILED, at, why, steps)


def quarantined(row: Stored, *, at: datetime, steps: Sequence[str]) -> Ending:
    return _without_attempt(row, MessageState.QUARANTINED, at, _POISON, steps)


def put_off(row: Stored, *, at: datetime, until: datetime, steps: Sequence[str]) -> Ending:
    """Wait without a conversation."""
    return Ending(
        message=row.id,
        tenant_id=row.tenant_id,
        begun=row.begun,
        state=MessageState.WAITING,
        at=at,
        due_at=min(until, row.expires_at),
        expires_at=row.expires_at,
        tries=row.tries,
        interrupted=row.interrupted + row.is_sending,
        via=row.via,
        steps=tuple(steps),
    )


def limited(journey: Journey, *, at: datetime, until: datetime) -> Ending:
    """The provider's limit is used up for a good while, and no other route may be used."""
    until = min(until, journey.stored.expires_at)
    why = f"It waits until {until:%Y-%m-%d %H:%M} {until.tzname()}: the limit set for the tenant's server is used up."
    return _waiting_again(journey, at=at, due_at=until, interrupted=journey.interrupted, why=why)


def held(journey: Journey, wait: Held, *, at: datetime) -> Ending:
    """The platform's quota is used up: it waits, and its lifetime with it (THREATS 31)."""
    step = wait.sentence(tenant=journey.lane.tenant_name)
    waiting = _waiting_again(journey, at=at, due_at=wait.until, interrupted=journey.interrupted, why=step)
    return replace(waiting, expires_at=wait.expires_at)


def handed_back(journey: Journey, *, at: datetime) -> Ending:
    """A conversation that was begun and has handed nothing over: anybody may begin another at once."""
    return _waiting_again(journey, at=at, due_at=at, interrupted=journey.interrupted, why=_STOPPED)


def broken_off(journey: Journey, *, at: datetime) -> Ending:
    """A conversation that a defect of ours ended: counted, so that a message that always does it is set aside."""
    due_at = at + _AFTER_A_DEFECT
    return _waiting_again(journey, at=at, due_at=due_at, interrupted=journey.interrupted + 1, why=_DEFECT)


def not_built(journey: Journey, *, at: datetime, why: str) -> Ending:
    """A conversation that was begun about a message which then could not be composed."""
    row = replace(journey.stored, begun=journey.begun, tries=journey.history.tries)
    return failed(row, at=at, why=why, steps=journey.steps)


def _waiting_again(journey: Journey, *, at: datetime, due_at: datetime, interrupted: int, why: str) -> Ending:
    row = journey.stored
    return Ending(
        message=row.id,
        tenant_id=row.tenant_id,
        begun=journey.begun,
        state=MessageState.WAITING,
        at=at,
        due_at=due_at,
        expires_at=row.expires_at,
        tries=journey.history.tries,
        interrupted=interrupted,
        via=row.via,
        steps=(*journey.steps, why),
    )


def _without_attempt(row: Stored, state: MessageState, at: datetime, why: str, steps: Sequence[str]) -> Ending:
    return Ending(
        message=row.id,
        tenant_id=row.tenant_id,
        begun=row.begun,
        state=state,
        at=at,
        due_at=None,
        expires_at=row.expires_at,
        tries=row.tries,
        interrupted=row.interrupted + row.is_sending,
        via=row.via,
        steps=(*steps, why),
        events=(attempts.end_without_attempt(row.id, row.tenant_id, state=state, at=at, why=why),),
    )
