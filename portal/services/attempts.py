"""What is written down of an attempt: its row, its sentence and its audit event."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from portal.domain.audit_events import WORKER, AuditAction, AuditEvent
from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.attempt_history import PastAttempt
from portal.domain.routing.decisions import Decision, Delivered, GiveUp, NextRoute
from portal.domain.routing.fault import Fault
from portal.domain.routing.route_choice import Because
from portal.domain.routing.smtp_route import SmtpRoute, Via
from portal.domain.routing.trouble import Trouble
from portal.storage.messages import MessageState

_LONGEST_QUOTE: Final = 300


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try over one route, as it ended.

    Attributes:
        stage: Where it ended; ``dot`` for a message that was accepted.
        said: What the server answered, or what happened instead of an answer.
        seconds: From taking a connection to the end.
        tls: Protocol and cipher, or None in clear text or before the handshake.
        new_connection: Whether the connection was opened for it.
        is_second_hand: Whether another attempt has tried to open one, and this one was told how that went.
    """

    at: datetime
    route: SmtpRoute
    because: Because
    stage: SmtpStage
    reply: SmtpReply | None
    said: str
    fault: Fault
    seconds: float
    tls: str | None
    new_connection: bool = True
    is_second_hand: bool = False

    @property
    def sentence(self) -> str:
        """What happened, for the message's decision list."""
        # Tenants read this: where the operator's relay stands is not theirs to know (THREATS 15).
        server = "The platform's server" if self.route.tenant_id is None else str(self.route.endpoint)
        if self.fault is Fault.OK:
            return f"{server} accepted it: {self.briefly}."
        return f"{server} did not accept it at «{self.stage}»: {self.briefly} ({self.fault})."

    @property
    def briefly(self) -> str:
        """``said`` as far as it fits into a sentence (THREATS 16)."""
        return self.said if len(self.said) <= _LONGEST_QUOTE else f"{self.said[:_LONGEST_QUOTE]}…"

    @property
    def past(self) -> PastAttempt:
        return PastAttempt(self.at, self.route.via, self.fault, self.route.version, _is_unknown_name(self.said))

    def row(self, message: MessageId, number: int) -> dict[str, Any]:
        """The columns of ``AttemptRow``."""
        enhanced = self.reply.enhanced if self.reply else None
        return {
            "message_id": message,
            "number": number,
            "at": self.at,
            "via": self.route.via,
            "version": self.route.version,
            "from_address": self.route.identity.from_address,
            "stage": self.stage,
            "code": self.reply.code if self.reply else None,
            "enhanced": str(enhanced) if enhanced else None,
            "reply": self.said,
            "fault": self.fault,
            "seconds": self.seconds,
            "tls": self.tls,
            "copies_possible": int(self.fault in {Fault.AMBIGUOUS, Fault.OK}),
        }


def past_of(row: Any) -> PastAttempt:
    """An attempt on record, from its row."""
    return PastAttempt(row.at, Via(row.via), Fault(row.fault), row.version, _is_unknown_name(row.reply))


def _is_unknown_name(said: str) -> bool:
    return said.startswith(Trouble.NO_SUCH_HOST)


def events_of(decision: Decision, message: MessageId, tenant_id: TenantId, attempt: Attempt) -> tuple[AuditEvent, ...]:
    """The audit event of an attempt, if it has one."""
    action = _audited_as(decision)
    if action is None:
        return ()
    facts = _facts(message, attempt) | {"decision": decision.because}
    return (AuditEvent(action, attempt.at, WORKER, tenant_id, facts),)


def _audited_as(decision: Decision) -> AuditAction | None:
    """Every refused attempt that changes the route or ends the message, and the accepted one (DESIGN section 2)."""
    match decision:
        case Delivered():
            return AuditAction.EMAIL_SENT
        case GiveUp() | NextRoute():
            return AuditAction.EMAIL_SEND_FAILED
        case _:
            return None


def _facts(message: MessageId, attempt: Attempt) -> dict[str, Any]:
    return {
        "message": message,
        "via": attempt.route.via,
        "because": attempt.because,
        "version": attempt.route.version,
        "from": attempt.route.identity.from_address,
        "stage": attempt.stage,
        "class": attempt.fault,
        "reply": attempt.briefly,
    }


def end_without_attempt(
    message: MessageId, tenant_id: TenantId, *, state: MessageState, at: datetime, why: str
) -> AuditEvent:
    """The audit event of a message that ended without another try: it expired, say, or cannot be composed."""
    facts = {"message": message, "state": state, "reply": why}
    return AuditEvent(AuditAction.EMAIL_SEND_FAILED, at, WORKER, tenant_id, facts)
