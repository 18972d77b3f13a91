"""A lane as its holder has it in memory."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from portal.domain.ids import MessageId, TenantId
from portal.domain.routing.platform_quota import Use
from portal.services.journeys import Journey, LaneState
from portal.services.route_states import RouteCondition
from portal.storage.platform_use import hour_of

MOST_WAITING: Final = 96
"""So many messages of a lane are read ahead at the most."""


@dataclass(slots=True, eq=False)
class Lane:
    """One tenant's mail, while this worker holds it.

    Attributes:
        state: What its mail goes by; None until it is read.
        held: The messages in hand: waiting at a route's desk, in conversation, or resting before a quick retry.
        ending: Messages whose end is being written without a conversation.
        waiting: How many of them wait at a desk.
        read_on_at: When so few of them are left, more are read.
        is_all: Whether nothing else was due when it was last read.
        rests_until: Only urgent mail is read before, by the clock: the provider's limit is used up for a good while.
        look_at: When something that is not in hand becomes due, by the clock; None while nothing is known to.
        idle_since: Since when nothing is in hand, by the loop's clock.
        warm_until: Until when it is kept although nothing is in hand, for the next security mail.
        is_leaving: It goes to another worker as soon as what has begun is over.
    """

    tenant_id: TenantId
    idle_since: float
    state: LaneState | None = None
    held: dict[MessageId, Journey] = field(default_factory=dict)
    ending: set[MessageId] = field(default_factory=set)
    waiting: int = 0
    read_on_at: int = MOST_WAITING // 2
    is_being_read: bool = False
    read_again: bool = True
    read_at_once: bool = False
    is_all: bool = True
    rests_until: datetime | None = None
    look_at: datetime | None = None
    warm_until: float = 0.0
    is_leaving: bool = False
    _used: Use = field(default_factory=Use)
    _used_in: datetime | None = None

    @property
    def is_busy(self) -> bool:
        return bool(self.held or self.ending) or not self.is_all or self.read_again

    @property
    def in_hand(self) -> frozenset[MessageId]:
        return frozenset(self.held) | self.ending

    @property
    def wants_more(self) -> bool:
        """Whether it is time to read on: there is more, and half of what was read has begun."""
        return not self.is_all and not self.is_leaving and self.waiting <= self.read_on_at

    @property
    def condition(self) -> RouteCondition | None:
        """What is known of the tenant's own route."""
        return self.state.own if self.state else None

    def goes_by(self, state: LaneState, now: datetime) -> None:
        if self.state is None:
            self._used, self._used_in = state.used, hour_of(now)
        self.state = state

    def used(self, now: datetime) -> Use:
        """What the tenant has used of the platform's sender in this hour. Only the holder changes it."""
        if self._used_in != hour_of(now):
            self._used, self._used_in = Use(), hour_of(now)
        return self._used

    def uses(self, use: Use) -> None:
        self._used = use

    def due_at(self, at: datetime | None) -> None:
        """Something that is not in hand becomes due then."""
        if at is not None and (self.look_at is None or at < self.look_at):
            self.look_at = at
