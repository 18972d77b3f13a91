"""One claimed message on its way: read, decide, act, decide, write (DESIGN section 4)."""

import asyncio
import random
from collections.abc import Callable, MutableMapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar
from weakref import WeakValueDictionary

import structlog
from sqlalchemy.orm import Session

from portal.crypto.dkim_signer import DkimError, DkimSigner
from portal.crypto.vault import CannotOpenError, Vault
from portal.domain.mail.content import ContentError
from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing import decisions, retry_schedule, route_choice
from portal.domain.routing.attempt_history import History
from portal.domain.routing.decisions import Decision, NextRoute, RetryNow
from portal.domain.routing.delivery_decision import Situation, decide
from portal.domain.routing.fault import Fault
from portal.domain.routing.route_choice import Choice, routes_to_try
from portal.domain.routing.smtp_route import SmtpRoute
from portal.services import attempts
from portal.services.attempts import Attempt
from portal.services.claims import Claimed, Reading, read_for
from portal.services.clock import Clock
from portal.services.composition import Composition, compose_for
from portal.services.outcome_commits import OutcomeCommits
from portal.services.routes import Platform
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline
from portal.smtp.envelope import Envelope
from portal.smtp.errors import SubmissionError
from portal.smtp.pool import SmtpPool
from portal.storage import organisations, outbox
from portal.storage.database import Database
from portal.storage.outbox import MessageState

_log = structlog.get_logger()

_Argument = TypeVar("_Argument")
_Result = TypeVar("_Result")

_ATTEMPT_SECONDS: Final = 600.0
"""For the final reply, which has a limit of its own besides: nobody hurries a server that may have the message."""
_A_ZONE_MAY_BE_CHANGING: Final = timedelta(seconds=60)
_KEYS_MAY_BE_BACK: Final = timedelta(minutes=1)
_INTERRUPTED: Final = "A worker stopped while it had this message, so a copy of it may have been sent already."


class _Rerouted:
    """The tenant's routes have changed since they were read."""


class _Expired:
    """The message's lifetime ended while it waited for a connection."""


