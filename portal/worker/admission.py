"""Whether a message may begin now: its lifetime, the platform's quota, the provider's limit."""

import itertools
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from portal.domain.routing import retry_schedule
from portal.domain.routing.platform_quota import Quota, budget_of
from portal.services import endings
from portal.services.journeys import Journey
from portal.services.records import Begin, Ending
from portal.storage.route_states import RateUsed
from portal.worker.lane import Lane

_TURNS: Final = itertools.count(1)
_SHORT_REST: Final = timedelta(minutes=2)
"""For so long messages stay in hand; for a longer rest they go back to the outbox."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The provider's limit is used up: nothing begins on this route before."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The provider's limit is used up for longer than the message has patience: it takes its next route now."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What the message's route was chosen by holds no more: it is read anew."""


def admit(
    journey: Journey, lane: Lane, quota: Quota, *, worker: str, now: datetime
) -> Begin | Ending | Rest | Elsewhere | Withdrawn:
    """What is written before the conversation, or why there is none now.

    What the message uses of quota and limit counts from here on; it is on disk before anything is sent.
    """
    state = lane.state
    if state is None or journey.lane.epoch != state.epoch or lane.is_leaving:
        return Withdrawn()
    if now >= journey.stored.expires_at:
        return endings.expired(journey.stored, at=now, steps=journey.steps)
    begin = Begin(
        message=journey.id,
        tenant_id=lane.tenant_id,
        worker=worker,
        begun=journey.begun + 1,
        tries=journey.history.tries,
        turn=next(_TURNS),
        interrupted=journey.interrupted,
        at=now,
    )
    if journey.route.tenant_id is None:
        return _within_quota(journey, lane, quota, begin)
    if state.limit is not None and state.own is not None:
        use, granted, frees_at = state.own.rate_use.take(state.limit, 1, now)
        if not granted and frees_at is not None:
            return _until_the_limit_frees(journey, lane, frees_at, now=now)
        lane.state = replace(state, own=replace(state.own, rate_use=use))
        route = journey.route
        return replace(begin, rate=RateUsed(route.key, route.tenant_id, route.version, use.to_json()))
    return begin


def _until_the_limit_frees(
    journey: Journey, lane: Lane, frees_at: datetime, *, now: datetime
) -> Ending | Rest | Elsewhere:
    """As with a server that says "too fast" (FAILURES section 1, RATE), only that nobody had to ask it."""
    patience = retry_schedule.rate_patience(journey.kind)
    if len(journey.remaining) > 1 and frees_at - journey.stored.send_at > patience:
        return Elsewhere()
    if frees_at - now <= _SHORT_REST:
        return Rest(frees_at)
    lane.rests_until = frees_at
    return endings.limited(journey, at=now, until=frees_at)


def _within_quota(journey: Journey, lane: Lane, quota: Quota, begin: Begin) -> Begin | Ending:
    because, used = journey.choice.because, lane.used(begin.at)
    held = quota.held(used, because, journey.kind, expires_at=journey.stored.expires_at, now=begin.at)
    if held is not None:
        return endings.held(journey, held, at=begin.at)
    budget = budget_of(because, journey.kind)
    if budget is None:
        return begin
    lane.uses(used.plus_one(budget))
    return replace(begin, used=lane.used(begin.at))
