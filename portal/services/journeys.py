"""A message on its way, as a worker has it in hand."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.message import Message
from portal.domain.mail.notification_kinds import KINDS, NotificationKind, Priority
from portal.domain.routing import route_choice
from portal.domain.routing.attempt_history import History
from portal.domain.routing.platform_quota import Use
from portal.domain.routing.rate_limit import RateLimit
from portal.domain.routing.route_choice import Choice, RouteOptions
from portal.domain.routing.smtp_route import SmtpRoute
from portal.services.composition import Composition
from portal.services.route_states import RouteCondition
from portal.storage.messages import MessageState


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as it was read from the outbox.

    Attributes:
        begun: Conversations begun so far; whoever begins the next one raises it from here (the fencing token).
        interrupted: Those of them whose end nobody knows, so that a copy may be out for each.
        tries: Attempts on record.
        steps: The decision list so far.
    """

    id: MessageId
    tenant_id: TenantId
    kind: NotificationKind
    to: str
    message_id: str
    sealed: bytes = field(repr=False)
    content_bytes: int
    created_at: datetime
    send_at: datetime
    expires_at: datetime
    due_at: datetime
    begun: int
    interrupted: int
    tries: int
    via: str | None
    steps: tuple[str, ...]
    is_sending: bool
    """A conversation was begun and its end is not on record: whoever began it has stopped."""

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=MessageId(row.id),
            tenant_id=TenantId(row.tenant_id),
            kind=KINDS.get(row.kind) or _kind_of_another_version(row),
            to=row.to_address,
            message_id=row.message_id,
            sealed=row.sealed,
            content_bytes=row.content_bytes,
            created_at=row.created_at,
            send_at=row.send_at,
            expires_at=row.expires_at,
            due_at=row.due_at,
            begun=row.begun,
            interrupted=row.interrupted,
            tries=row.tries,
            via=row.via,
            steps=tuple(row.decision or ()),
            is_sending=row.state == MessageState.SENDING,
        )


def _kind_of_another_version(row: Any) -> NotificationKind:
    """A kind that was registered when the message was handed in and is not known here: it is delivered all the same."""
    return NotificationKind(row.kind, Priority(row.priority), row.expires_at - row.send_at)


@dataclass(frozen=True, slots=True)
class LaneState:
    """What a tenant's mail goes by at this moment.

    Attributes:
        epoch: The tenant's route epoch: what was chosen under another one is chosen anew.
        own: What is known of the tenant's own route; None without one.
        limit: What the tenant's provider takes, as the admin has set it; None for no limit.
        used: What the tenant has used of the platform's sender in this hour.
    """

    tenant_id: TenantId
    tenant_name: str
    epoch: int
    options: RouteOptions
    own: RouteCondition | None
    limit: RateLimit | None
    used: Use


@dataclass(slots=True, eq=False)
class Journey:
    """Where a message stands: the choices left, the attempts made, the steps told.

    Attributes:
        lane: What its choices rest upon.
        begun: The fencing token: the number of the conversation that is on, or was last.
        composed: What will be said on the current route; None where it has still to be composed.
    """

    stored: Stored
    lane: LaneState
    message: Message
    history: History
    remaining: tuple[Choice, ...]
    steps: list[str]
    begun: int
    interrupted: int
    composed: Composition | None = None
    began_at: datetime | None = None
    """When a connection of the current route was first had: waiting for one is not the server's fault."""
    started: float = 0.0
    """The same by the loop's clock, which never jumps."""

    @property
    def id(self) -> MessageId:
        return self.stored.id

    @property
    def kind(self) -> NotificationKind:
        return self.stored.kind

    @property
    def choice(self) -> Choice:
        return self.remaining[0]

    @property
    def route(self) -> SmtpRoute:
        return self.remaining[0].route

    @property
    def is_urgent(self) -> bool:
        return self.stored.kind.priority is Priority.URGENT

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes: sealed, opened and composed."""
        return 3 * self.stored.content_bytes + 2048

    def go_on_with(self, choice: Choice, reason: str) -> None:
        """Take the next route."""
        self.remaining = self.remaining[1:]
        self.composed = self.began_at = None
        self.started = 0.0
        self.steps.append(self.why(choice.because, reason))

    def why(self, because: route_choice.Because, reason: str = "") -> str:
        return route_choice.sentence(because, tenant=self.lane.tenant_name, reason=reason)
