"""The gauges that only the database knows, asked seldom however often somebody looks."""

import threading
import time
from collections.abc import Callable
from math import nan
from typing import Final, NamedTuple

from portal.services.clock import Clock
from portal.storage import figures, outbox
from portal.storage.database import Database, StorageError
from portal.worker.metrics import Metrics

_KEPT_SECONDS: Final = 15.0


class _Read(NamedTuple):
    until: float
    open: float = nan
    oldest_due_seconds: float = nan
    unhealthy: float = nan


class QueueGauges:
    """What is queued, for how long, and which routes are unhealthy: read at most every 15 seconds.

    Counting a long queue is work for the database, and a scraper may be a person pressing a key. While the database
    refuses, there is no number (NaN), which no rule takes for an empty queue.
    """

    def __init__(self, database: Database, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()  # several may look at once
        self._read: _Read | None = None

    def feed(self, metrics: Metrics) -> None:
        """Let the metrics' gauges of the queue ask here."""
        metrics.watch("waypost_queue_open", lambda: self._now().open)
        metrics.watch("waypost_oldest_due_seconds", lambda: self._now().oldest_due_seconds)
        metrics.watch("waypost_routes_unhealthy", lambda: self._now().unhealthy)

    def _now(self) -> _Read:
        with self._lock:
            if self._read is None or self._monotonic() >= self._read.until:
                self._read = self._ask()
            return self._read

    def _ask(self) -> _Read:
        until = self._monotonic() + _KEPT_SECONDS
        now = self._clock()
        try:
            with self._database.reading() as session:
                oldest = figures.oldest_due(session, now)
                return _Read(
                    until,
                    outbox.open_count(session),
                    (now - oldest).total_seconds() if oldest else 0,
                    figures.unhealthy_routes(session),
                )
        except StorageError:
            # waypost_database_stuck and /readyz say so. A dead server is not asked at every look, either.
            return _Read(until)
