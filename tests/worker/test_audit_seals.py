"""A worker seals what people did, while it sends."""

from datetime import timedelta
from pathlib import Path

import pytest

from portal.domain.audit_events import AuditAction
from portal.services.audit_verification import Verification, verify
from portal.worker import periodic_tasks
from tests.support.audit_tampering import SealedLog
from tests.support.certificates import Certificates
from tests.support.installation import eventually
from tests.support.story import Story, story


def verified(it: Story) -> Verification:
    return verify(it.waypost.database, [it.waypost.audit_key])


def goes_by(it: Story) -> None:
    it.clock.shift += timedelta(minutes=1)


def test_a_worker_seals_and_stops_sealing_when_the_chain_is_cut(
    tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(periodic_tasks, "SEAL_SECONDS", 0.05)
    with story(tmp_path, certificates) as it:
        it.acme_has_a_server()
        assert it.settled(it.send())["state"] == "sent"
        assert verified(it).segments == 0

        def all_is_sealed() -> bool:
            goes_by(it)
            found = verified(it)
            return bool(found.segments) and not found.unsealed

        eventually(all_is_sealed, what="the worker to seal")

        found = verified(it)
        assert found.is_intact
        assert found.events == len([event for event in it.audited() if event["action"] != AuditAction.EMAIL_SENT])

        SealedLog(it.waypost.database).tamper("DELETE FROM audit_seals")

        def is_told() -> bool:
            goes_by(it)
            return "the audit log is not sealed any more" in capsys.readouterr().out

        eventually(is_told, what="the worker to notice")
        assert verified(it).segments == 0
