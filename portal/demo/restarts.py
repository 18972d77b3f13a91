"""When a dead child is started again, and when that has no sense any more."""

from dataclasses import dataclass
from typing import Final, Self

_FIRST_DELAY: Final = 0.2
_LONGEST_DELAY: Final = 5.0
_LIVED_WELL: Final = 10.0
_FAILURES_ALLOWED: Final = 5


@dataclass(frozen=True, slots=True)
class Restarts:
    """What the deaths of one child so far mean for the next start.

    Attributes:
        quick_deaths: How often in a row it died within ten seconds, for whatever reason.
        failures: How often in a row it ended by itself within ten seconds. Somebody may kill a healthy program as
            often as he likes; a program that keeps ending by itself is broken.
    """

    quick_deaths: int = 0
    failures: int = 0

    def after(self, status: int, *, lived: float) -> Self:
        """Count a death.

        Args:
            status: The exit status, or minus the number of the signal that ended it.
            lived: Seconds from start to death.
        """
        if lived >= _LIVED_WELL:
            return type(self)()
        return type(self)(self.quick_deaths + 1, self.failures if status < 0 else self.failures + 1)

    @property
    def delay(self) -> float:
        """Seconds until the next start: doubled with each quick death, at most five."""
        return min(_FIRST_DELAY * 2.0 ** max(self.quick_deaths - 1, 0), _LONGEST_DELAY)

    @property
    def are_hopeless(self) -> bool:
        return self.failures >= _FAILURES_ALLOWED
