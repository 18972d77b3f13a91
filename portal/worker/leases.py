"""The messages this process has in hand, and until when they are surely its own."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from portal.domain.ids import MessageId
from portal.storage.outbox import LeaseLostError


@dataclass(slots=True)
class _Held:
    token: str
    until: float
    begun: bool = False


class Leases:
    """Leases on a clock that never jumps and goes on while the process is frozen.

    The database says who has a message; this says, without asking, whether that can still be us. It errs on the safe
    side: a lease counts from before the database was asked for it.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._held: dict[MessageId, _Held] = {}

    def now(self) -> float:
        return self._clock()

    def hold(self, message: MessageId, token: str, *, since: float) -> None:
        self._held[message] = _Held(token, since + self._seconds)

    def begin(self, message: MessageId, token: str) -> None:
        """Say that a conversation about the message begins now.

        Raises:
            LeaseLostError: It may be another worker's by now: nothing may be sent.
        """
        held = self._held.get(message)
        if held is None or held.token != token or self._clock() >= held.until:
            raise LeaseLostError(message)
        held.begun = True

    def held(self) -> dict[MessageId, str]:
        """The token of every message in hand."""
        return {message: held.token for message, held in self._held.items()}

    def not_begun(self) -> dict[MessageId, str]:
        """Those of which nothing can have been sent yet."""
        return {message: held.token for message, held in self._held.items() if not held.begun}

    def renewed(self, kept: set[MessageId], *, since: float) -> None:
        for message in kept & self._held.keys():
            self._held[message].until = since + self._seconds

    def let_go(self, message: MessageId, token: str) -> None:
        held = self._held.get(message)
        if held is not None and held.token == token:
            del self._held[message]
