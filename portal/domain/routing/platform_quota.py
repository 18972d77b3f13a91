"""How much of the platform's sender a tenant may use in an hour, and what becomes of the rest (THREATS 31).

One careless tenant must not ruin the reputation of the address that all share. What exceeds the quota is never
refused: it waits for the next hour, and its lifetime waits with it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from portal.domain.mail.notification_kinds import NotificationKind
from portal.domain.routing.route_choice import Because

_HOUR: Final = timedelta(hours=1)


class Budget(StrEnum):
    """What a message over the platform's route is counted as."""

    OWN = "own"  # a tenant that has no server of its own, or has turned it off
    FALLBACK = "fallback"  # its own server could not take it


_BUDGETS: Final = {
    Because.NO_OWN_SERVER: Budget.OWN,
    Because.TURNED_OFF: Budget.OWN,
    Because.FELL_BACK: Budget.FALLBACK,
    Because.REFUSED_BEFORE: Budget.FALLBACK,
    Because.UNHEALTHY: Budget.FALLBACK,
    Because.SAME_ROUTE_AGAIN: Budget.FALLBACK,
}
FALLBACKS: Final = frozenset(because for because, budget in _BUDGETS.items() if budget is Budget.FALLBACK)
"""Why mail of a tenant that has a server of its own leaves through the platform all the same."""


def budget_of(because: Because, kind: NotificationKind) -> Budget | None:
    """What the message is counted as; None where nothing is counted.

    That is so on the tenant's own route, for security mail, and for what this program sends by itself.
    """
    return None if kind.is_security or kind.is_internal else _BUDGETS.get(because)


@dataclass(frozen=True, slots=True)
class Use:
    """Messages begun in one hour over the platform's route."""

    own: int = 0
    fallback: int = 0

    def of(self, budget: Budget) -> int:
        return self.own if budget is Budget.OWN else self.fallback

    def plus_one(self, budget: Budget) -> Self:
        return replace(self, **{budget.value: self.of(budget) + 1})


@dataclass(frozen=True, slots=True)
class Held:
    """A message waits, although a route could take it.

    Attributes:
        until: The next full hour.
        expires_at: When it expires now: it has lost nothing of its lifetime by waiting.
        limit: What is used up, in messages an hour.
    """

    until: datetime
    expires_at: datetime
    budget: Budget
    limit: int

    def sentence(self, *, tenant: str) -> str:
        """Why it waits, for the message's decision list."""
        what = (
            f"what the platform sends in an hour for {tenant}"
            if self.budget is Budget.OWN
            else f"what the platform takes over in an hour from {tenant}'s own server"
        )
        number = "1 message" if self.limit == 1 else f"{self.limit:,} messages"
        return f"It waits until {self.until:%H:%M} {self.until.tzname()}: {what} is used up ({number})."


@dataclass(frozen=True, slots=True)
class Quota:
    """The limits of one tenant, in messages an hour.

    Attributes:
        platform_hourly: For tenants without a server in use (CONTRACT: ``PORTAL_PLATFORM_HOURLY_LIMIT``).
        fallback_hourly: For what tenants' own servers could not take (``PORTAL_FALLBACK_HOURLY_LIMIT``).
    """

    platform_hourly: int = 300
    fallback_hourly: int = 1000

    def limit(self, budget: Budget) -> int:
        return self.platform_hourly if budget is Budget.OWN else self.fallback_hourly

    def held(
        self, use: Use, because: Because, kind: NotificationKind, *, expires_at: datetime, now: datetime
    ) -> Held | None:
        """Whether a message has to wait before it takes the platform's route; None when it may go now.

        Args:
            use: What the tenant has used in the hour of ``now``.
            because: Why the platform's route is taken.
        """
        budget = budget_of(because, kind)
        if budget is None or use.of(budget) < self.limit(budget):
            return None
        until = now.replace(minute=0, second=0, microsecond=0) + _HOUR
        return Held(until, expires_at + (until - now), budget, self.limit(budget))
