"""What a scrape of the worker shows, and what counting costs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import isnan

import pytest
from prometheus_client.parser import text_string_to_metric_families

from portal.domain.mail.notification_kinds import Priority
from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.route_health import RouteHealth
from portal.domain.routing.smtp_route import Via
from portal.storage import migrations, route_states
from portal.storage.database import Database
from portal.storage.messages import MessageState
from portal.worker.metrics import GAUGES, Metrics
from portal.worker.queue_gauges import QueueGauges
from tests.support.stored_mail import put_messages, put_tenant

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def scraped(metrics: Metrics) -> dict[str, float]:
    """Every sample by its name and labels, such as ``waypost_messages_total{state="sent"}``."""
    return {
        sample.name + "".join(f'{{{name}="{value}"}}' for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("happened", "series", "value"),
    [
        (
            lambda m: m.attempt_ended(Via.TENANT, Fault.ROUTE_AUTH, 0.2),
            'waypost_attempts_total{fault="ROUTE_AUTH"}{via="tenant"}',
            1,
        ),
        (lambda m: m.attempt_ended(Via.PLATFORM, Fault.OK, 2), 'waypost_attempt_seconds_sum{via="platform"}', 2),
        (lambda m: m.message_ended(MessageState.SENT), 'waypost_messages_total{state="sent"}', 1),
        (lambda m: m.message_ended(MessageState.EXPIRED), 'waypost_messages_total{state="expired"}', 1),
        (lambda m: m.message_ended(MessageState.SENT), "waypost_security_messages_total", 0),
        (lambda m: m.message_ended(MessageState.FAILED, is_security=True), "waypost_security_messages_total", 1),
        (lambda m: m.message_ended(MessageState.WAITING), 'waypost_messages_total{state="waiting"}', 1),
        (lambda m: m.interrupted(), "waypost_interrupted_total", 1),
        (lambda m: m.throttled(), "waypost_throttled_total", 1),
        (lambda m: m.committed(40, 0.003), "waypost_commit_items_sum", 40),
        (lambda m: m.committed(40, 0.003), 'waypost_commit_seconds_bucket{le="0.005"}', 1),
        (lambda m: m.committed(40, 0.003), 'waypost_commit_seconds_bucket{le="0.0025"}', 0),
        (lambda m: m.message_begun(Priority.URGENT, 0.02), 'waypost_queued_seconds_count{priority="urgent"}', 1),
    ],
)
def test_what_happened_is_counted_under_its_name(
    happened: Callable[[Metrics], None], series: str, value: float
) -> None:
    metrics = Metrics()
    happened(metrics)

    assert scraped(metrics)[series] == value


def test_every_series_is_there_at_zero_before_its_first_event() -> None:
    shown = scraped(Metrics())

    ours = {
        series: value for series, value in shown.items() if series.startswith("waypost_") and "_created" not in series
    }
    assert sum("waypost_attempts_total" in series for series in ours) == len(Via) * len(Fault)
    assert {state for state in MessageState if f'waypost_messages_total{{state="{state}"}}' in ours} == (
        {state for state in MessageState if state.is_final} | {MessageState.WAITING}
    )
    assert set(ours.values()) == {0}


def test_two_workers_of_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.interrupted()

    assert scraped(one)["waypost_interrupted_total"] == 1
    assert scraped(other)["waypost_interrupted_total"] == 0


def test_gauges_ask_when_somebody_looks_and_only_where_they_are_watched() -> None:
    metrics = Metrics()
    held = [3.0]
    metrics.watch("waypost_lanes_held", lambda: held[0])
    assert scraped(metrics)["waypost_lanes_held"] == 3
    held[0] = 4
    assert scraped(metrics)["waypost_lanes_held"] == 4
    metrics.watch("waypost_lanes_held", lambda: 5)
    assert scraped(metrics)["waypost_lanes_held"] == 5
    assert set(scraped(metrics)) & set(GAUGES) == {"waypost_lanes_held"}


def test_what_the_database_knows_is_asked_at_most_every_15_seconds(database_url: str) -> None:
    database = Database.at(database_url)
    migrations.upgrade(database)
    passed = [0.0]
    metrics = Metrics()
    QueueGauges(database, lambda: NOW + timedelta(seconds=passed[0]), lambda: passed[0]).feed(metrics)

    def seen() -> list[float]:
        shown = scraped(metrics)
        return [shown[f"waypost_{name}"] for name in ("queue_open", "oldest_due_seconds", "routes_unhealthy")]

    assert seen() == [0, 0, 0]
    with database.transaction() as session:
        acme = put_tenant(session, "acme", NOW)
        put_messages(session, acme, NOW - timedelta(minutes=1), count=2)
        route = route_states.state_to_change(session, "platform")
        route.health, route.look_at = RouteHealth().after(Fault.ROUTE_CERT, NOW).to_json(), NOW
    passed[0] = 14.9
    assert seen() == [0, 0, 0]
    passed[0] = 15
    assert seen() == [2, 75, 1]
    database.close()


def test_a_database_that_is_away_is_no_empty_queue() -> None:
    database = Database.at("postgresql://waypost@127.0.0.1:1/waypost")
    metrics = Metrics()
    QueueGauges(database, lambda: NOW).feed(metrics)

    shown = scraped(metrics)

    assert isnan(shown["waypost_queue_open"])
    assert isnan(shown["waypost_oldest_due_seconds"])
    database.close()
