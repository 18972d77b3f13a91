"""What became of a tenant's mail, in numbers: each story told as messages, and what is counted of them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy.orm import Session

from portal.domain.ids import TenantId
from portal.domain.routing.fault_traits import Fault
from portal.storage import migrations, traffic
from portal.storage.database import Database
from portal.storage.messages import MessageState
from portal.storage.traffic import HOUR, Outcome, Refusal, Waiting
from tests.support.query_plans import query_plans
from tests.support.stored_mail import put_attempt, put_messages, put_tenant

NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
OWN: Final[dict[str, Any]] = {"state": MessageState.SENT, "via": "tenant", "because": "tenant_route", "tries": 1}
PLATFORM: Final[dict[str, Any]] = {"state": MessageState.SENT, "via": "platform", "tries": 1}


@pytest.fixture
def acme(database: Database) -> TenantId:
    with database.transaction() as session:
        return put_tenant(session, "acme", NOON)


def hour_of(database: Database, acme: TenantId) -> traffic.Hour:
    with database.reading() as session:
        [hour] = traffic.hours(session, acme, since=NOON, count=1)
    return hour


@pytest.mark.parametrize(
    ("message", "outcome", "first_try"),
    [
        pytest.param(OWN, Outcome.SENT, 1, id="the own server took it"),
        pytest.param(OWN | {"tries": 2}, Outcome.SENT, 0, id="it took it at the second try"),
        pytest.param(PLATFORM | {"because": "no_own_server"}, Outcome.SENT, 1, id="there is no own server"),
        pytest.param(PLATFORM | {"because": "turned_off"}, Outcome.SENT, 1, id="the own server is turned off"),
        pytest.param(PLATFORM | {"because": "platform_only"}, Outcome.SENT, 1, id="an alert about the own server"),
        pytest.param(PLATFORM | {"because": None}, Outcome.SENT, 1, id="sent before this was noted"),
        pytest.param(
            PLATFORM | {"because": "fell_back", "tries": 3}, Outcome.FALLBACK, 0, id="refused, then fell back"
        ),
        pytest.param(PLATFORM | {"because": "unhealthy"}, Outcome.FALLBACK, 1, id="the own server was passed by"),
        pytest.param(PLATFORM | {"because": "refused_before", "tries": 2}, Outcome.FALLBACK, 0, id="refused before"),
        pytest.param(
            PLATFORM | {"because": "same_route_again", "tries": 4}, Outcome.FALLBACK, 0, id="the platform once more"
        ),
        pytest.param(
            {"state": MessageState.FAILED, "via": "platform", "because": "fell_back"},
            Outcome.FAILED,
            0,
            id="the fallback refused it, too",
        ),
        pytest.param({"state": MessageState.EXPIRED}, Outcome.FAILED, 0, id="it came too late"),
        pytest.param({"state": MessageState.QUARANTINED}, Outcome.FAILED, 0, id="it was set aside"),
        pytest.param({"state": MessageState.CANCELLED}, Outcome.FAILED, 0, id="it was cancelled"),
        pytest.param({"state": MessageState.QUEUED}, Outcome.WAITING, 0, id="it waits for its turn"),
        pytest.param({"state": MessageState.WAITING, "tries": 1}, Outcome.WAITING, 0, id="it is tried again later"),
        pytest.param({"state": MessageState.SENDING, "tries": 1}, Outcome.WAITING, 0, id="it is being sent"),
    ],
)
def test_every_message_is_counted_once_as_what_has_become_of_it(
    database: Database, acme: TenantId, message: Mapping[str, Any], outcome: Outcome, first_try: int
) -> None:
    with database.transaction() as session:
        put_messages(session, acme, NOON, count=3, finished_at=NOON, **message)

    hour = hour_of(database, acme)
    assert hour.outcomes == dict.fromkeys(Outcome, 0) | {outcome: 3}
    assert hour.messages == 3
    assert hour.first_try == 3 * first_try
    assert (hour.fallback_since is not None) is (outcome is Outcome.FALLBACK)


def test_a_message_counts_in_the_hour_it_was_handed_in_and_only_there(database: Database, acme: TenantId) -> None:
    with database.transaction() as session:
        other = put_tenant(session, "other", NOON)
        for tenant, at, count in (
            (acme, NOON - timedelta(milliseconds=1), 1),
            (acme, NOON, 2),
            (acme, NOON + HOUR - timedelta(milliseconds=1), 3),
            (acme, NOON + HOUR, 4),
            (other, NOON, 50),
        ):
            # Whenever it was sent: the hour is when it was asked for.
            put_messages(session, tenant, at, count=count, finished_at=at + 2 * HOUR, **OWN)
    with database.reading() as session:
        hours = traffic.hours(session, acme, since=NOON - HOUR, count=4)

    assert [(hour.start, hour.messages) for hour in hours] == [
        (NOON - HOUR, 1),
        (NOON, 5),
        (NOON + HOUR, 4),
        (NOON + 2 * HOUR, 0),
    ]


def test_the_fallback_is_told_from_its_first_acceptance_to_its_last(database: Database, acme: TenantId) -> None:
    first, last = NOON + timedelta(minutes=2), NOON + timedelta(minutes=40)
    with database.transaction() as session:
        for at in (last, first, NOON + timedelta(minutes=20)):
            put_messages(session, acme, NOON, finished_at=at, **PLATFORM, because="fell_back")
        put_messages(session, acme, NOON, finished_at=NOON + timedelta(minutes=59), **OWN)

    hour = hour_of(database, acme)
    assert (hour.fallback_since, hour.fallback_until) == (first, last)


def end_with(session: Session, acme: TenantId, fault: Fault, **more: Any) -> None:
    """A message whose attempts end so: the first over the own server, all but the last one in another way."""
    tries: int = more.setdefault("tries", 1)
    [message] = put_messages(session, acme, NOON, finished_at=NOON, **more)
    for number in range(1, tries + 1):
        ends_so = fault if number == tries else Fault.ROUTE_TEMP
        put_attempt(session, message, number, NOON, via="tenant", fault=ends_so)


def test_failures_are_told_apart_by_their_last_attempt(database: Database, acme: TenantId) -> None:
    failed = MessageState.FAILED
    with database.transaction() as session:
        end_with(session, acme, Fault.RCPT_PERM, state=failed)
        end_with(session, acme, Fault.RCPT_PERM, state=failed, tries=2)
        end_with(session, acme, Fault.MSG_PERM, state=failed)
        end_with(session, acme, Fault.ROUTE_TEMP, state=MessageState.EXPIRED, tries=3)
        put_messages(session, acme, NOON, state=failed)  # it could not be composed
        put_messages(session, acme, NOON - HOUR, state=failed)
        put_messages(session, acme, NOON, finished_at=NOON, **OWN)
    with database.reading() as session:
        found = traffic.failures(session, acme, since=NOON, until=NOON + HOUR)

    assert found == {
        (failed, Fault.RCPT_PERM): 2,
        (failed, Fault.MSG_PERM): 1,
        (failed, None): 1,
        (MessageState.EXPIRED, Fault.ROUTE_TEMP): 1,
    }


def test_the_time_to_accept_runs_from_when_it_was_to_leave(database: Database, acme: TenantId) -> None:
    with database.transaction() as session:
        for milliseconds in (20, 3_000, 400, 60_250, 1_000):
            later = NOON + timedelta(minutes=30)  # it was handed in for half an hour later
            finished_at = later + timedelta(milliseconds=milliseconds)
            put_messages(session, acme, NOON, send_at=later, finished_at=finished_at, **OWN)
        put_messages(session, acme, NOON, finished_at=NOON, state=MessageState.FAILED)
    with database.reading() as session:
        seconds = traffic.seconds_to_accept(session, acme, since=NOON, until=NOON + HOUR, places={1, 3, 5, 6})

    assert seconds == pytest.approx({1: 0.02, 3: 1.0, 5: 60.25}, abs=0.002)


def test_of_very_many_messages_the_newest_are_timed(
    database: Database, acme: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "MOST_TIMED", 2)
    with database.transaction() as session:
        for minute, seconds in ((0, 90), (1, 5), (2, 7)):
            at = NOON + timedelta(minutes=minute)
            put_messages(session, acme, at, finished_at=at + timedelta(seconds=seconds), **OWN)
    with database.reading() as session:
        found = traffic.seconds_to_accept(session, acme, since=NOON, until=NOON + HOUR, places={1, 2, 3})

    assert found == pytest.approx({1: 5, 2: 7}, abs=0.002)


def test_a_clock_that_is_behind_makes_no_time_negative(database: Database, acme: TenantId) -> None:
    with database.transaction() as session:
        put_messages(session, acme, NOON, finished_at=NOON - timedelta(seconds=1), **OWN)
    with database.reading() as session:
        assert traffic.seconds_to_accept(session, acme, since=NOON, until=NOON + HOUR, places={1}) == {1: 0.0}


def test_why_mail_fell_back_is_what_the_own_server_said_to_the_newest(database: Database, acme: TenantId) -> None:
    answered: dict[str, Any] = {"stage": "auth", "code": 535, "reply": "535 5.7.8 wrong"}
    refused: dict[str, Any] = {"stage": "connect", "code": None, "reply": "connection refused"}
    with database.transaction() as session:
        for minute, fault, words in ((0, Fault.ROUTE_AUTH, answered), (5, Fault.ROUTE_TEMP, refused)):
            at = NOON + timedelta(minutes=minute)
            [message] = put_messages(
                session, acme, at, finished_at=at, **PLATFORM | {"because": "fell_back", "tries": 2}
            )
            put_attempt(session, message, 1, at, via="tenant", fault=fault, **words)
            put_attempt(session, message, 2, at)
        put_messages(session, acme, NOON + timedelta(minutes=9), finished_at=NOON, **PLATFORM, because="unhealthy")
    with database.reading() as session:
        found = traffic.last_refusal(session, acme, since=NOON, until=NOON + HOUR)
        assert traffic.last_refusal(session, acme, since=NOON - HOUR, until=NOON) is None

    assert found == Refusal(Fault.ROUTE_TEMP, "connection refused", answered=False)


def test_what_waits_is_counted_with_the_oldest(database: Database, acme: TenantId) -> None:
    with database.reading() as session:
        assert traffic.waiting(session, acme) == Waiting(0, None)
        assert not traffic.has_any(session, acme)
    with database.transaction() as session:
        put_messages(session, acme, NOON - timedelta(days=2), finished_at=NOON, **OWN)
        put_messages(session, acme, NOON - 5 * HOUR, state=MessageState.WAITING, due_at=NOON + HOUR)
        put_messages(session, acme, NOON, count=2)
        put_messages(session, put_tenant(session, "other", NOON), NOON - timedelta(days=1))
    with database.reading() as session:
        assert traffic.waiting(session, acme) == Waiting(3, NOON - 5 * HOUR)
        assert traffic.has_any(session, acme)


def test_only_the_tenants_own_hours_are_looked_at(tmp_path: Path) -> None:
    database = Database.at(f"sqlite:///{tmp_path}/waypost.db")
    migrations.upgrade(database)
    span: dict[str, datetime] = {"since": NOON, "until": NOON + HOUR}
    acme = TenantId("acme")
    with database.reading() as session, query_plans(database) as steps:
        traffic.hours(session, acme, since=NOON, count=24)
        traffic.failures(session, acme, **span)
        traffic.seconds_to_accept(session, acme, **span, places={1})
        traffic.last_refusal(session, acme, **span)
        traffic.waiting(session, acme)
        traffic.has_any(session, acme)
    database.close()

    allowed = ("ix_messages_tenant_newest (tenant_id=?", "ix_messages_lane (tenant_id=?", "sqlite_autoindex_")
    read = [
        step for step in steps if step.startswith(("SCAN messages", "SCAN attempts", "SEARCH messages", "SEARCH att"))
    ]
    assert len(read) >= 24
    assert [step for step in read if not any(index in step for index in allowed)] == []
    hours = [step for step in read if "ix_messages_tenant_newest (tenant_id=? AND id>? AND id<?)" in step]
    assert len(hours) >= 24 + 3
