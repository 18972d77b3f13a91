"""Whatever is done to a sealed audit log is told: in which segment, and what."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from portal.domain.audit_events import AuditAction
from portal.services.audit_seals import AuditChainBrokenError
from portal.storage import migrations
from portal.storage.database import Database
from portal.wiring import Waypost
from tests.support.audit_tampering import NOON, SealedLog

MINUTE = timedelta(minutes=1)


@pytest.fixture
def log(waypost: Waypost) -> SealedLog:
    return SealedLog(waypost.database)


@pytest.fixture
def three_segments(log: SealedLog) -> SealedLog:
    """Events 1 to 4, 5 to 8, 9 to 12."""
    log.write_and_seal(4, 4, 4)
    assert log.rows("id, first_id, last_id, events") == [(1, 1, 4, 4), (2, 5, 8, 4), (3, 9, 12, 4)]
    return log


def test_an_untouched_log_is_intact_and_says_how_far(three_segments: SealedLog) -> None:
    three_segments.write(3)

    found = three_segments.verify()

    assert found.is_intact
    assert (found.events, found.segments, found.unsealed) == (12, 3, 3)
    assert found.until == NOON + 8 * MINUTE


def test_an_empty_log_is_intact(log: SealedLog) -> None:
    log.seal_after_a_while()
    assert (log.verify().is_intact, log.rows("id")) == (True, [])


@pytest.mark.parametrize(
    ("statements", "findings"),
    [
        (["UPDATE audit_log SET actor = 'somebody else' WHERE id = 6"], [(2, "event_changed")]),
        (["UPDATE audit_log SET action = 'user.signed_out' WHERE id = 12"], [(3, "event_changed")]),
        (["""UPDATE audit_log SET facts = '{"number": 0}' WHERE id = 1"""], [(1, "event_changed")]),
        (["UPDATE audit_log SET network = NULL WHERE id = 5"], [(2, "event_changed")]),
        (["UPDATE audit_log SET network = '' WHERE id = 5"], [(2, "event_changed")]),
        (["UPDATE audit_log SET at = '2026-11-20 12:00:00.000001+00' WHERE id = 1"], [(1, "event_changed")]),
        (["UPDATE audit_log SET action = 'email.sent' WHERE id = 7"], [(2, "event_missing")]),
        (["DELETE FROM audit_log WHERE id = 7"], [(2, "event_missing")]),
        (["DELETE FROM audit_log WHERE id = 1"], [(1, "event_missing")]),
        (["DELETE FROM audit_log WHERE id = 12"], [(3, "event_missing")]),
        (["DELETE FROM audit_log WHERE id BETWEEN 5 AND 8"], [(2, "event_missing")]),
        (["UPDATE audit_log SET id = 1000 WHERE id = 12"], [(3, "event_missing")]),
        (["UPDATE audit_log SET id = 0 WHERE id = 1"], [(1, "event_changed")]),
        (["UPDATE audit_log SET id = -7 WHERE id = 5"], [(1, "event_inserted"), (2, "event_missing")]),
        (["UPDATE audit_log SET id = 99 WHERE id = 6", "UPDATE audit_log SET id = 6 WHERE id = 7",
          "UPDATE audit_log SET id = 7 WHERE id = 99"], [(2, "event_changed")]),
        (["DELETE FROM audit_seals WHERE id = 2"], [(2, "segment_missing")]),
        (["DELETE FROM audit_seals WHERE id = 1"], [(1, "segment_missing")]),
        (["DELETE FROM audit_seals WHERE id = 2", "DELETE FROM audit_log WHERE id BETWEEN 5 AND 8"],
         [(2, "segment_missing")]),
        (["DELETE FROM audit_seals WHERE id = 2", "UPDATE audit_seals SET id = 2 WHERE id = 3"],
         [(2, "segment_out_of_chain"), (2, "event_changed")]),
        (["UPDATE audit_seals SET events = 3 WHERE id = 2", "DELETE FROM audit_log WHERE id = 6"],
         [(2, "event_changed")]),
        (["UPDATE audit_seals SET events = 5 WHERE id = 2"], [(2, "event_missing")]),
        (["UPDATE audit_seals SET last_id = 7, events = 3 WHERE id = 2"],
         [(2, "event_changed"), (3, "event_inserted")]),
        (["UPDATE audit_seals SET first_id = 6 WHERE id = 2"], [(2, "event_changed")]),
        (["UPDATE audit_seals SET sealed_at = '2026-11-20 13:00:00.000000+00' WHERE id = 2"], [(2, "event_changed")]),
        (["UPDATE audit_seals SET mac = previous WHERE id = 2"], [(2, "event_changed"), (3, "segment_out_of_chain")]),
        (["UPDATE audit_seals SET key_id = 'another' WHERE id = 2"], [(2, "unknown_key")]),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_done_to_the_log_is_told(
    three_segments: SealedLog, statements: list[str], findings: list[tuple[int, str]]
) -> None:
    is_sqlite = three_segments.database.is_sqlite
    three_segments.tamper(*(statement.replace("+00'", "'" if is_sqlite else "+00'") for statement in statements))

    assert three_segments.findings() == findings


def test_an_event_put_in_between_is_told(log: SealedLog) -> None:
    log.write_and_seal(2)
    log.write(1, AuditAction.EMAIL_SENT)
    log.write_and_seal(2)
    assert log.findings() == []

    log.tamper("UPDATE audit_log SET action = 'user.created' WHERE action = 'email.sent'")

    assert log.findings() == [(2, "event_inserted")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET at = 'yesterday' WHERE id = 6",
        "UPDATE audit_log SET facts = 'no JSON' WHERE id = 6",
        "UPDATE audit_log SET facts = replace(hex(zeroblob(100000)), '0', '[') WHERE id = 6",
        "UPDATE audit_log SET actor = x'FF' WHERE id = 6",
    ],
)
def test_what_no_program_of_ours_can_have_written_is_told(tmp_path: Path, statement: str) -> None:
    database = Database.at(f"sqlite:///{tmp_path}/waypost.db")  # PostgreSQL would not take it
    migrations.upgrade(database)
    log = SealedLog(database)
    log.write_and_seal(4, 4)

    log.tamper(statement)

    assert log.findings() == [(2, "event_changed")]
    log.tamper("UPDATE audit_seals SET sealed_at = 'yesterday' WHERE id = 1")
    assert log.findings() == [(1, "segment_out_of_chain")]
    log.tamper("UPDATE audit_seals SET id = 0 WHERE id = 1", "DELETE FROM audit_seals")
    log.write(1)
    log.tamper("UPDATE audit_log SET at = 'yesterday' WHERE id = 9")
    with pytest.raises(AuditChainBrokenError, match="cannot be read"):
        SealedLog(database).seal_after_a_while()
    database.close()


FIELDS: Final = {
    "UPDATE audit_log SET at = ? WHERE id = ?": st.datetimes().map(lambda at: at.isoformat(" ", "microseconds")),
    "UPDATE audit_log SET tenant_id = ? WHERE id = ?": st.none() | st.text(max_size=26),
    "UPDATE audit_log SET action = ? WHERE id = ?": st.text(max_size=64),
    "UPDATE audit_log SET actor = ? WHERE id = ?": st.text(max_size=64),
    "UPDATE audit_log SET network = ? WHERE id = ?": st.none() | st.text(max_size=45),
    "UPDATE audit_log SET facts = ? WHERE id = ?": st.dictionaries(
        st.text(max_size=3), st.none() | st.integers() | st.text(max_size=3)
    ).map(json.dumps),
}
ROW: Final = "SELECT at, tenant_id, action, actor, network, facts FROM audit_log WHERE id = ?"


@pytest.fixture(scope="module")
def hundred_events(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SealedLog]:
    database = Database.at(f"sqlite:///{tmp_path_factory.mktemp('log')}/waypost.db")
    migrations.upgrade(database)
    log = SealedLog(database)
    log.write_and_seal(30, 40, 30)
    yield log
    database.close()


@given(data=st.data(), id_=st.integers(1, 100), field=st.sampled_from(range(len(FIELDS))))
@settings(max_examples=150, deadline=None)
def test_any_other_value_of_any_field_is_noticed(
    hundred_events: SealedLog, data: st.DataObject, id_: int, field: int
) -> None:
    statement, values = list(FIELDS.items())[field]
    with closing(sqlite3.connect(str(hundred_events.database.engine.url.database), isolation_level=None)) as hand:
        before = hand.execute(ROW, (id_,)).fetchone()[field]
        hand.execute(statement, (data.draw(values.filter(lambda value: value != before)), id_))
        found = hundred_events.findings()
        hand.execute(statement, (before, id_))
    assert {number for number, _ in found} == {1 if id_ <= 30 else 2 if id_ <= 70 else 3}


def test_a_cut_end_is_told_by_a_checkpoint(three_segments: SealedLog) -> None:
    newest = three_segments.verify().newest
    assert newest
    noted = (3, newest.mac)
    assert three_segments.verify(checkpoint=noted).is_intact

    three_segments.tamper("DELETE FROM audit_seals WHERE id = 3", "DELETE FROM audit_log WHERE id > 8")

    assert three_segments.verify().is_intact
    found = three_segments.verify(checkpoint=noted)
    assert [(finding.segment, finding.kind) for finding in found.findings] == [(3, "checkpoint_missing")]


def test_a_long_log_is_verified_in_portions(waypost: Waypost) -> None:
    log = SealedLog(waypost.database, most=100)
    log.write(12_000)
    log.seal_after_a_while()
    sessions = 0

    def count(_connection: object) -> None:
        nonlocal sessions
        sessions += 1

    event.listen(waypost.database.engine, "begin", count)
    found = log.verify()
    event.remove(waypost.database.engine, "begin", count)

    assert (found.is_intact, found.events, found.segments) == (True, 12_000, 120)
    assert sessions == 4  # fifty segments each, and one that finds the end


def test_of_many_findings_the_first_hundred_are_kept_and_all_are_counted(waypost: Waypost) -> None:
    log = SealedLog(waypost.database, most=1)
    log.write(130)
    log.seal_after_a_while()
    log.tamper("UPDATE audit_log SET actor = 'x'")

    found = log.verify()

    assert (found.tampered, len(found.findings)) == (130, 100)
    with waypost.database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM audit_seals")) == 130
