"""What can be seen of scripted servers from outside: who says what, how many are there at once, and when mail comes."""

import threading
from collections.abc import Callable, Iterator
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
