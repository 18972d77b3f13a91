"""What can be seen of scripted servers from outside: who says what, how many are there at once, and when mail comes."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from tests.support.scripted_smtp import ScriptedServer

_LOOK_SECONDS: Final = 0.003


def times_said(server: ScriptedServer, verb: str) -> int:
    """How often clients have said a command, on all connections."""
    return sum(visit.verbs().count(verb) for visit in list(server.visits))


def open_visits(server: ScriptedServer) -> int:
    """How many connections are open now."""
    return sum(not visit.is_over.is_set() for visit in list(server.visits))


class Peak:
    """The most of something so far."""

    def __init__(self) -> None:
        self.value = 0

    def sees(self, value: int) -> None:
        self.value = max(self.value, value)


@contextmanager
def peak_of(look: Callable[[], int]) -> Iterator[Peak]:
    """Look again and again until the block ends."""
    peak, is_over = Peak(), threading.Event()

    def watch() -> None:
        while not is_over.wait(_LOOK_SECONDS):
            peak.sees(look())

    thread = threading.Thread(target=watch, name="onlooker")
    thread.start()
    try:
        yield peak
    finally:
        is_over.set()
        thread.join(10)
        peak.sees(look())


def arrivals(server: ScriptedServer, count: int, *, seconds: float = 20) -> list[float]:
    """When so many messages came, the ones that are there already included, by a clock that never jumps."""
    deadline = time.monotonic() + seconds
    times: list[float] = []
    while len(times) < count:
        now = time.monotonic()
        assert now < deadline, f"{len(times)} of {count} messages came within {seconds} s"
        times += [now] * (len(server.messages) - len(times))
        time.sleep(_LOOK_SECONDS)
    return times


def most_within(times: Sequence[float], seconds: float) -> int:
    """The most that came within any so many seconds."""
    return max(sum(first <= other < first + seconds for other in times) for first in times)
