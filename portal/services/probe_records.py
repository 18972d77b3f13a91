"""What is kept of a connection test: its row while it runs and afterwards, and the audit log's line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from portal.crypto.token_hashing import new_token, token_hash
from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.domain.ids import TenantId
from portal.domain.routing.email_settings import to_json
from portal.services.clock import Clock, new_id
from portal.services.email_settings import EmailSettingsService
from portal.services.probe_limits import TooManyProbesError, give_sign_in_back, refuse_too_many, take_sign_in
from portal.services.probe_verdict import ProbeVerdict, StageJson, Subject
from portal.storage import audit_log, organisations
from portal.storage.database import Database
from portal.storage.probes import ProbeRow
from portal.storage.users import UserRow


class Begun(NamedTuple):
    """A test that may run.

    Attributes:
        receipt: The token of the link *Yes, I received it*; of it only the hash is kept.
    """

    probe_id: str
    receipt: str


@dataclass(frozen=True, slots=True)
class ProbeRecords:
    """Writes down tests, each verb one transaction."""

    database: Database
    email_settings: EmailSettingsService
    clock: Clock

    def begin(self, subject: Subject, *, to: str, actor: Actor) -> Begun:
        """Open the record of a test, and take its place in the limits.

        Raises:
            TooManyProbesError: The limits do not allow it. Nothing was begun; the audit log says so.
        """
        now = self.clock()
        begun = Begun(new_id(now), new_token())
        try:
            with self.database.transaction() as session:
                tenant = organisations.tenant_to_change(session, subject.tenant_id)
                session.get(UserRow, actor.name, with_for_update=True)  # they may test another tenant at this moment
                refuse_too_many(session, subject.tenant_id, actor, now)
                take_sign_in(session, subject, now)
                session.add(
                    ProbeRow(
                        id=begun.probe_id,
                        tenant_id=subject.tenant_id,
                        version=subject.version,
                        activates=subject.activates,
                        to_address=to,
                        started_by=actor.name,
                        started_at=now,
                        endpoint=str(subject.settings.endpoint),
                        settings=to_json(
                            subject.settings,
                            password_set=subject.credentials is not None,
                            enabled=tenant.smtp_enabled,
                        ),
                        stages=[],
                        receipt_hash=token_hash(begun.receipt),
                    )
                )
        except TooManyProbesError as refusal:
            self.refused(subject.tenant_id, refusal, actor, endpoint=str(subject.settings.endpoint))
            raise
        return begun

    def refused(
        self, tenant_id: TenantId, refusal: TooManyProbesError, actor: Actor, *, endpoint: str | None = None
    ) -> None:
        """Note in the audit log that a limit has refused a test; a button pressed twice is no event."""
        if refusal.running is None:
            facts = {"endpoint": endpoint, "because": str(refusal)}
            event = AuditEvent(AuditAction.SMTP_TEST_REFUSED, self.clock(), actor, tenant_id, facts)
            with self.database.transaction() as session:
                audit_log.append(session, event)

    def has_stages(self, probe_id: str, stages: Sequence[StageJson]) -> None:
        self._write(probe_id, stages=list(stages))

    def is_interrupted(self, probe_id: str, subject: Subject) -> None:
        """Close the record of a test that found no verdict."""
        self._write(probe_id, finished_at=self.clock())
        self._settle(subject, sign_in_refused=False)

    def has_ended(self, probe_id: str, subject: Subject, verdict: ProbeVerdict) -> None:
        self._write(
            probe_id,
            stages=list(verdict.stages),
            verdict=verdict.to_json(),
            transcript=verdict.transcript,
            finished_at=self.clock(),
        )
        self._settle(subject, sign_in_refused=verdict.sign_in_refused)

    def has_tested(
        self, subject: Subject, verdict: ProbeVerdict, actor: Actor, since_epoch: int, *, probe_id: str | None
    ) -> None:
        """Write the audit log, and what a success has proven.

        Args:
            since_epoch: See ``EmailSettingsService.record_proof()``.
            probe_id: Its row, or None for a test of the command line, which has none.
        """
        facts = {
            "probe": probe_id,
            "version": subject.version,
            "endpoint": str(subject.settings.endpoint),
            "ok": verdict.ok,
            "class": verdict.fault,
        }
        event = AuditEvent(AuditAction.SMTP_TESTED, self.clock(), actor, subject.tenant_id, facts)
        with self.database.transaction() as session:
            audit_log.append(session, event)
        if verdict.ok and subject.version is not None:
            self.email_settings.record_proof(
                subject.tenant_id,
                subject.version,
                actor=actor,
                activates=subject.activates,
                since_epoch=since_epoch,
            )

    def _settle(self, subject: Subject, *, sign_in_refused: bool) -> None:
        if not sign_in_refused:
            with self.database.transaction() as session:
                give_sign_in_back(session, subject, self.clock())

    def _write(self, probe_id: str, **values: Any) -> None:
        with self.database.transaction() as session:
            row = session.get_one(ProbeRow, probe_id)
            for name, value in values.items():
                setattr(row, name, value)
