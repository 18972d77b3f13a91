"""What is written down of an attempt and of a message's end: rows, sentences and audit events in one write."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from portal.domain.audit_events import WORKER, AuditAction, AuditEvent
from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.attempt_history import History, PastAttempt
from portal.domain.routing.decisions import (
    Decision,
    Delivered,
    Expire,
    GiveUp,
    NextRoute,
    RetryNow,
    TryAgain,
)
from portal.domain.routing.fault import Fault
from portal.domain.routing.route_choice import Because
from portal.domain.routing.smtp_route import SmtpRoute, Via
from portal.domain.routing.trouble import Trouble
from portal.storage import audit_log, outbox
from portal.storage.outbox import AttemptRow, MessageState

_LONGEST_QUOTE: Final = 300


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try over one route, as it ended.

    Attributes:
        stage: Where it ended; ``dot`` for a message that was accepted.
        said: What the server answered, or what happened instead of an answer.
        seconds: From taking a connection to the end.
        tls: Protocol and cipher, or None in clear text or before the handshake.
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


def history_of(session: Session, message_id: MessageId) -> History:
    return History.of(
        PastAttempt(row.at, Via(row.via), Fault(row.fault), row.version, _is_unknown_name(row.reply))
        for row in outbox.attempts_of(session, message_id)
    )


def _is_unknown_name(said: str) -> bool:
    return said.startswith(Trouble.NO_SUCH_HOST)


def after(decision: Decision, attempt: Attempt) -> dict[str, Any]:
    """The message's new column values. A decision to go on at once leaves it with its worker."""
    match decision:
        case Delivered():
            return final(MessageState.SENT, attempt.at) | {"via": attempt.route.via}
        case GiveUp():
            return final(MessageState.FAILED, attempt.at) | {"via": attempt.route.via}
        case TryAgain(_, at) | Expire(_, at):
            return put_back(at)
        case RetryNow() | NextRoute():
            return {}


def put_back(due_at: datetime) -> dict[str, Any]:
    """The columns of a message that is to be tried at that time."""
    return {"state": MessageState.WAITING, "due_at": due_at, "lease_token": None}


def final(state: MessageState, at: datetime) -> dict[str, Any]:
    """The columns of a message that is over: its content is wiped with the same stroke."""
    return {"state": state, "content": None, "due_at": None, "lease_token": None, "finished_at": at}


def record(
    session: Session, tenant_id: TenantId, message: MessageId, attempt: Attempt, *, number: int, decision: Decision
) -> None:
    """Add the attempt's row and its audit event, if it has one."""
    copies = attempt.fault in {Fault.AMBIGUOUS, Fault.OK}
    session.add(
        AttemptRow(
            message_id=message,
            number=number,
            at=attempt.at,
            via=attempt.route.via,
            version=attempt.route.version,
            from_address=attempt.route.identity.from_address,
            stage=attempt.stage,
            code=attempt.reply.code if attempt.reply else None,
            enhanced=str(attempt.reply.enhanced) if attempt.reply and attempt.reply.enhanced else None,
            reply=attempt.said,
            fault=attempt.fault,
            seconds=attempt.seconds,
            tls=attempt.tls,
            copies_possible=int(copies),
        )
    )
    action = _audited_as(decision)
    if action:
        facts = _facts(message, attempt) | {"decision": decision.because}
        audit_log.append(session, AuditEvent(action, attempt.at, WORKER, tenant_id, facts))


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


def record_end_without_attempt(
    session: Session, tenant_id: TenantId, message: MessageId, *, state: MessageState, at: datetime, why: str
) -> None:
    """The audit event of a message that ended without another try: it expired, or cannot be composed."""
    facts = {"message": message, "state": state, "reply": why}
    audit_log.append(session, AuditEvent(AuditAction.EMAIL_SEND_FAILED, at, WORKER, tenant_id, facts))


def shortened(steps: Sequence[str]) -> list[str]:
    """The decision list as it is kept: the first and the latest hundred steps."""
    return [*steps] if len(steps) <= 200 else [*steps[:100], *steps[-100:]]
