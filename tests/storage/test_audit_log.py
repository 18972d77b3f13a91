"""Questions to the audit log: the right events in the right order, and no more read than is shown."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from portal.domain.audit_events import COMMAND_LINE, WORKER, Actor, AuditAction, AuditEvent
from portal.domain.ids import TenantId
from portal.storage import audit_log, migrations
from portal.storage.audit_log import AuditFilter
from portal.storage.database import Database
from tests.support.query_plans import query_plans
from tests.support.stored_mail import put_tenant

NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
ALICE: Final = Actor("a" * 26, "203.0.113.7")
BOB: Final = Actor("b" * 26, "2001:db8::7")
A = AuditAction
LOG: Final = (
    (A.SMTP_SAVED, ALICE),
    (A.EMAIL_SENT, WORKER),
    (A.SMTP_TESTED, BOB),
    (A.EMAIL_SEND_FAILED, WORKER),
    (A.SMTP_ENABLED, Actor(ALICE.name, BOB.network)),
    (A.SMTP_DISABLED, COMMAND_LINE),
    (A.EMAIL_SENT, WORKER),
)
"""One event an hour, from noon on."""


def hour(number: int) -> datetime:
    return NOON + timedelta(hours=number)


@pytest.fixture
def acme(database: Database) -> TenantId:
    with database.transaction() as session:
        acme, other = put_tenant(session, "acme", NOON), put_tenant(session, "other", NOON)
        for number, (action, actor) in enumerate(LOG):
            for tenant in (acme, other):
                audit_log.append(session, AuditEvent(action, hour(number), actor, tenant, {"hour": number}))
    return acme


def hours(database: Database, tenant: TenantId, wanted: AuditFilter, most: int = 50) -> list[int]:
    with database.reading() as session:
        rows = audit_log.page(session, tenant, wanted, most=most)
        assert {row.tenant_id for row in rows} <= {tenant}
        return [row.facts["hour"] for row in rows]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (AuditFilter(), [6, 5, 4, 3, 2, 1, 0]),
        (AuditFilter(actions=frozenset({A.EMAIL_SENT})), [6, 1]),
        (AuditFilter(actions=frozenset({A.EMAIL_SENT, A.SMTP_SAVED, A.SMTP_TESTED})), [6, 2, 1, 0]),
        (AuditFilter(actor=ALICE.name), [4, 0]),
        (AuditFilter(actor=WORKER.name), [6, 3, 1]),
        (AuditFilter(actor=COMMAND_LINE.name), [5]),
        (AuditFilter(network="2001:db8::7"), [4, 2]),
        (AuditFilter(actor=ALICE.name, network="2001:db8::7"), [4]),
        (AuditFilter(actor=ALICE.name, actions=frozenset({A.SMTP_SAVED})), [0]),
        (AuditFilter(actor=WORKER.name, actions=frozenset({A.EMAIL_SEND_FAILED})), [3]),
        (AuditFilter(network="2001:db8::7", actions=frozenset({A.SMTP_TESTED, A.EMAIL_SENT})), [2]),
        (AuditFilter(since=hour(4)), [6, 5, 4]),
        (AuditFilter(until=hour(2)), [1, 0]),
        (AuditFilter(since=hour(1), until=hour(3), actor=BOB.name), [2]),
        (AuditFilter(since=hour(7)), []),
        (AuditFilter(until=NOON), []),
        (AuditFilter(actor="nobody"), []),
    ],
)
def test_only_what_is_asked_for_is_found(
    database: Database, acme: TenantId, wanted: AuditFilter, found: list[int]
) -> None:
    assert hours(database, acme, wanted) == found
    assert hours(database, acme, wanted, most=2) == found[:2]


def test_events_written_in_another_order_than_they_happened_are_found(database: Database, acme: TenantId) -> None:
    late = hour(9)
    with database.transaction() as session:
        for seconds in (3, -3, 2, -2):
            at = late + timedelta(seconds=seconds)
            audit_log.append(session, AuditEvent(A.SMTP_TESTED, at, BOB, acme, {"hour": seconds}))
    assert hours(database, acme, AuditFilter(since=late)) == [2, 3]
    assert hours(database, acme, AuditFilter(since=hour(8), until=late)) == [-2, -3]


def test_everybody_who_did_something_is_listed_once(database: Database, acme: TenantId) -> None:
    with database.reading() as session:
        assert sorted(audit_log.actors(session, acme)) == sorted([ALICE.name, BOB.name, COMMAND_LINE.name])
        assert len(audit_log.actors(session, acme, most=2)) == 2
        assert audit_log.actors(session, TenantId("z" * 26)) == []


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    opened = Database.at(f"sqlite:///{tmp_path}/plans.db")
    migrations.upgrade(opened)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (AuditFilter(), "tenant_id_id (tenant_id=?)"),
        (AuditFilter(actions=frozenset({A.EMAIL_SENT, A.SMTP_SAVED})), "tenant_id_action_id (tenant_id=? AND action=?"),
        (AuditFilter(actor=ALICE.name), "people (tenant_id=? AND actor=?"),
        (AuditFilter(actor=ALICE.name, actions=frozenset({A.EMAIL_SENT})), "people (tenant_id=? AND actor=?"),
        (AuditFilter(network=BOB.network), "networks (tenant_id=? AND network=?"),
        (AuditFilter(network=BOB.network, actions=frozenset({A.SMTP_SAVED})), "networks (tenant_id=? AND network=?"),
        (AuditFilter(since=NOON), "tenant_id_id (tenant_id=? AND id>?)"),
        (AuditFilter(actor=ALICE.name, since=NOON), "people (tenant_id=? AND actor=? AND id>?)"),
    ],
)
def test_a_page_reads_what_it_shows_however_long_the_log_is(sqlite: Database, wanted: AuditFilter, index: str) -> None:
    with sqlite.transaction() as session:
        acme = put_tenant(session, "acme", NOON)
        audit_log.append(session, AuditEvent(A.SMTP_SAVED, NOON, ALICE, acme))
    with sqlite.reading() as session, query_plans(sqlite) as steps:
        audit_log.page(session, acme, wanted)
    plan = " ".join(steps)
    assert f"ix_audit_log_{index}" in plan
    assert [step for step in steps if step.startswith("SCAN") or "B-TREE" in step] == []


def test_the_list_of_people_is_read_from_the_index_alone(sqlite: Database) -> None:
    with sqlite.reading() as session, query_plans(sqlite) as steps:
        audit_log.actors(session, TenantId("a" * 26))
    assert {step for step in steps if "audit_log" in step} == {
        "SEARCH audit_log USING COVERING INDEX ix_audit_log_people (tenant_id=?)",
        "SEARCH audit_log USING COVERING INDEX ix_audit_log_people (tenant_id=? AND actor>?)",
    }
