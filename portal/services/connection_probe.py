"""Test connection: a real message over the settings in question, told stage by stage.

The same connect function, conversation and composer as a real send, so that what passes here works there.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from portal.crypto.dkim_signer import DkimSigner
from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.message import Message, new_message_id
from portal.domain.mail.notification_kinds import KINDS
from portal.domain.mail.probe_message import probe_content
from portal.domain.routing.diagnosis import Diagnosis, diagnose
from portal.domain.routing.email_settings import EmailSettings
from portal.domain.routing.fault import Fault
from portal.domain.routing.smtp_route import Credentials, SmtpRoute
from portal.services.clock import Clock, new_id
from portal.services.composition import compose_for
from portal.services.email_settings import EmailSettingsService
from portal.services.probe_limits import refuse_too_many
from portal.services.routes import Platform
from portal.smtp.connection import ClientOptions, SmtpConnection, StageReport
from portal.smtp.deadlines import Deadline
from portal.smtp.envelope import Envelope
from portal.smtp.errors import SubmissionError
from portal.storage import audit_log, organisations
from portal.storage.database import Database, StorageError
from portal.storage.probes import ProbeRow

SECONDS: Final = 20.0
"""A test takes no longer than this in all; the page says so."""

_log = structlog.get_logger()

OnStage = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class ProbeVerdict:
    """How a test ended."""

    seconds: float
    stages: tuple[Mapping[str, Any], ...]
    fault: Fault
    diagnosis: Diagnosis
    transcript: str

    @property
    def ok(self) -> bool:
        return self.fault is Fault.OK

    def to_json(self) -> dict[str, Any]:
        """CONTRACT's *probe* object."""
        return {
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "stages": list(self.stages),
            "class": self.fault,
            "title": self.diagnosis.title,
            "what_happened": self.diagnosis.what_happened,
            "what_to_do": list(self.diagnosis.what_to_do),
            "field": self.diagnosis.field,
            "fix": dict(self.diagnosis.fix),
        }


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tested: settings as typed or as saved.

    Attributes:
        version: The saved version, or None for a form as typed: then nothing but the record of the test is kept.
        activates: Whether success makes the version the active one.
    """

    tenant_id: TenantId
    settings: EmailSettings
    credentials: Credentials | None
    version: int | None = None
    activates: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionProbe:
    """Runs tests, here and now or in a thread of their own."""

    database: Database
    email_settings: EmailSettingsService
    platform: Platform
    signer: DkimSigner | None
    client_options: ClientOptions
    clock: Clock

    def probe(self, subject: Subject, *, to: str, actor: Actor, on_stage: OnStage = lambda _: None) -> ProbeVerdict:
        """Run a test and wait for its end, at most ``SECONDS`` and a little.

        Args:
            to: Who receives the test message.
            on_stage: Told each stage as CONTRACT's probe object lists it, as soon as it has ended.
        """
        with self.database.reading() as session:
            tenant_name = organisations.tenant(session, subject.tenant_id).name
        since_epoch = self.email_settings.route_epoch(subject.tenant_id)
        route = self.platform.tenant_route(
            subject.tenant_id, subject.version or 0, subject.settings, subject.credentials
        )
        message = self._message(subject, to, tenant_name)
        verdict = asyncio.run(self._converse(route, subject.settings, message, on_stage))
        self._record(subject, verdict, actor, since_epoch)
        return verdict

    def refuse_too_many(self, tenant_id: TenantId, *, actor: Actor) -> None:
        """Ask whether ``start()`` would refuse, before something is done for its sake.

        Raises:
            TooManyProbesError: It would.
        """
        with self.database.reading() as session:
            refuse_too_many(session, tenant_id, actor, self.clock())

    def start(self, subject: Subject, *, to: str, actor: Actor) -> str:
        """Begin a test in a thread and return its id at once; its row shows how far it is.

        Raises:
            TooManyProbesError: This person or tenant has tested too often lately.
        """
        now = self.clock()
        with self.database.transaction() as session:
            refuse_too_many(session, subject.tenant_id, actor, now)
            row = ProbeRow(
                id=new_id(now),
                tenant_id=subject.tenant_id,
                version=subject.version,
                activates=subject.activates,
                to_address=to,
                started_by=actor.name,
                started_at=now,
                endpoint=str(subject.settings.endpoint),
                stages=[],
            )
            session.add(row)
            probe_id = row.id
        run = threading.Thread(target=self._run, args=(probe_id, subject, to, actor), name=f"probe-{probe_id}")
        run.daemon = True
        run.start()
        return probe_id

    def _run(self, probe_id: str, subject: Subject, to: str, actor: Actor) -> None:
        stages: list[Mapping[str, Any]] = []

        def note(stage: Mapping[str, Any]) -> None:
            stages.append(stage)
            try:
                self._write(probe_id, stages=list(stages))
            except StorageError as error:
                _log.warning("a stage is shown late", probe=probe_id, error=str(error))

        try:
            verdict = self.probe(subject, to=to, actor=actor, on_stage=note)
        except Exception:
            _log.exception("a connection test stopped by a defect", probe=probe_id)
            self._write(probe_id, finished_at=self.clock())
            raise
        self._write(
            probe_id,
            stages=list(verdict.stages),
            verdict=verdict.to_json(),
            transcript=verdict.transcript,
            finished_at=self.clock(),
        )

    def _write(self, probe_id: str, **values: Any) -> None:
        with self.database.transaction() as session:
            row = session.get_one(ProbeRow, probe_id)
            for name, value in values.items():
                setattr(row, name, value)

    async def _converse(
        self, route: SmtpRoute, settings: EmailSettings, message: Message, on_stage: OnStage
    ) -> ProbeVerdict:
        loop = asyncio.get_running_loop()
        started = loop.time()
        deadline = Deadline.after(SECONDS)
        stages: list[Mapping[str, Any]] = []
        composed = compose_for(route, message, date=message.created_at, signer=self.signer)

        def observe(report: StageReport) -> None:
            stages.append(_stage_json(report))
            on_stage(stages[-1])

        failure: SubmissionError | None = None
        connection: SmtpConnection | None = None
        try:
            connection = await SmtpConnection.open(route, self.client_options, deadline=deadline, observer=observe)
            envelope = Envelope(composed.sender, composed.recipient, composed.data, composed.needs_smtputf8)
            await connection.submit(envelope, deadline=deadline)
        except SubmissionError as error:
            failure = error
        seconds = loop.time() - started
        transcript = "\n".join(connection.transcript if connection else failure.transcript if failure else ())
        if connection:
            await connection.quit()
        return _verdict(route, settings, failure, seconds, tuple(stages), transcript)

    def _message(self, subject: Subject, to: str, tenant_name: str) -> Message:
        now = self.clock()
        message_id = MessageId(new_id(now))
        content = probe_content(
            tenant_name=tenant_name, host=subject.settings.host, at=now, platform_name=self.platform.name
        )
        domain = self.platform.identity.from_address.rpartition("@")[2]
        header = new_message_id(message_id, domain)
        return Message(message_id, subject.tenant_id, KINDS["probe"], to, content, header, now)

    def _record(self, subject: Subject, verdict: ProbeVerdict, actor: Actor, since_epoch: int) -> None:
        now = self.clock()
        facts = {
            "version": subject.version,
            "endpoint": str(subject.settings.endpoint),
            "ok": verdict.ok,
            "class": verdict.fault,
        }
        with self.database.transaction() as session:
            audit_log.append(session, AuditEvent(AuditAction.SMTP_TESTED, now, actor, subject.tenant_id, facts))
        if verdict.ok and subject.version is not None:
            self.email_settings.record_proof(
                subject.tenant_id,
                subject.version,
                actor=actor,
                activates=subject.activates,
                since_epoch=since_epoch,
            )


def _verdict(
    route: SmtpRoute,
    settings: EmailSettings,
    failure: SubmissionError | None,
    seconds: float,
    stages: tuple[Mapping[str, Any], ...],
    transcript: str,
) -> ProbeVerdict:
    fault = failure.fault_at(route.endpoint.host) if failure else Fault.OK
    diagnosis = diagnose(
        stage=failure.stage if failure else None,
        fault=fault,
        reply=failure.reply if failure else None,
        trouble=failure.trouble if failure else None,
        detail=failure.detail if failure else "",
        endpoint=route.endpoint,
        from_address=route.identity.from_address,
        username=settings.username,  # as it is stored: a token that serves as both stays a mark
    )
    return ProbeVerdict(seconds, stages, fault, diagnosis, transcript)


def _stage_json(report: StageReport) -> dict[str, Any]:
    reply = report.reply
    return {
        "stage": report.stage,
        "ok": report.ok,
        "seconds": round(report.seconds, 3),
        "code": reply.code if reply else None,
        "enhanced": str(reply.enhanced) if reply and reply.enhanced else None,
        "reply": reply.text if reply else None,
        "note": report.note,
    }
