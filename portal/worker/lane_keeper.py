"""The worker's dealings with the database about lanes, slots and its own lease. Runs in the thread that writes."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from portal.domain.ids import TenantId
from portal.services.clock import Clock
from portal.storage import lanes, route_states, wake_ups
from portal.storage.database import Database
from portal.storage.lanes import Shares

_OTHERS_HAD_THEIR_CHANCE: Final = timedelta(seconds=1)
"""A lane that has been due for so long is taken beyond one's fair share: those it was left to are not coming."""


@dataclass(frozen=True, slots=True)
class LaneKeeper:
    """Takes lanes and lets them go.

    Attributes:
        lease: How long a worker counts as alive after it was last heard of.
    """

    database: Database
    clock: Clock
    lease: timedelta

    def enter(self, worker: str) -> None:
        """Begin to be alive."""
        with self.database.transaction() as session:
            now = self.database.time(session, self.clock)
            lanes.enter(session, worker, now=now, until=now + self.lease)

    def renew(self, worker: str, *, in_time: Callable[[], bool], busy: int, bury: bool) -> Shares | None:
        """Prolong the lease, and free what dead workers held.

        Args:
            in_time: Asked once the database is ours: whether the lease has not run out yet, by a clock that never
                jumps. Once it has, whoever waited for that does not wait any more: it is not prolonged, and all that
                was held is anybody's.
            busy: Lanes in which this worker has something to do.
            bury: Whether the dead are looked for; not right after a clock has jumped, which makes everybody look dead.

        Returns:
            How the work is spread; None when this worker is dead to the others.
        """
        with self.database.transaction() as session:
            now = self.database.time(session, self.clock)
            if not in_time():
                wake_ups.announce(session, *lanes.bury(session, worker, now=self.clock()))
                return None
            if not lanes.renew(session, worker, until=now + self.lease, busy=busy):
                return None
            # No worker is alive for longer than its lease: what says so was written before a clock was set back.
            for dead in lanes.dead_workers(session, now=now, latest=now + 2 * self.lease) if bury else ():
                wake_ups.announce(session, *lanes.bury(session, dead, now=self.clock()))
            return lanes.shares(session, now=now)

    def take(self, worker: str, *, busy: int, room: int, own: bool) -> tuple[list[TenantId], list[TenantId]]:
        """Lease lanes that are due, as far as there is room and others are not to have them.

        Args:
            busy: Lanes in which this worker has something to do already.
            room: How many more it could use.
            own: Whether to ask as well which of its lanes were touched since they were read.

        Returns:
            The lanes taken, and those of its own that were touched.
        """
        with self.database.transaction() as session:
            if not lanes.is_alive(session, worker):
                return [], []  # what a worker holds that nobody knows would never be freed
            now = self.clock()
            touched = lanes.due_of(session, worker, now=now) if own else []
            if room <= 0:
                return [], touched
            fair = lanes.shares(session, now=self.database.time(session, self.clock)).fair
            taken = lanes.take_due(session, worker, now=now, most=min(room, max(fair - busy, 0)))
            if len(taken) < room:
                late = now - _OTHERS_HAD_THEIR_CHANCE
                taken += lanes.take_due(session, worker, now=late, most=room - len(taken))
            if taken:
                lanes.note_busy(session, worker, busy + len(taken))  # the others' shares are reckoned from it
            return taken, touched

    def let_go(self, worker: str, tenants: Collection[TenantId]) -> None:
        with self.database.transaction() as session:
            lanes.let_go(session, worker, tenants, now=self.clock())
            wake_ups.announce(session, *tenants)

    def acknowledge(self, worker: str, epochs: Mapping[TenantId, int]) -> None:
        with self.database.transaction() as session:
            lanes.acknowledge(session, worker, epochs)

    def share_slots(self, worker: str, route: str, *, in_use: int, wants: int, cap: int) -> int:
        """How many connections of a shared route are this worker's from now on."""
        with self.database.transaction() as session:
            if wants == 0 and in_use == 0:
                route_states.give_back_slots(session, worker, route)
                return 0
            if not lanes.is_alive(session, worker):
                return 0
            return route_states.share_slots(session, route, worker, in_use=in_use, wants=wants, cap=cap)

    def leave(self, worker: str) -> None:
        """Stop being alive: lanes and slots are anybody's at once."""
        with self.database.transaction() as session:
            wake_ups.announce(session, *lanes.bury(session, worker, now=self.clock()))
