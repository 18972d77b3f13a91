"""The outbox: who is next in a lane, what that costs, and what is open."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.notification_kinds import Priority
from portal.storage import lanes, migrations, outbox
from portal.storage.database import Database
from portal.storage.messages import MessageContentRow, MessageState
from tests.support.query_plans import query_plans
from tests.support.stored_mail import put_messages, put_tenant

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def acme(database: Database) -> TenantId:
    with database.transaction() as session:
        return put_tenant(session, "acme", NOW)


def due(
    database: Database,
    tenant: TenantId,
    *,
    besides: list[MessageId] | None = None,
    most: int = 100,
    priorities: tuple[Priority, ...] = tuple(Priority),
) -> list[MessageId]:
    with database.reading() as session:
        found = outbox.due(session, tenant, now=NOW, besides=besides or [], most=most, priorities=priorities)
    return [one.id for one in found]


def test_urgent_mail_is_first_and_within_a_priority_what_was_due_first(database: Database, acme: TenantId) -> None:
    expected: dict[Priority, list[tuple[datetime, MessageId]]] = {priority: [] for priority in Priority}
    places = [(priority, NOW - seconds * SECOND) for seconds in (1, 0, 5, 1) for priority in reversed(Priority)]
    with database.transaction() as session:
        other = put_tenant(session, "other", NOW)
        put_messages(session, other, NOW - 9 * SECOND, priority=Priority.URGENT)
        put_messages(session, acme, NOW, due_at=NOW + SECOND, priority=Priority.URGENT)
        put_messages(session, acme, NOW - 9 * SECOND, state=MessageState.SENT)
        for priority, at in places:
            expected[priority] += [(at, id_) for id_ in put_messages(session, acme, at, priority=priority)]

    in_order = [id_ for priority in Priority for _, id_ in sorted(expected[priority])]
    assert due(database, acme) == in_order
    assert due(database, acme, most=6) == in_order[:6]
    assert due(database, acme, priorities=(Priority.URGENT,)) == in_order[:4]
    assert due(database, acme, most=3, besides=[*in_order[:4], in_order[5]]) == [in_order[4], *in_order[6:8]]


@pytest.mark.parametrize("state", [state for state in MessageState if not state.is_final])
def test_what_is_open_can_be_read_with_its_content(database: Database, acme: TenantId, state: MessageState) -> None:
    with database.transaction() as session:
        (id_,) = put_messages(session, acme, NOW, state=state, begun=3, tries=2)
        (row,) = outbox.read(session, [id_])
        locked = outbox.locked(session, [id_])

    assert (row.id, row.state, row.sealed) == (id_, state, b"sealed")
    assert locked == {id_: (3, 2)}


@pytest.mark.parametrize("state", [state for state in MessageState if state.is_final])
def test_what_is_final_is_due_no_more_and_has_no_content(
    database: Database, acme: TenantId, state: MessageState
) -> None:
    with database.transaction() as session:
        (id_,) = put_messages(session, acme, NOW, state=state)
        assert outbox.read(session, [id_]) == []
        assert outbox.locked(session, [id_]) == {}
        assert session.scalars(select(MessageContentRow.message_id)).all() == []
        assert (outbox.open_count(session), lanes.next_due(session, acme)) == (0, None)
    assert due(database, acme) == []


def test_a_new_route_lets_go_what_the_old_one_kept_waiting_and_nothing_else(database: Database, acme: TenantId) -> None:
    later = NOW + timedelta(hours=1)
    with database.transaction() as session:
        other = put_tenant(session, "other", NOW)
        waiting: dict[str, Any] = {"state": MessageState.WAITING, "due_at": later}
        (put_off,) = put_messages(session, acme, NOW, **waiting)
        (refused,) = put_messages(session, acme, NOW, **waiting, tries=2, attempts=2)
        put_messages(session, acme, NOW, due_at=later)
        put_messages(session, other, NOW, **waiting)
        outbox.try_again_now(session, acme, ended_with=["RATE"], now=NOW)
    assert due(database, acme) == [put_off]

    with database.transaction() as session:
        outbox.try_again_now(session, acme, ended_with=["RATE", "OK"], now=NOW)
    assert due(database, acme) == [put_off, refused]
    assert due(database, other) == []


# What it costs


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    opened = Database.at(f"sqlite:///{tmp_path}/waypost.db")
    migrations.upgrade(opened)
    return opened


def test_the_next_messages_are_sought_in_the_lanes_index_and_nothing_is_sorted(sqlite: Database) -> None:
    with sqlite.transaction() as session:
        acme = put_tenant(session, "acme", NOW)
        ids = put_messages(session, acme, NOW, count=3)
    with sqlite.transaction() as session, query_plans(sqlite) as steps:
        outbox.due(session, acme, now=NOW, besides=[], most=48)
        lanes.next_due(session, acme)
    with sqlite.transaction() as session, query_plans(sqlite) as by_name:
        outbox.read(session, ids)
        outbox.locked(session, ids)
    sqlite.close()

    of_messages = [step for step in steps if "messages" in step]
    assert len(of_messages) == 2 * len(Priority)
    assert [step for step in of_messages if not step.startswith("SEARCH messages USING")] == []
    assert [step for step in of_messages if "INDEX ix_messages_lane" not in step] == []
    assert [step for step in (*steps, *by_name) if "B-TREE" in step or step.startswith("SCAN mess")] == []


def test_a_look_at_a_long_queue_costs_what_it_takes_and_not_what_is_queued(sqlite: Database) -> None:
    with sqlite.transaction() as session:
        short, long = put_tenant(session, "short", NOW), put_tenant(session, "long", NOW)
        put_messages(session, short, NOW, count=100)
        put_messages(session, long, NOW, count=5000)
    steps = {tenant: _steps_of_a_look(sqlite, tenant) for tenant in (short, long)}
    sqlite.close()

    assert steps[short] > 0
    assert steps[long] <= 1.2 * steps[short]


def _steps_of_a_look(database: Database, tenant: TenantId) -> int:
    """How many of its virtual machine's instructions SQLite needs, in tens."""
    tens = 0

    def count() -> int:
        nonlocal tens
        tens += 1
        return 0

    with database.reading() as session:
        raw = session.connection().connection.driver_connection
        assert raw is not None
        outbox.due(session, tenant, now=NOW, besides=[], most=48)
        raw.set_progress_handler(count, 10)
        outbox.due(session, tenant, now=NOW, besides=[], most=48)
        raw.set_progress_handler(None, 10)
    return tens
