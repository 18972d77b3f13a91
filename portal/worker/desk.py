"""Where messages wait for a connection of their route, and in which order they get one."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from portal.domain.ids import TenantId
from portal.domain.routing.smtp_route import SmtpRoute
from portal.services.journeys import Journey
from portal.services.route_states import RouteCondition

_SLOW_SECONDS: Final = 2.0
_KEPT_FOR_URGENT: Final = 10
"""One seat in so many is for urgent mail only."""


@dataclass(slots=True, eq=False)
class RouteDesk:
    """One route's queue in this worker: urgent mail first, then its tenants in turn.

    Attributes:
        cap: The most connections the route may have, over all workers.
        condition: What is known of the route.
        slots: How many of them are this worker's; None on a route that nobody else can hold at the same time, because
            it belongs to one lane.
        running: Connections in use.
        running_ordinary: Those of them that carry mail which is not urgent.
        warm_until: Until when a connection is kept for the next security mail, by the loop's clock.
        rests_until: Nothing is begun before, by the loop's clock: the provider's limit is used up.
    """

    route: SmtpRoute
    cap: int
    condition: RouteCondition
    is_proven: Callable[[], bool]
    slots: int | None = None
    running: int = 0
    running_ordinary: int = 0
    warm_until: float = 0.0
    rests_until: float = 0.0
    _urgent: deque[Journey] = field(default_factory=deque)
    _ordinary: OrderedDict[TenantId, deque[Journey]] = field(default_factory=OrderedDict)

    def put(self, journey: Journey, *, first: bool = False) -> None:
        queue = self._urgent if journey.is_urgent else self._ordinary.setdefault(journey.stored.tenant_id, deque())
        if first:
            queue.appendleft(journey)
        else:
            queue.append(journey)

    @property
    def waiting(self) -> int:
        return len(self._urgent) + sum(map(len, self._ordinary.values()))

    def connections(self, now: datetime) -> int:
        """How many connections may be in use at this moment."""
        allowed = self.condition.pace.allowed(self.cap, now)
        if self.slots is not None:
            allowed = min(allowed, self.slots)
        # A server that has not answered yet is asked by one connection only: if it is dead, it costs one seat.
        return min(allowed, 1) if not self.is_proven() else allowed

    @property
    def has_urgent(self) -> bool:
        return bool(self._urgent)

    def take(self, now: datetime, *, after: Journey | None = None) -> Journey | None:
        """The next message that may be begun, or None. The last free connection is kept for urgent mail.

        Args:
            after: A message that is over, whose connection would be used.
        """
        running = self.running - (after is not None)
        ordinary = self.running_ordinary - (after is not None and not after.is_urgent)
        allowed = self.connections(now)
        if running >= allowed:
            return None
        if self._urgent:
            return self._urgent.popleft()
        if not self._ordinary or ordinary >= max(allowed - 1, 1):
            return None
        tenant, queue = self._ordinary.popitem(last=False)
        journey = queue.popleft()
        if queue:
            self._ordinary[tenant] = queue  # at the end: the others' turn comes first
        return journey

    def remove_all_of(self, tenant_id: TenantId) -> list[Journey]:
        """Take a tenant's messages off the desk."""
        removed = [journey for journey in self._urgent if journey.stored.tenant_id == tenant_id]
        self._urgent = deque(journey for journey in self._urgent if journey.stored.tenant_id != tenant_id)
        return [*removed, *self._ordinary.pop(tenant_id, ())]

    def begins(self, journey: Journey) -> None:
        self.running += 1
        self.running_ordinary += not journey.is_urgent

    def changes(self, journey: Journey, following: Journey) -> None:
        """A connection goes from one message to the next."""
        self.running_ordinary += journey.is_urgent - following.is_urgent

    def ends(self, journey: Journey) -> None:
        self.running -= 1
        self.running_ordinary -= not journey.is_urgent


@dataclass(slots=True)
class Seats:
    """The conversations this worker may have at a time, whatever the route (PORTAL_WORKER_CONNECTIONS).

    One in ten is kept for urgent mail, and at most half are given to routes that have not answered yet: dead servers
    cannot take the seats of the living (THREATS 13).
    """

    total: int
    taken: int = 0
    unproven: int = 0
    slow: int = 0
    """Openings that have given their seat back: they cost a socket, not work. As many as there are seats, at most."""

    def has_room(self, *, urgent: bool, proven: bool) -> bool:
        kept = 0 if urgent or self.total < 2 else max(self.total // _KEPT_FOR_URGENT, 1)
        if not proven and self.unproven >= max(self.total // 2, 1):
            return False
        return self.taken < self.total - kept


class Opening:
    """A conversation whose route has not answered yet, and its seat.

    One that takes longer than two seconds gives the seat back until it is over: what is slow to answer is mostly
    dead, and the living wait for seats.

    Args:
        freed: Called when the seat is given back.
    """

    def __init__(self, seats: Seats, freed: Callable[[], None]) -> None:
        self._seats = seats
        self._freed = freed
        self._is_slow = False
        self._is_over = False
        seats.unproven += 1
        self._timer = asyncio.get_running_loop().call_later(_SLOW_SECONDS, self._slow_down)

    def ends(self) -> None:
        """The route has answered, or will not. Twice is harmless."""
        if self._is_over:
            return
        self._is_over = True
        self._timer.cancel()
        if self._is_slow:
            self._seats.slow -= 1
            self._seats.taken += 1
        else:
            self._seats.unproven -= 1

    def _slow_down(self) -> None:
        if self._seats.slow < self._seats.total:
            self._is_slow = True
            self._seats.unproven -= 1
            self._seats.slow += 1
            self._seats.taken -= 1
            self._freed()
