"""What the worker counts, for Prometheus.

Events are counted where they happen, for less than 3 microseconds each: every label's child is bound when the worker
starts, so that each series is there, at 0, before its first event. Gauges ask when somebody looks.
"""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from portal.domain.mail.notification_kinds import Priority
from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.smtp_route import Via
from portal.storage.messages import MessageState

GAUGES: Final = {
    "waypost_lanes_held": "Tenants' queues this worker holds.",
    "waypost_seats_busy": "Messages this worker has in hand.",
    "waypost_seats": "Messages this worker may have in hand at once.",
    "waypost_connections_open": "SMTP connections that are open, idle ones too.",
    "waypost_connections_idle": "SMTP connections that wait for their next message.",
    "waypost_queue_open": "Messages of all workers that are not final.",
    "waypost_oldest_due_seconds": "How long the message that waits the longest to be begun has been due.",
    "waypost_database_stuck": "1 while outcomes cannot be written, else 0.",
    "waypost_routes_unhealthy": "Routes that new messages pass by, or wait for.",
}
"""What can be watched, by its name."""

_LEAVING: Final = [state for state in MessageState if state.is_final or state is MessageState.WAITING]
_ATTEMPT_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_COMMIT_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)
_COMMIT_ITEMS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_QUEUED_SECONDS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400)


class Metrics:
    """The counts of one worker, in a registry of its own. May be called from any thread."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)  # memory, CPU and open files of the process, where /proc tells them
        attempts = Counter(
            "waypost_attempts", "Attempts that have ended, by route and fault.", ["via", "fault"], registry=registry
        )
        self._attempts = {(via, fault): attempts.labels(via, fault) for via in Via for fault in Fault}
        messages = Counter(
            "waypost_messages", "Messages that became final, or were put back (waiting).", ["state"], registry=registry
        )
        self._messages = {state: messages.labels(state) for state in _LEAVING}
        self._security_messages = Counter(
            "waypost_security_messages", "Security messages that became final.", registry=registry
        )
        self._interrupted = Counter(
            "waypost_interrupted", "Conversations that were begun and whose outcome nobody knows.", registry=registry
        )
        self._throttled = Counter(
            "waypost_throttled", "Messages put off by a rate, a quota or a server's wish.", registry=registry
        )
        attempt_seconds = Histogram(
            "waypost_attempt_seconds",
            "How long attempts took.",
            ["via"],
            buckets=_ATTEMPT_SECONDS,
            registry=registry,
        )
        self._attempt_seconds = {via: attempt_seconds.labels(via) for via in Via}
        self._commit_seconds = Histogram(
            "waypost_commit_seconds", "How long commits of outcomes took.", buckets=_COMMIT_SECONDS, registry=registry
        )
        self._commit_items = Histogram(
            "waypost_commit_items", "Outcomes and beginnings in one commit.", buckets=_COMMIT_ITEMS, registry=registry
        )
        queued_seconds = Histogram(
            "waypost_queued_seconds",
            "How long messages waited from being due until they were begun.",
            ["priority"],
            buckets=_QUEUED_SECONDS,
            registry=registry,
        )
        self._queued_seconds = {priority: queued_seconds.labels(priority.name.lower()) for priority in Priority}
        self._gauges: dict[str, Gauge] = {}

    def message_begun(self, priority: Priority, waited: float) -> None:
        """A conversation about a message begins, ``waited`` seconds after the message was due."""
        self._queued_seconds[priority].observe(waited)

    def attempt_ended(self, via: Via, fault: Fault, seconds: float) -> None:
        self._attempts[via, fault].inc()
        self._attempt_seconds[via].observe(seconds)

    def message_ended(self, state: MessageState, *, is_security: bool = False) -> None:
        """A message became final, or was put back (waiting).

        Args:
            is_security: Whether its kind is one of security mail.
        """
        self._messages[state].inc()
        if is_security:
            self._security_messages.inc()

    def interrupted(self) -> None:
        """A message was taken over of whose last conversation no outcome is known."""
        self._interrupted.inc()

    def throttled(self) -> None:
        """A message was put off because its route takes no more now."""
        self._throttled.inc()

    def committed(self, items: int, seconds: float) -> None:
        """``items`` outcomes and beginnings were written in one commit."""
        self._commit_items.observe(items)
        self._commit_seconds.observe(seconds)

    def watch(self, name: str, function: Callable[[], float]) -> None:
        """Let a gauge ask ``function`` whenever somebody looks, in the thread of who looks.

        Args:
            name: One of ``GAUGES``. Watched again, it asks the new function.
        """
        if name not in self._gauges:
            self._gauges[name] = Gauge(name, GAUGES[name], registry=self._registry)
        self._gauges[name].set_function(function)

    def exposition(self) -> bytes:
        """Everything, in Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)
