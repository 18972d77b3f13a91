"""How often something may be done: a bucket of tokens that fills again by itself, told by one instant."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

NO_WAIT: Final = timedelta()
_MINUTE: Final = timedelta(minutes=1)


def begun_minutes(wait: timedelta) -> int:
    """A wait as people are told it: minutes, rounded up, at least one."""
    return max(1, -(-wait // _MINUTE))


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket that holds ``most`` tokens and fills from empty to full in ``span``.

    The bucket's whole state is the instant at which it will be full (the *generic cell rate algorithm*): one column,
    and what is in the past says the same as no row at all.

    Attributes:
        name: What is limited; part of the bucket's key.
    """

    name: str
    most: int
    span: timedelta

    def wait(self, full_at: datetime | None, now: datetime) -> timedelta:
        """How long until a token can be taken; ``NO_WAIT`` when one can be taken now."""
        return max(NO_WAIT, self.after_taking(full_at, now) - now - self.span)

    def after_taking(self, full_at: datetime | None, now: datetime) -> datetime:
        """When the bucket is full again once a token is taken now."""
        return max(full_at or now, now) + self._each

    def after_giving_back(self, full_at: datetime, now: datetime) -> datetime:
        """When the bucket is full again once a token that was taken is put back."""
        return max(full_at - self._each, now)

    @property
    def _each(self) -> timedelta:
        """How long one token takes to come back; cut to microseconds, so that a full bucket holds all of them."""
        return self.span // self.most
