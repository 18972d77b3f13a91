"""``audit verify`` and what ``doctor`` says of seals."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.crypto.audit_key import AuditKey
from tests.support.audit_tampering import SealedLog
from tests.support.installation import Installation

FORMER = "the secret key that this installation had before"


def sealed(installation: Installation, *counts: int, minutes_ago: int = 30) -> None:
    """Beside the event with which the tenant came."""
    with installation.opened() as waypost:
        log = SealedLog(waypost.database, key=waypost.audit_key)
        log.now = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        log.write_and_seal(*counts)


def change(installation: Installation, statement: str) -> None:
    with installation.opened() as waypost:
        SealedLog(waypost.database).tamper(statement)


def test_an_intact_log_is_told_with_a_checkpoint_and_status_0(on_either_database: Installation) -> None:
    installation = on_either_database
    sealed(installation, 1200, 2)
    with installation.opened() as waypost:
        SealedLog(waypost.database).write(3)

    done = installation.run("audit", "verify")

    assert (done.returncode, done.stderr) == (0, "")
    verdict, checkpoint = done.stdout.splitlines()
    assert verdict.startswith("Intact: 1,203 events in 2 segments, up to 20")
    assert verdict.endswith(" UTC; 3 newer not sealed yet.")
    told = installation.json("audit", "verify")
    assert checkpoint.endswith(f": {told['checkpoint']}")
    assert told | {"until": "", "checkpoint": ""} == {
        "intact": True,
        "events": 1203,
        "segments": 2,
        "until": "",
        "unsealed": 3,
        "checkpoint": "",
        "tampered": 0,
        "findings": [],
    }
    assert installation.run("audit", "verify", "--checkpoint", told["checkpoint"]).returncode == 0


def test_tampering_is_told_with_its_segment_and_status_1(on_either_database: Installation) -> None:
    installation = on_either_database
    sealed(installation, 4, 4)
    checkpoint = installation.json("audit", "verify")["checkpoint"]
    change(installation, "UPDATE audit_log SET actor = 'nobody' WHERE id = 2")

    done = installation.run("audit", "verify")

    assert done.returncode == 1
    first, verdict = done.stdout.splitlines()
    assert first.startswith("Segment 1, events 1 to 5, sealed 20")
    assert first.endswith(" UTC: an event, or the seal itself, was changed.")
    assert verdict.startswith("NOT intact: 9 events in 2 segments")
    told = installation.json("audit", "verify")
    assert [told["intact"], told["tampered"], told["checkpoint"]] == [False, 1, None]
    assert (told["findings"][0]["segment"], told["findings"][0]["kind"]) == (1, "event_changed")

    change(installation, "DELETE FROM audit_seals WHERE id = 2")
    said = installation.run("audit", "verify", "--checkpoint", checkpoint).stdout
    assert "Segment 2: the chain does not pass the checkpoint" in said


def test_former_keys_are_read_from_files(installation: Installation, tmp_path: Path) -> None:
    now = installation.environment["PORTAL_SECRET_KEY"]
    installation.environment["PORTAL_SECRET_KEY"] = FORMER
    sealed(installation, 2)
    installation.environment["PORTAL_SECRET_KEY"] = now
    sealed(installation, 2, minutes_ago=20)
    file = tmp_path / "former"
    file.write_text(f"{FORMER}\n")

    done = installation.run("audit", "verify")

    assert done.returncode == 1
    assert "was sealed with another PORTAL_SECRET_KEY" in done.stdout
    assert "--former-key-file" in done.stdout
    done = installation.run("audit", "verify", "--former-key-file", str(file))
    assert (done.returncode, done.stdout[:21]) == (0, "Intact: 5 events in 2")


def test_the_key_stands_nowhere_in_the_database(installation: Installation) -> None:
    sealed(installation, 2)
    key = AuditKey(installation.settings.secret_key)
    content = (installation.folder / "waypost.db").read_bytes()
    assert key.id.encode() in content
    assert installation.settings.secret_key.reveal().encode() not in content
    assert key._key not in content


@pytest.mark.parametrize("checkpoint", ["", "7", "x:" + 64 * "0", "7:" + 63 * "0", "7:" + 64 * "G"])
def test_what_is_no_checkpoint_is_wrong_use(installation: Installation, checkpoint: str) -> None:
    done = installation.run("audit", "verify", "--checkpoint", checkpoint)
    assert (done.returncode, done.stdout) == (2, "")
    assert "NUMBER:MAC" in done.stderr


def test_an_installation_that_is_broken_is_neither_intact_nor_tampered(installation: Installation) -> None:
    installation.environment["PORTAL_DATABASE_URL"] = "sqlite:///empty.db"
    done = installation.run("audit", "verify", "--json")
    assert (done.returncode, done.stdout) == (3, "")
    assert "db upgrade" in done.stderr


def test_doctor_says_what_has_not_been_sealed_for_long(on_either_database: Installation) -> None:
    installation = on_either_database
    assert "sealed" not in installation.run("doctor").stdout
    with installation.opened() as waypost:
        log = SealedLog(waypost.database)
        log.now = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
        log.tamper("DELETE FROM audit_log")
        log.write(1)

    said = installation.run("doctor").stdout

    assert "What people did since 2026-01-02 03:04 UTC is not sealed in the audit log" in said
    sealed(installation, 1)
    assert "sealed" not in installation.run("doctor").stdout


def test_doctor_survives_what_nobody_can_read(installation: Installation) -> None:
    change(installation, "UPDATE audit_log SET at = 'yesterday'")
    assert "holds what this program has not written" in installation.run("doctor").stdout
