"""Reading a lane: its next messages, opened, their routes chosen and composed, ready to be sent."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from portal.crypto.dkim_signer import DkimError, DkimSigner
from portal.crypto.vault import CannotOpenError, Vault
from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.content import ContentError
from portal.domain.mail.message import Message
from portal.domain.mail.notification_kinds import Priority
from portal.domain.routing.attempt_history import NO_HISTORY, History
from portal.domain.routing.platform_quota import Use
from portal.domain.routing.rate_limit import RateLimit
from portal.domain.routing.retry_schedule import MOST_COPIES
from portal.domain.routing.route_choice import held_until, routes_to_try
from portal.services import attempts, endings, message_content, route_states
from portal.services.clock import Clock
from portal.services.composition import compose_for
from portal.services.journeys import Journey, LaneState, Stored
from portal.services.records import Ending
from portal.services.routes import Platform, route_options
from portal.storage import attempts as stored_attempts
from portal.storage import email_settings as stored_settings
from portal.storage import lanes, organisations, outbox, platform_use
from portal.storage.database import Database

MOST_INTERRUPTIONS: Final = 3
_KEYS_MAY_BE_BACK: Final = timedelta(minutes=1)
_INTERRUPTED: Final = "A worker stopped while it had this message, so a copy of it may have been sent already."
_MOST_KNOWN: Final = 5_000
_EVERY_PRIORITY: Final = tuple(Priority)

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Want:
    """What is to be read of a lane.

    Attributes:
        state: What the tenant's mail went by so far; None to read that, too.
        besides: Messages that are in hand already.
        most: How many messages are wanted.
        urgent_only: Look for urgent ones only, because of the others there are enough in hand.
        most_bytes: Stop when their sealed contents have come to so much; the first message is always taken.
    """

    tenant_id: TenantId
    state: LaneState | None
    besides: Collection[str]
    most: int
    urgent_only: bool = False
    most_bytes: int = 8 * 1024 * 1024


@dataclass(slots=True)
class LaneReading:
    """What was found in a lane.

    Attributes:
        state: None when the tenant's credentials do not open: nothing of its mail can be sent until they do.
        journeys: Messages to send, in their order.
        endings: Messages that need no conversation: expired, put off, quarantined, not to be composed.
        is_all: Nothing else is due at this time.
        next_due: When something will be, of what is not in hand; read only when nothing was found.
    """

    tenant_id: TenantId
    state: LaneState | None
    journeys: list[Journey] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    is_all: bool = True
    next_due: datetime | None = None


@dataclass(frozen=True, slots=True)
class LaneReader:
    """Reads lanes that a worker holds. Runs in a thread; every call is one look at the database."""

    database: Database
    vault: Vault
    platform: Platform
    signer: DkimSigner | None
    clock: Clock
    _known: dict[TenantId, LaneState] = field(default_factory=dict, init=False, repr=False)
    """Tenants whose lane was held lately: most come back before their settings change."""

    def read(self, wants: Sequence[Want]) -> list[LaneReading]:
        with self.database.reading() as session:
            found = [self._read_one(session, want) for want in wants]
        for reading, rows, histories in found:
            for row in rows:
                self._take_up(reading, row, histories)
        return [reading for reading, _, _ in found]

    def _read_one(self, session: Session, want: Want) -> tuple[LaneReading, list[Stored], dict[str, History]]:
        now = self.clock()
        try:
            state = want.state
            if state is None or organisations.route_epoch(session, want.tenant_id) != state.epoch:
                state = self.state_of(session, want.tenant_id)
        except CannotOpenError as error:
            # The installation's keys are at fault, not the messages: they wait for the right ones.
            _log.error("a tenant's password does not open", tenant=want.tenant_id, error=str(error))
            return LaneReading(want.tenant_id, None), [], {}
        reading = LaneReading(want.tenant_id, state)
        priorities = (Priority.URGENT,) if want.urgent_only else _EVERY_PRIORITY
        due = outbox.due(session, want.tenant_id, now=now, besides=want.besides, most=want.most, priorities=priorities)
        wanted = _within(due, want.most_bytes)
        reading.is_all = len(due) < want.most and len(wanted) == len(due)
        if not wanted:
            if not want.besides:
                reading.next_due = lanes.next_due(session, want.tenant_id)
            return reading, [], {}
        rows = {row.id: Stored.from_row(row) for row in outbox.read(session, wanted)}
        tried = [id_ for id_, row in rows.items() if row.tries]
        histories: dict[str, list[Any]] = {id_: [] for id_ in tried}
        for attempt in stored_attempts.of_messages(session, tried) if tried else ():
            histories[attempt.message_id].append(attempts.past_of(attempt))
        return reading, [rows[id_] for id_ in wanted if id_ in rows], {i: History.of(p) for i, p in histories.items()}

    def state_of(self, session: Session, tenant_id: TenantId) -> LaneState:
        """Read what the tenant's mail goes by now.

        Raises:
            CannotOpenError: Its password does not open.
        """
        known = self._known.get(tenant_id)
        if known is None or known.epoch != organisations.route_epoch(session, tenant_id):
            known = self._settings_of(session, tenant_id)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[tenant_id] = known
        own = known.options.tenant
        return replace(
            known,
            own=route_states.read(session, own.key) if own else None,
            used=platform_use.use_of(session, tenant_id, now=self.clock()),
        )

    def _settings_of(self, session: Session, tenant_id: TenantId) -> LaneState:
        """What changes with the route epoch alone."""
        tenant = organisations.tenant(session, tenant_id)
        options = route_options(session, self.vault, self.platform, tenant)
        settings = stored_settings.version(session, tenant_id, tenant.active_version)
        limit = (
            RateLimit(settings.rate_per_second, settings.rate_per_minute, settings.rate_per_day) if settings else None
        )
        return LaneState(
            tenant_id=tenant_id,
            tenant_name=tenant.name,
            epoch=tenant.route_epoch,
            options=options,
            own=None,
            limit=limit if limit and limit.caps else None,
            used=Use(),
        )

    def _take_up(self, reading: LaneReading, row: Stored, histories: dict[str, History]) -> None:
        """Make a journey of a stored message, or its end where it needs no conversation."""
        now, state = self.clock(), reading.state
        if state is None:
            return
        steps = [*row.steps]
        was_interrupted = row.is_sending
        interrupted = row.interrupted + was_interrupted
        history = histories.get(row.id, NO_HISTORY).with_interruptions(interrupted)
        if was_interrupted:
            steps.append(_INTERRUPTED)
        if interrupted >= MOST_INTERRUPTIONS or (was_interrupted and history.copies_possible >= MOST_COPIES):
            reading.endings.append(endings.quarantined(row, at=now, steps=steps))
            return
        if now >= row.expires_at:
            reading.endings.append(endings.expired(row, at=now, steps=steps))
            return
        health = state.own.health if state.own else None
        wait = held_until(state.options, row.kind, health, now=now)
        if wait is not None:
            reading.endings.append(endings.put_off(row, at=now, until=wait.until, steps=[*steps, wait.sentence]))
            return
        remaining = routes_to_try(
            state.options, row.kind, own_server_healthy=not (health and health.is_open), history=history
        )
        try:
            content = message_content.unseal(self.vault, row.tenant_id, row.id, row.sealed)
            message = Message(row.id, row.tenant_id, row.kind, row.to, content, row.message_id, row.created_at)
            journey = Journey(row, state, message, history, remaining, steps, row.begun, interrupted)
            journey.composed = compose_for(journey.route, message, date=row.send_at, signer=self.signer)
        except CannotOpenError as error:
            _log.error("a message's content does not open", message=row.id, error=str(error))
            reading.endings.append(endings.put_off(row, at=now, until=now + _KEYS_MAY_BE_BACK, steps=row.steps))
        except (ContentError, DkimError) as error:
            reading.endings.append(endings.failed(row, at=now, why=f"It cannot be built: {error}", steps=steps))
        else:
            steps.append(journey.why(journey.choice.because))
            reading.journeys.append(journey)


def _within(due: Sequence[outbox.Due], most_bytes: int) -> list[MessageId]:
    taken: list[MessageId] = []
    size = 0
    for one in due:
        size += one.content_bytes
        if taken and size > most_bytes:
            break
        taken.append(one.id)
    return taken
