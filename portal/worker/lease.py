"""This worker's lease, as it can be known without asking."""

import time
from collections.abc import Callable


class WorkerLease:
    """A lease on a clock that never jumps and goes on while the process is frozen.

    The database says whether the worker is alive; this says, without asking, whether that can still be so. It errs on
    the safe side: the lease counts from before the database was asked for it.

    Attributes:
        seconds: How long it lasts after each renewal.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._until = -1.0

    def now(self) -> float:
        return self._clock()

    def renewed(self, *, since: float) -> None:
        self._until = since + self.seconds

    def lost(self) -> None:
        self._until = -1.0

    @property
    def is_valid(self) -> bool:
        """Whether a conversation may begin: nobody can have taken our lanes over."""
        return self._clock() < self._until
