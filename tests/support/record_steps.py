"""Steps that workers write about messages (``services/records``), and messages to write them about."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.fault import Fault
from portal.domain.routing.route_choice import Because
from portal.services import records
from portal.services.attempts import Attempt
from portal.services.records import Begin, Ending, Step, Written
from portal.services.route_states import RouteCondition
from portal.storage.messages import MessageState
from portal.wiring import Waypost
from tests.support.route_options import PLATFORM
from tests.support.stored_mail import put_messages

NOW: Final = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
LATER: Final = NOW + timedelta(minutes=5)


@dataclass(frozen=True)
class Steps:
    """Steps about one message of a tenant."""

    tenant: TenantId
    message: MessageId

    def begin(self, number: int, *, tries: int = 0, worker: str = "me", **more: Any) -> Begin:
        return Begin(self.message, self.tenant, worker, number, tries, interrupted=0, at=NOW, **more)

    def end(self, number: int, state: MessageState, *, tries: int = 1, fault: Fault = Fault.OK) -> Ending:
        """A conversation's outcome."""
        reply = SmtpReply(250, ("2.0.0 queued",)) if fault is Fault.OK else None
        route = replace(PLATFORM, tenant_id=None)
        said = "as it was told"
        attempt = Attempt(NOW, route, Because.NO_OWN_SERVER, SmtpStage.DOT, reply, said, fault, 0.1, None)
        put_off = self.put_off(number, tries=tries)
        due_at = None if state.is_final else LATER
        return replace(put_off, state=state, due_at=due_at, attempt=attempt, condition=RouteCondition(route.key))

    def put_off(self, number: int, *, tries: int = 0) -> Ending:
        """An end without a conversation."""
        return Ending(
            message=self.message,
            tenant_id=self.tenant,
            begun=number,
            state=MessageState.WAITING,
            at=NOW,
            due_at=LATER,
            expires_at=NOW + timedelta(days=1),
            tries=tries,
            interrupted=0,
            via=None,
            steps=("It was so.",),
        )


def stored(waypost: Waypost, tenant: TenantId, *, begun: int, tries: int = 0, **more: Any) -> Steps:
    with waypost.database.transaction() as session:
        state = more.pop("state", MessageState.SENDING if begun else MessageState.QUEUED)
        row = {"begun": begun, "tries": tries, "attempts": tries} | more
        return Steps(tenant, put_messages(session, tenant, NOW, state=state, **row)[0])


def write(waypost: Waypost, *steps: Step) -> list[Written | Exception]:
    with waypost.database.transaction() as session:
        return records.write(session, steps)
