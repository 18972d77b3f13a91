"""What people did is sealed after the fact, by whichever worker comes first, and nobody waits for it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from portal.domain.audit_events import ADMINISTRATIVE, OPERATIONAL, WORKER, AuditAction, AuditEvent
from portal.services.audit_seals import AuditChainBrokenError, AuditSeals
from portal.services.retention import sweep
from portal.storage import audit_log, migrations
from portal.storage.audit_seals import mark
from portal.storage.database import Database
from portal.wiring import Waypost
from tests.support.audit_tampering import KEY, NOON, OTHER_KEY, SealedLog
from tests.support.query_plans import query_plans
from tests.support.stored_mail import put_tenant

MINUTE = timedelta(minutes=1)


@pytest.fixture
def log(waypost: Waypost) -> SealedLog:
    return SealedLog(waypost.database)


def test_every_action_is_administrative_or_of_the_worker() -> None:
    assert set(AuditAction) == ADMINISTRATIVE | OPERATIONAL
    assert not ADMINISTRATIVE & OPERATIONAL


@pytest.mark.parametrize(
    "statement", ["DELETE FROM audit_seals WHERE id = 3", "UPDATE audit_seals SET mac = previous WHERE id = 3"]
)
def test_a_running_worker_seals_nothing_in_place_of_what_it_knows(log: SealedLog, statement: str) -> None:
    log.write_and_seal(4, 4, 4)
    log.write(1)
    log.tamper(statement)

    with pytest.raises(AuditChainBrokenError, match="Segment 3"):
        log.seal_after_a_while()

    assert log.rows("last_id")[-1][0] <= 12


def test_events_wait_for_two_minutes(log: SealedLog) -> None:
    log.write(3)
    log.seals.seal()
    log.write(1)
    for _ in range(2):
        log.now += timedelta(seconds=59)
        log.seals.seal()
        assert log.rows("id") == []
    log.now += timedelta(seconds=2)
    log.seals.seal()
    assert log.rows("last_id") == [(3,)]
    log.now += 2 * MINUTE
    log.seals.seal()
    assert log.rows("last_id") == [(3,), (4,)]


def test_times_of_a_machine_whose_clock_is_wrong_change_nothing(log: SealedLog) -> None:
    for shift in (-500, 500):
        log.now = NOON + shift * MINUTE
        log.write(1)
    log.now = NOON
    log.seals.seal()
    assert log.rows("id") == []
    log.seal_after_a_while()
    assert log.rows("events") == [(2,)]


@pytest.mark.peers
def test_a_transaction_that_is_still_open_after_two_minutes_is_waited_for(postgresql_url: str) -> None:
    database = Database.at(postgresql_url)
    log = SealedLog(database)
    with database.transaction() as slow:
        audit_log.append(slow, AuditEvent(AuditAction.SIGNED_IN, NOON, WORKER))
        log.write(1)  # a later id, committed earlier
        log.seal_after_a_while()
        assert log.rows("id") == []
    log.seal_after_a_while()
    assert log.rows("first_id, events") == [(1, 2)]
    assert log.findings() == []
    database.close()


def test_one_segment_a_minute_whoever_seals(log: SealedLog) -> None:
    other = AuditSeals(log.database, KEY, lambda: log.now)
    log.write(1)
    log.seals.seal()
    other.seal()
    log.now += MINUTE
    log.write(1)
    other.seal()
    log.now += 1.5 * MINUTE
    log.seals.seal()
    assert log.rows("last_id") == [(1,)]
    for seconds, sealed in ((40, [(1,)]), (20, [(1,), (2,)])):
        log.now += timedelta(seconds=seconds)
        other.seal()
        assert log.rows("last_id") == sealed


def test_what_has_piled_up_is_sealed_at_once_in_full_segments(waypost: Waypost) -> None:
    log = SealedLog(waypost.database, most=10)
    log.write(35)
    log.seal_after_a_while()
    assert log.rows("events") == [(10,), (10,), (10,), (5,)]
    assert log.findings() == []


def test_sealers_at_the_same_time_do_not_fork_the_chain(waypost: Waypost) -> None:
    log = SealedLog(waypost.database)
    sealers = [AuditSeals(waypost.database, KEY, lambda: log.now, most=5) for _ in range(4)]
    meet = threading.Barrier(len(sealers))

    def seal(sealer: AuditSeals) -> None:
        meet.wait(10)
        for _ in range(10):
            sealer.seal()

    with ThreadPoolExecutor(len(sealers)) as threads:
        for _ in range(5):
            log.now += MINUTE
            log.write(20)
            list(map(AuditSeals.seal, sealers))
            log.now += 2 * MINUTE
            list(threads.map(seal, sealers))

    found = log.verify()
    assert (found.tampered, found.events, found.segments, found.unsealed) == (0, 100, 20, 0)


def test_another_secret_key_goes_on_with_the_chain_and_cannot_judge_what_was_before(log: SealedLog) -> None:
    log.write_and_seal(2, 2)
    after = SealedLog(log.database, key=OTHER_KEY)
    after.now = log.now
    after.write_and_seal(2)

    assert log.findings(OTHER_KEY) == [(1, "unknown_key"), (2, "unknown_key")]
    assert log.findings(KEY) == [(3, "unknown_key")]
    assert log.findings(KEY, OTHER_KEY) == []
    log.tamper("UPDATE audit_log SET actor = 'x' WHERE id = 1", "DELETE FROM audit_log WHERE id = 4")
    assert log.findings(OTHER_KEY) == [(1, "unknown_key"), (2, "event_missing")]
    assert log.findings(OTHER_KEY, KEY) == [(1, "event_changed"), (2, "event_missing")]


def test_a_fingerprint_tells_keys_apart_and_is_not_the_key() -> None:
    assert (len(KEY.id), len(KEY.mac([b"x"]))) == (16, 32)
    assert KEY.id != OTHER_KEY.id
    assert KEY.mac([b"x"]) != OTHER_KEY.mac([b"x"])


def test_retention_breaks_no_seal(log: SealedLog) -> None:
    with log.database.transaction() as session:
        acme = put_tenant(session, "acme", NOON)
    for action in AuditAction:
        log.write(3, action, acme)
    log.seal_after_a_while()
    rows = len(log.rows("id", "audit_log"))

    assert sweep(log.database, lambda: NOON + timedelta(days=1000), 30)

    assert len(log.rows("id", "audit_log")) == rows - 6
    found = log.verify()
    assert (found.tampered, found.events) == (0, 3 * len(ADMINISTRATIVE))


def test_a_log_of_deliveries_is_not_read(tmp_path: Path) -> None:
    database = Database.at(f"sqlite:///{tmp_path}/waypost.db")
    migrations.upgrade(database)
    log = SealedLog(database)
    log.write(100, AuditAction.EMAIL_SENT)
    log.write(2)
    with query_plans(database) as steps:
        log.seal_after_a_while()
        assert log.findings() == []
        with database.reading() as session:
            assert mark(session).last_id == 102
    database.close()
    of_the_log = {step for step in steps if "audit_log" in step}
    assert of_the_log
    assert all("ix_audit_log_administrative" in step for step in of_the_log), of_the_log