@dataclass(slots=True)
class _Journey:
    """Where a message stands while this worker has it: the choices left, the attempts made, the steps told."""

    claimed: Claimed
    reading: Reading
    begin: Callable[[], None]
    remaining: tuple[Choice, ...]
    history: History
    steps: list[str] = field(default_factory=list)
    began_at: datetime | None = None
    """When a connection slot of the current route was first had: waiting for one is not the server's fault."""
    started: float = 0.0
    """The same by the loop's clock, which never jumps."""

    def begin_route(self, now: datetime) -> None:
        if self.began_at is None:
            self.began_at, self.started = now, asyncio.get_running_loop().time()

    def why(self, because: route_choice.Because, reason: str = "") -> str:
        return route_choice.sentence(because, tenant=self.reading.tenant_name, reason=reason)


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """Sends claimed messages, each over the routes it may take, and records every attempt before going on.

    Attributes:
        executor: Threads for what reads the database, composes and signs.
        route_connections: At most so many connections on one route. Leased slots, exact across workers, take the
            place of the semaphores later. Kept only while somebody waits at one: keys hold old credentials.
    """

    database: Database
    executor: Executor
    vault: Vault
    platform: Platform
    signer: DkimSigner | None
    pool: SmtpPool
    commits: OutcomeCommits
    clock: Clock
    route_connections: int
    _slots: MutableMapping[tuple[object, ...], asyncio.Semaphore] = field(
        default_factory=WeakValueDictionary, init=False
    )

    async def deliver(self, claimed: Claimed, *, begin: Callable[[], None]) -> None:
        """Take a message as far as it goes now: sent, failed, or put back with the time of its next try.

        Args:
            begin: Called before each conversation; raises ``LeaseLostError`` when the lease may have run out, as it
                has after the process was frozen for a while.

        Raises:
            LeaseLostError: Another worker may have it by now.
        """
        try:
            reading = await self._in_thread(self._read, claimed)
            journey = _Journey(claimed, reading, begin, (), reading.history, [*claimed.steps])
            if claimed.interrupted:
                journey.steps.append(_INTERRUPTED)
            await self._travel(journey)
        except CannotOpenError as error:
            # The installation's keys are at fault, not the message: it waits for the right ones.
            _log.error("a sealed value does not open", message=claimed.id, error=str(error))
            await self._put_back(claimed)
        except (ContentError, DkimError) as error:
            await self._end(claimed, MessageState.FAILED, f"It cannot be built: {error}")

    async def _travel(self, journey: _Journey) -> None:
        """Attempt after attempt, until one ends the message or puts it off."""
        self._choose(journey)
        while self.clock() < journey.claimed.expires_at:
            match await self._attempt(journey):
                case RetryNow() as once_more:
                    await asyncio.sleep(once_more.after.total_seconds())
                case NextRoute():
                    journey.remaining, journey.began_at = journey.remaining[1:], None
                case _Rerouted():
                    left = journey.remaining[0].route
                    if left.tenant_id is not None:  # the platform's connections serve others, too
                        await self.pool.close_key(left.pool_key)
                    journey.reading = await self._in_thread(self._read, journey.claimed)
                    self._choose(journey)
                case _Expired():
                    break
                case _:
                    return
        await self._end(journey.claimed, MessageState.EXPIRED, "It expired before it could be sent.", journey.steps)

    def _choose(self, journey: _Journey) -> None:
        journey.remaining = routes_to_try(journey.reading.options, journey.claimed.kind, history=journey.history)
        journey.began_at = None
        journey.steps.append(journey.why(journey.remaining[0].because))

    async def _attempt(self, journey: _Journey) -> "Decision | _Rerouted | _Expired":
        """Try the first remaining route once, decide, and record both before its connection is used again."""
        choice = journey.remaining[0]
        composed = await self._in_thread(self._compose, journey)
        async with self._slots_of(choice.route):
            if self.clock() >= journey.claimed.expires_at:
                return _Expired()
            journey.begin_route(self.clock())
            journey.begin()
            started = asyncio.get_running_loop().time()
            connection: SmtpConnection | None = None
            try:
                outcome: SmtpReply | SubmissionError
                try:
                    deadline = Deadline.after(self._seconds_for(journey))
                    connection = await self.pool.take(choice.route, deadline=deadline)
                    if await self._in_thread(self._epoch, journey) != journey.reading.route_epoch:
                        return _Rerouted()  # activated or switched meanwhile: nothing begins on the old route
                    journey.begin()  # opening a connection takes time, in which the lease may have run out
                    outcome = await connection.submit(
                        _envelope(composed), deadline=deadline, final_deadline=Deadline.after(_ATTEMPT_SECONDS)
                    )
                except SubmissionError as refusal:
                    outcome = refusal
                seconds = asyncio.get_running_loop().time() - started
                tls = connection.tls_summary if connection else None
                attempt = _attempt(choice, outcome, journey.history, at=self.clock(), seconds=seconds, tls=tls)
                decision = decide(attempt.fault, self._situation(journey, attempt))
                await self._record(journey, attempt, decision)
            except BaseException:
                if connection:
                    connection.abort()  # what was said on it is not on record, so nothing may follow it
                raise
            finally:
                if connection:
                    self.pool.give_back(connection)
        return decision

    def _slots_of(self, route: SmtpRoute) -> asyncio.Semaphore:
        slots = self._slots.get(route.pool_key)
        if slots is None:
            self._slots[route.pool_key] = slots = asyncio.Semaphore(self.route_connections)
        return slots

    def _seconds_for(self, journey: _Journey) -> float:
        """What is left of the time this message may spend on its route before the next one takes over."""
        allowed = retry_schedule.own_route_seconds(journey.claimed.kind, next_route=len(journey.remaining) > 1)
        return max(allowed - (asyncio.get_running_loop().time() - journey.started), 1.0)

    def _situation(self, journey: _Journey, attempt: Attempt) -> Situation:
        return Situation(
            kind=journey.claimed.kind,
            remaining=journey.remaining,
            history=journey.history,
            now=attempt.at,
            began_at=journey.began_at or attempt.at,
            expires_at=journey.claimed.expires_at,
            not_before=retry_schedule.not_before(attempt.said, attempt.at) if attempt.fault is Fault.RATE else None,
            jitter=random.random(),  # noqa: S311 - spreads retries; nothing secret
        )

    async def _record(self, journey: _Journey, attempt: Attempt, decision: Decision) -> None:
        claimed = journey.claimed
        number = journey.history.tries + 1
        journey.history = History.of((*journey.history.attempts, attempt.past))
        journey.steps += [attempt.sentence, decisions.sentence(decision)]
        if isinstance(decision, NextRoute):
            journey.steps.append(journey.why(decision.choice.because, attempt.briefly))
        values = attempts.after(decision, attempt) | {"decision": attempts.shortened(journey.steps)}

        def write(session: Session) -> None:
            outbox.put(session, claimed.id, token=claimed.token, values=values)
            attempts.record(session, claimed.tenant_id, claimed.id, attempt, number=number, decision=decision)

        await self.commits.commit(write)

    async def _put_back(self, claimed: Claimed) -> None:
        values = attempts.put_back(self.clock() + _KEYS_MAY_BE_BACK)
        await self.commits.commit(lambda session: outbox.put(session, claimed.id, token=claimed.token, values=values))

    async def _end(self, claimed: Claimed, state: MessageState, why: str, steps: Sequence[str] | None = None) -> None:
        at = self.clock()
        before = claimed.steps if steps is None else steps
        values = attempts.final(state, at) | {"decision": attempts.shortened([*before, why])}

        def write(session: Session) -> None:
            outbox.put(session, claimed.id, token=claimed.token, values=values)
            attempts.record_end_without_attempt(session, claimed.tenant_id, claimed.id, state=state, at=at, why=why)

        await self.commits.commit(write)

    def _read(self, claimed: Claimed) -> Reading:
        with self.database.reading() as session:
            return read_for(session, self.vault, self.platform, claimed)

    def _epoch(self, journey: _Journey) -> int:
        with self.database.reading() as session:
            return organisations.tenant(session, journey.claimed.tenant_id).route_epoch

    def _compose(self, journey: _Journey) -> Composition:
        route, message = journey.remaining[0].route, journey.reading.message
        return compose_for(route, message, date=journey.claimed.send_at, signer=self.signer)

    async def _in_thread(self, function: Callable[[_Argument], _Result], argument: _Argument) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self.executor, function, argument)


def _envelope(composed: Composition) -> Envelope:
    return Envelope(composed.sender, composed.recipient, composed.data, composed.needs_smtputf8)


def _attempt(
    choice: Choice,
    outcome: SmtpReply | SubmissionError,
    history: History,
    *,
    at: datetime,
    seconds: float,
    tls: str | None,
) -> Attempt:
    route, because = choice.route, choice.because
    if isinstance(outcome, SmtpReply):
        return Attempt(at, route, because, SmtpStage.DOT, outcome, str(outcome), Fault.OK, seconds, tls)
    seen_before = history.on(route).name_was_unknown_by(at - _A_ZONE_MAY_BE_CHANGING)
    fault = outcome.fault_at(route.endpoint.host, seen_before=seen_before)
    return Attempt(at, route, because, outcome.stage, outcome.reply, outcome.said, fault, seconds, tls)
