"""Test connection: a real message over the settings in question, told stage by stage.

The same connect function, conversation and composer as a real send, so that what passes here works there.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from portal.crypto.dkim_signer import DkimSigner
from portal.domain.audit_events import Actor
from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.message import Message, new_message_id
from portal.domain.mail.notification_kinds import KINDS
from portal.domain.mail.probe_message import probe_content
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.contrast import contrast_for
from portal.domain.routing.diagnosis import diagnose
from portal.domain.routing.email_settings import EmailSettings
from portal.domain.routing.fault import Fault
from portal.domain.routing.smtp_route import SmtpRoute, TlsMode
from portal.services.clock import Clock, new_id
from portal.services.composition import compose_for
from portal.services.email_settings import EmailSettingsService
from portal.services.probe_limits import TooManyProbesError, refuse_too_many
from portal.services.probe_records import Begun, ProbeRecords
from portal.services.probe_verdict import ProbeVerdict, StageJson, Subject, stage_without
from portal.services.routes import Platform
from portal.smtp.anonymous_greeting import greeting_of
from portal.smtp.connection import ClientOptions, SmtpConnection, StageReport
from portal.smtp.deadlines import Deadline
from portal.smtp.envelope import Envelope
from portal.smtp.errors import SubmissionError
from portal.storage import organisations
from portal.storage.database import Database, StorageError

__all__ = ["SECONDS", "ConnectionProbe", "OnStage", "ProbeVerdict", "Subject"]

SECONDS: Final = 20.0
"""A test takes no longer than this in all; the page says so."""
_SILENCE_SECONDS: Final = 8.0
"""How long a test waits for a greeting, or a handshake: so that there is time for the contrast when none comes."""
_MODES: Final = {TlsMode.STARTTLS: "STARTTLS", TlsMode.IMPLICIT: "SSL/TLS"}

_log = structlog.get_logger()

OnStage = Callable[[StageJson], None]


@dataclass(frozen=True, slots=True)
class ConnectionProbe:
    """Runs tests, here and now or in a thread of their own.

    Attributes:
        base_url: Where the portal is, for the link *Yes, I received it*.
    """

    database: Database
    email_settings: EmailSettingsService
    platform: Platform
    signer: DkimSigner | None
    client_options: ClientOptions
    clock: Clock
    base_url: str

    def probe(
        self,
        subject: Subject,
        *,
        to: str,
        actor: Actor,
        on_stage: OnStage = lambda _: None,
        begun: Begun | None = None,
    ) -> ProbeVerdict:
        """Run a test and wait for its end, at most ``SECONDS`` and a little.

        Args:
            to: Who receives the test message.
            on_stage: Told each stage as CONTRACT's probe object lists it, as soon as it has ended.
            begun: Its record; a test without one sends a message without the link *Yes, I received it*.
        """
        receipt = begun.receipt if begun else None
        with self.database.reading() as session:
            tenant_name = organisations.tenant(session, subject.tenant_id).name
        since_epoch = self.email_settings.route_epoch(subject.tenant_id)
        route = self.platform.tenant_route(
            subject.tenant_id, subject.version or 0, subject.settings, subject.credentials
        )
        message = self._message(subject, to, tenant_name, receipt)
        verdict = asyncio.run(self._converse(route, subject.settings, message, on_stage))
        verdict = verdict.without(receipt) if receipt else verdict
        self._records.has_tested(subject, verdict, actor, since_epoch, probe_id=begun.probe_id if begun else None)
        return verdict

    def refuse_too_many(self, tenant_id: TenantId, *, actor: Actor) -> None:
        """Ask whether ``start()`` would refuse, before something is done for its sake.

        Raises:
            TooManyProbesError: It would.
        """
        try:
            with self.database.reading() as session:
                refuse_too_many(session, tenant_id, actor, self.clock())
        except TooManyProbesError as refusal:
            self._records.refused(tenant_id, refusal, actor)
            raise

    def start(self, subject: Subject, *, to: str, actor: Actor) -> str:
        """Begin a test in a thread and return its id at once; its row shows how far it is.

        Raises:
            TooManyProbesError: This person or tenant has tested too often lately, or the server has refused this
                sign-in too often.
        """
        begun = self._records.begin(subject, to=to, actor=actor)
        run = threading.Thread(target=self._run, args=(begun, subject, to, actor), name=f"probe-{begun.probe_id}")
        run.daemon = True
        run.start()
        return begun.probe_id

    @property
    def _records(self) -> ProbeRecords:
        return ProbeRecords(self.database, self.email_settings, self.clock)

    def _run(self, begun: Begun, subject: Subject, to: str, actor: Actor) -> None:
        records, probe_id = self._records, begun.probe_id
        stages: list[StageJson] = []

        def note(stage: StageJson) -> None:
            stages.append(stage_without(stage, begun.receipt))
            try:
                records.has_stages(probe_id, stages)
            except StorageError as error:
                _log.warning("a stage is shown late", probe=probe_id, error=str(error))

        try:
            verdict = self.probe(subject, to=to, actor=actor, on_stage=note, begun=begun)
        except Exception:
            _log.exception("a connection test stopped by a defect", probe=probe_id)
            records.is_interrupted(probe_id, subject)
            raise
        records.has_ended(probe_id, subject, verdict)

    async def _converse(
        self, route: SmtpRoute, settings: EmailSettings, message: Message, on_stage: OnStage
    ) -> ProbeVerdict:
        loop = asyncio.get_running_loop()
        started = loop.time()
        deadline = Deadline.after(SECONDS)
        options = _patient_enough(self.client_options)
        stages: list[StageJson] = []
        composed = compose_for(route, message, date=message.created_at, signer=self.signer)

        def observe(report: StageReport) -> None:
            stages.append(_stage_json(report))
            on_stage(stages[-1])

        failure: SubmissionError | None = None
        connection: SmtpConnection | None = None
        contrast = _Contrast()
        try:
            connection = await SmtpConnection.open(route, options, deadline=deadline, observer=observe)
            envelope = Envelope(composed.sender, composed.recipient, composed.data, composed.needs_smtputf8)
            await connection.submit(envelope, deadline=deadline)
        except SubmissionError as error:
            failure = error
            contrast = await _contrast(route, error, options, deadline)
        seconds = loop.time() - started
        said = connection.transcript if connection else failure.transcript if failure else ()
        if connection:
            await connection.quit()
        return _verdict(
            route, settings, failure, contrast.answers_in, seconds, tuple(stages), (*said, *contrast.transcript)
        )

    def _message(self, subject: Subject, to: str, tenant_name: str, receipt: str | None) -> Message:
        now = self.clock()
        message_id = MessageId(new_id(now))
        content = probe_content(
            tenant_name=tenant_name,
            host=subject.settings.host,
            from_address=subject.settings.from_address,
            at=now,
            platform_name=self.platform.name,
            receipt_url=f"{self.base_url.rstrip('/')}/received/{receipt}" if receipt else None,
        )
        domain = self.platform.identity.from_address.rpartition("@")[2]
        header = new_message_id(message_id, domain)
        return Message(message_id, subject.tenant_id, KINDS["probe"], to, content, header, now)


@dataclass(frozen=True, slots=True)
class _Contrast:
    """What a look at the same port in the other mode has shown."""

    answers_in: TlsMode | None = None
    transcript: tuple[str, ...] = ()


async def _contrast(route: SmtpRoute, error: SubmissionError, options: ClientOptions, deadline: Deadline) -> _Contrast:
    other = contrast_for(route.endpoint.tls, error.stage, error.trouble)
    if other is None or not error.peer or deadline.has_passed:
        return _Contrast()
    greeting = await greeting_of(route, error.peer, options, deadline, tls=other)
    what = f"-- The same port once more with {_MODES[other]}, without signing in --"
    if greeting is None:
        return _Contrast(transcript=(what, "-- It did not answer as a mail server --"))
    return _Contrast(other, (what, *greeting.transcript))


def _patient_enough(options: ClientOptions) -> ClientOptions:
    limits = options.limits
    banner, tls = min(limits.banner, _SILENCE_SECONDS), min(limits.tls, _SILENCE_SECONDS)
    return replace(options, limits=replace(limits, banner=banner, tls=tls))


def _verdict(
    route: SmtpRoute,
    settings: EmailSettings,
    failure: SubmissionError | None,
    answers_in: TlsMode | None,
    seconds: float,
    stages: tuple[StageJson, ...],
    said: tuple[str, ...],
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
        auth=route.auth,
        answers_in=answers_in,
    )
    was_refused = failure is not None and failure.stage is SmtpStage.AUTH and fault is Fault.ROUTE_AUTH
    return ProbeVerdict(seconds, stages, fault, diagnosis, "\n".join(said), was_refused)


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
