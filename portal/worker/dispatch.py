"""The desks of the routes in use: which message is next, and whether there is a connection and a seat for it."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from portal.domain.ids import TenantId
from portal.domain.routing.platform_quota import Quota
from portal.domain.routing.smtp_route import SmtpRoute
from portal.services.clock import Clock
from portal.services.delivery import Delivery
from portal.services.journeys import Journey, LaneState
from portal.services.records import Begin, Ending
from portal.services.route_states import RouteCondition
from portal.worker.admission import Elsewhere, Rest, Withdrawn, admit
from portal.worker.desk import Opening, RouteDesk, Seats
from portal.worker.lane import Lane
from portal.worker.metrics import Metrics

_LIMIT_USED_UP: Final = "the limit set for it is used up"

Next = tuple[Journey, Begin]
"""A message that may begin, and what is to be written of that before it does."""


@dataclass(slots=True, eq=False)
class Dispatch:
    """Belongs to one event loop.

    Attributes:
        worker: The worker's name at this moment.
        lanes: The lanes in hand; theirs is what is in hand of each.
        caps: How many connections a tenant's own route may have, and how many the platform's.
        run: Starts a conversation at a desk.
        end: Has the end of a message written that needs no conversation.
        read: Asks for a lane to be read again.
        ask_for_slots: Asks the database for connections on a route that other workers use, too.
        close: Closes a route's connections as they become idle.
        let_go: Asks for lanes to be let go that are done with.
        is_stopping: Nothing new is begun, because the worker stops.
        is_full: Likewise, because the disk is full.
    """

    worker: Callable[[], str]
    lanes: dict[TenantId, Lane]
    delivery: Delivery
    clock: Clock
    quota: Quota
    seats: Seats
    caps: tuple[int, int]
    run: Callable[[RouteDesk, Next, Opening | None], None]
    end: Callable[[Ending], None]
    read: Callable[[Lane], None]
    ask_for_slots: Callable[[RouteDesk], None]
    close: Callable[[SmtpRoute], None]
    let_go: Callable[[], None]
    metrics: Metrics
    is_stopping: bool = False
    is_full: bool = False
    bytes_in_hand: int = 0
    platform_condition: RouteCondition | None = None
    desks: dict[tuple[object, ...], RouteDesk] = field(default_factory=dict)
    _hungry: OrderedDict[tuple[object, ...], RouteDesk] = field(default_factory=OrderedDict)

    @property
    def is_paused(self) -> bool:
        return self.is_stopping or self.is_full

    def put(self, journey: Journey, *, first: bool = False) -> None:
        """Have a message wait for a connection of its current route."""
        lane = self.lanes.get(journey.stored.tenant_id)
        if lane is None:
            return  # given up meanwhile; whoever holds it now finds the message in the outbox
        if journey.id not in lane.held:
            self.bytes_in_hand += journey.size
        lane.held[journey.id] = journey
        lane.waiting += 1
        desk = self._desk_for(journey.route, lane)
        desk.put(journey, first=first)
        if desk.slots is not None and desk.slots < min(desk.running + desk.waiting, desk.cap):
            self.ask_for_slots(desk)
        self.start(desk)

    def reroute(self, lane: Lane, before: LaneState) -> None:
        """The tenant's route has changed: what is not begun goes by the new one, and the old connections close."""
        self.withdraw(lane)
        old, new = before.options.tenant, lane.state.options.tenant if lane.state else None
        if old is not None and (new is None or new.pool_key != old.pool_key or before.options.turned_off):
            self.close(old)
        self.adopt(lane, before)

    def adopt(self, lane: Lane, before: LaneState | None) -> None:
        """Go by what was read anew of a lane's own route."""
        own = lane.state.options.tenant if lane.state else None
        desk = self.desks.get(own.pool_key) if own else None
        if desk is not None and lane.condition is not None:
            desk.condition = lane.condition
        was_open = before is not None and before.own is not None and before.own.health.is_open
        is_open = lane.condition is not None and lane.condition.health.is_open
        if was_open is not is_open:
            self.withdraw(lane)
            lane.read_again = True

    def withdraw(self, lane: Lane) -> None:
        """Forget what of a lane is not begun: it is read anew, under what holds then, or by another worker."""
        for desk in self.desks.values():
            for journey in desk.remove_all_of(lane.tenant_id):
                if lane.held.pop(journey.id, None) is not None:
                    self.bytes_in_hand -= journey.size
        lane.waiting = 0

    def forget(self, journey: Journey, *, read_again: bool = False) -> None:
        """Let a message out of hand that is over, or somebody else's."""
        lane = self.lanes.get(journey.stored.tenant_id)
        if lane is None or lane.held.get(journey.id) is not journey:
            return
        del lane.held[journey.id]
        self.bytes_in_hand -= journey.size
        if not lane.held:
            lane.idle_since = asyncio.get_running_loop().time()
            if lane.is_leaving:
                self.let_go()
        if read_again or (lane.wants_more and not lane.is_being_read):
            self.read(lane)

    def learn(self, lane: Lane | None, route: SmtpRoute, condition: RouteCondition) -> None:
        """Go by what is known of a route from here on."""
        desk = self.desks.get(route.pool_key)
        if route.tenant_id is None:
            self.platform_condition = condition
        elif lane is not None and lane.state is not None and lane.state.own is not None:
            before = lane.state
            if route.version != (before.options.tenant.version if before.options.tenant else 0):
                return  # it speaks of a version that has been replaced
            # The holder's own count is ahead of the database's.
            lane.state = replace(before, own=replace(condition, rate_use=lane.state.own.rate_use))
            self.adopt(lane, before)
            if lane.read_again:
                self.read(lane)
            return
        if desk is not None:
            desk.condition = condition

    # Who is next

    def start(self, desk: RouteDesk) -> None:
        """Begin as many conversations as the route and the seats allow."""
        while not self.is_paused:
            if not self.seats.has_room(urgent=desk.has_urgent, proven=desk.is_proven()):
                if desk.waiting:
                    self._hungry[desk.route.pool_key] = desk
                return
            following = self.next_at(desk)
            if following is None:
                return
            self.seats.taken += 1
            desk.begins(following[0])
            self.run(desk, following, self.opening_at(desk))

    def opening_at(self, desk: RouteDesk) -> Opening | None:
        """What is counted until the desk's route has answered; None when it has lately."""
        return None if desk.is_proven() else Opening(self.seats, self.serve_the_hungry)

    def next_at(self, desk: RouteDesk, *, after: Journey | None = None) -> Next | None:
        """The desk's next message that may begin now.

        Args:
            after: The message whose connection it would take over.
        """
        loop = asyncio.get_running_loop()
        # Urgent mail is asked about even while the desk rests: it may have the patience to wait, or another route.
        while not self.is_paused and (desk.rests_until <= loop.time() or desk.has_urgent):
            now = self.clock()
            journey = desk.take(now, after=after)
            if journey is None:
                return None
            lane = self.lanes.get(journey.stored.tenant_id)
            if lane is None:
                continue
            lane.waiting -= 1
            match admit(journey, lane, self.quota, worker=self.worker(), now=now):
                case Begin() as begin:
                    waited = (now - journey.stored.due_at).total_seconds()
                    self.metrics.message_begun(journey.kind.priority, max(waited, 0.0))
                    return journey, begin
                case Rest(until):
                    lane.waiting += 1
                    desk.put(journey, first=True)
                    desk.rests_until = loop.time() + max((until - now).total_seconds(), 0.001)
                    loop.call_at(desk.rests_until, self.start, desk)
                    return None
                case Elsewhere():
                    journey.go_on_with(journey.remaining[1], _LIMIT_USED_UP)
                    self.put(journey, first=True)
                case Withdrawn():
                    self.forget(journey, read_again=True)
                case Ending() as ending:
                    if not ending.state.is_final:
                        self.metrics.throttled()
                    self.end(ending)
        return None

    def leave(self, desk: RouteDesk, journey: Journey) -> None:
        """A conversation is over and none follows on its connection."""
        self.seats.taken -= 1
        desk.ends(journey)
        self.start(desk)
        self.serve_the_hungry()

    def serve_the_hungry(self) -> None:
        """Give free seats to the desks that found none, in turn."""
        for _ in range(len(self._hungry)):
            _, hungry = self._hungry.popitem(last=False)
            self.start(hungry)

    def others_wait(self, desk: RouteDesk) -> bool:
        """Whether another route has mail and found no seat."""
        return any(other is not desk and other.waiting for other in self._hungry.values())

    def start_all(self) -> None:
        """Look at every desk: a pause may be over, or a shortage."""
        for key, desk in list(self.desks.items()):
            if desk.waiting:
                self.start(desk)
            elif not desk.running and not desk.slots:
                del self.desks[key]

    def condition_of(self, journey: Journey) -> RouteCondition:
        lane = self.lanes.get(journey.stored.tenant_id)
        known = self.platform_condition if journey.route.tenant_id is None else (lane.condition if lane else None)
        return known or RouteCondition(journey.route.key)

    def _desk_for(self, route: SmtpRoute, lane: Lane) -> RouteDesk:
        desk = self.desks.get(route.pool_key)
        if desk is None:
            is_shared = route.tenant_id is None
            known = self.platform_condition if is_shared else lane.condition
            desk = self.desks[route.pool_key] = RouteDesk(
                route=route,
                cap=self.caps[is_shared],
                condition=known or RouteCondition(route.key),
                is_proven=lambda: self.delivery.is_proven(route),
                slots=0 if is_shared else None,
            )
        return desk
