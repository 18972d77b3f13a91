"""What an installation keeps, what it deletes, and that deleting does not read what stays."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.domain.audit_events import WORKER, AuditAction, AuditEvent
from portal.domain.ids import TenantId, time_ordered_id
from portal.domain.routing.platform_quota import Use
from portal.services.retention import sweep
from portal.storage import audit_log, migrations, platform_use
from portal.storage.attempts import AttemptRow
from portal.storage.audit_log import AuditRow
from portal.storage.database import Base, Database
from portal.storage.messages import MessageContentRow, MessageRow, MessageState
from portal.storage.platform_use import PlatformUseRow
from portal.storage.probes import ProbeRow
from tests.support.query_plans import query_plans
from tests.support.stored_mail import put_messages, put_tenant

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAYS = 30


def clock() -> datetime:
    return NOW


def ago(**much: float) -> datetime:
    return NOW - timedelta(**much)


OLD = ago(days=DAYS, seconds=1)
YOUNG = ago(days=DAYS, seconds=-1)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database.at(database_url)
    migrations.upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture
def acme(database: Database) -> TenantId:
    with database.transaction() as session:
        return put_tenant(session, "acme", ago(days=400))


def rows_in(database: Database, table: type[Base]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def all_of(database: Database, column: Any) -> list[Any]:
    with database.reading() as session:
        return list(session.scalars(select(column).order_by(column)))


def event(action: AuditAction, at: datetime, tenant_id: TenantId | None) -> AuditEvent:
    return AuditEvent(action, at, WORKER, tenant_id)


@pytest.mark.parametrize("state", [state for state in MessageState if state.is_final])
def test_an_old_message_goes_with_its_attempts_however_it_ended(
    database: Database, acme: TenantId, state: MessageState
) -> None:
    with database.transaction() as session:
        put_messages(session, acme, OLD, state=state, attempts=2)
        kept = put_messages(session, acme, YOUNG, state=state, attempts=2)

    assert sweep(database, clock, DAYS) == 1

    assert all_of(database, MessageRow.id) == kept
    assert set(all_of(database, AttemptRow.message_id)) == set(kept)


@pytest.mark.parametrize("state", [state for state in MessageState if not state.is_final])
def test_what_is_still_to_be_sent_stays_however_old_it_is(
    database: Database, acme: TenantId, state: MessageState
) -> None:
    with database.transaction() as session:
        put_messages(session, acme, ago(days=400), state=state, attempts=1)

    assert sweep(database, clock, DAYS) == 0

    assert [rows_in(database, table) for table in (MessageRow, MessageContentRow, AttemptRow)] == [1, 1, 1]


def test_old_deliveries_leave_the_audit_log_and_what_people_did_stays(database: Database, acme: TenantId) -> None:
    deliveries = {AuditAction.EMAIL_SENT, AuditAction.EMAIL_SEND_FAILED}
    with database.transaction() as session:
        other = put_tenant(session, "other", ago(days=400))
        for at in (ago(days=60), OLD, YOUNG, NOW):
            events = [event(action, at, tenant) for action in AuditAction for tenant in (acme, other)]
            audit_log.append(session, *events, event(AuditAction.SIGN_IN_REFUSED, at, None))

    assert sweep(database, clock, DAYS) == 8

    left = Counter(all_of(database, AuditRow.action))
    assert {action for action, times in left.items() if times == 4} == deliveries
    assert {times for action, times in left.items() if action not in deliveries} == {8, 12}
    with database.reading() as session:
        found = session.scalars(select(AuditRow.at).where(AuditRow.action.in_(deliveries)))
        assert min(found) == YOUNG


def test_old_tests_of_the_connection_go(database: Database, acme: TenantId) -> None:
    with database.transaction() as session:
        for at in (ago(days=60), OLD, YOUNG, NOW):
            test = {"id": time_ordered_id(at, 1), "started_at": at, "endpoint": "smtp.acme.example:587"}
            session.add(ProbeRow(tenant_id=acme, to_address="ada@acme.example", started_by="ada", **test))

    assert sweep(database, clock, 0) == 0
    assert sweep(database, clock, DAYS) == 2

    assert all_of(database, ProbeRow.started_at) == [YOUNG, NOW]


def test_use_of_the_platform_is_forgotten_after_two_days_even_where_messages_are_kept(
    database: Database, acme: TenantId
) -> None:
    with database.transaction() as session:
        platform_use.put(session, [(acme, ago(hours=hours), Use(own=1)) for hours in (0, 47, 49, 500)])
        put_messages(session, acme, ago(days=4000), state=MessageState.SENT)

    sweep(database, clock, 0)

    assert all_of(database, PlatformUseRow.hour) == [ago(hours=47), NOW]
    assert rows_in(database, MessageRow) == 1


def test_much_is_deleted_in_portions_the_oldest_first_until_less_than_a_portion_was_left(
    database: Database, acme: TenantId
) -> None:
    with database.transaction() as session:
        ids = [put_messages(session, acme, OLD - timedelta(hours=n), state=MessageState.SENT)[0] for n in range(7)]
        audit_log.append(session, *[event(AuditAction.EMAIL_SENT, OLD, acme)] * 4)

    assert sweep(database, clock, DAYS, most=3) == 3
    assert all_of(database, MessageRow.id) == sorted(ids)[3:]
    assert [sweep(database, clock, DAYS, most=3) for _ in range(3)] == [3, 1, 0]
    assert [rows_in(database, table) for table in (MessageRow, AuditRow)] == [0, 0]


def test_an_empty_installation_has_nothing_to_delete(database: Database) -> None:
    assert sweep(database, clock, DAYS) == 0


def test_more_than_one_transaction_can_hold_is_deleted_in_several(database: Database, acme: TenantId) -> None:
    with database.transaction() as session:
        put_messages(session, acme, OLD, state=MessageState.SENT, count=450)

    assert sweep(database, clock, DAYS) == 450
    assert rows_in(database, MessageRow) == 0


def test_what_stays_is_not_read(tmp_path: Path) -> None:
    database = Database.at(f"sqlite:///{tmp_path}/waypost.db")
    migrations.upgrade(database)
    with database.transaction() as session:
        acme = put_tenant(session, "acme", NOW)
        put_messages(session, acme, OLD, state=MessageState.SENT, attempts=1)
        audit_log.append(session, event(AuditAction.EMAIL_SENT, OLD, acme))
        platform_use.put(session, [(acme, OLD, Use(own=1))])
    with query_plans(database) as steps:
        sweep(database, clock, DAYS)
    database.close()

    assert {step for step in steps if step.startswith("SCAN")} <= {"SCAN CONSTANT ROW"}  # a list of values
    assert "audit_log USING COVERING INDEX ix_audit_log_tenant_id_action_id (tenant_id=? AND action=? AND id<?)" in (
        " ".join(steps)  # else what people did, which stays, would be passed over each time
    )
    assert [step for step in steps if "B-TREE" in step] == []
