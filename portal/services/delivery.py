"""One claimed message on its way: read, decide, act, decide, write (DESIGN section 4)."""

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

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
from portal.storage import outbox
from portal.storage.database import Database
from portal.storage.outbox import MessageState

_Argument = TypeVar("_Argument")
_Result = TypeVar("_Result")

_ATTEMPT_SECONDS: Final = 600.0
"""For the final reply, which has a limit of its own besides: nobody hurries a server that may have the message."""
_A_ZONE_MAY_BE_CHANGING: Final = timedelta(seconds=60)
_INTERRUPTED: Final = "A worker stopped while it had this message, so a copy of it may have been sent already."


@dataclass(slots=True)
class _Journey:
    """Where a message stands while this worker has it: the choices left, the attempts made, the steps told."""

    claimed: Claimed
    reading: Reading
    begin: Callable[[], None]
    remaining: tuple[Choice, ...]
    history: History
    began_at: datetime
    started: float
    """When, by the loop's clock; the time a route may take is counted from here, or from when it took over."""
    steps: list[str] = field(default_factory=list)

    def why(self, because: route_choice.Because, reason: str = "") -> str:
        return route_choice.sentence(because, tenant=self.reading.tenant_name, reason=reason)


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """Sends claimed messages, each over the routes it may take, and records every attempt before going on.

    Attributes:
        executor: Threads for what reads the database, composes and signs.
        route_connections: At most so many connections on one route. Leased slots, exact across workers, take the
            place of the semaphores later.
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
    _slots: dict[tuple[object, ...], asyncio.Semaphore] = field(default_factory=dict, init=False)

    async def deliver(self, claimed: Claimed, *, begin: Callable[[], None]) -> None:
        """Take a message as far as it goes now: sent, failed, or put back with the time of its next try.

        Args:
            begin: Called before each conversation; raises ``LeaseLostError`` when the lease may have run out, as it
                has after the process was frozen for a while.

        Raises:
            LeaseLostError: Another worker may have it by now.
        """
        now = self.clock()
        if now >= claimed.expires_at:
            await self._end(claimed, MessageState.EXPIRED, "It expired before it could be sent.")
            return
        try:
            reading = await self._in_thread(self._read, claimed)
            choices = routes_to_try(reading.options, claimed.kind, history=reading.history)
            started = asyncio.get_running_loop().time()
            journey = _Journey(claimed, reading, begin, choices, reading.history, now, started, [*claimed.steps])
            if claimed.interrupted:
                journey.steps.append(_INTERRUPTED)
            await self._travel(journey)
        except (CannotOpenError, ContentError, DkimError) as error:
            await self._end(claimed, MessageState.FAILED, f"It cannot be built: {error}")

    async def _travel(self, journey: _Journey) -> None:
        """Attempt after attempt, until one ends the message or puts it off."""
        journey.steps.append(journey.why(journey.remaining[0].because))
        while True:
            match await self._attempt(journey):
                case RetryNow() as once_more:
                    await asyncio.sleep(once_more.after.total_seconds())
                case NextRoute():
                    journey.remaining = journey.remaining[1:]
                    journey.started = asyncio.get_running_loop().time()
                case _:
                    return

    async def _attempt(self, journey: _Journey) -> Decision:
        """Try the first remaining route once, decide, and record both before its connection is used again."""
        choice = journey.remaining[0]
        composed = await self._in_thread(self._compose, journey)
        key = choice.route.pool_key
        async with self._slots.setdefault(key, asyncio.Semaphore(self.route_connections)):
            journey.begin()
            started = asyncio.get_running_loop().time()
            connection: SmtpConnection | None = None
            try:
                outcome: SmtpReply | SubmissionError
                try:
                    deadline = Deadline.after(self._seconds_for(journey))
                    connection = await self.pool.take(choice.route, deadline=deadline)
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
            began_at=journey.began_at,
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
            journey.steps.append(journey.why(decision.choice.because, attempt.said))
        values = attempts.after(decision, attempt) | {"decision": attempts.shortened(journey.steps)}

        def write(session: Session) -> None:
            outbox.put(session, claimed.id, token=claimed.token, values=values)
            attempts.record(session, claimed.tenant_id, claimed.id, attempt, number=number, decision=decision)

        await self.commits.commit(write)

    async def _end(self, claimed: Claimed, state: MessageState, why: str) -> None:
        at = self.clock()
        values = attempts.final(state, at) | {"decision": attempts.shortened([*claimed.steps, why])}

        def write(session: Session) -> None:
            outbox.put(session, claimed.id, token=claimed.token, values=values)
            attempts.record_end_without_attempt(session, claimed.tenant_id, claimed.id, state=state, at=at, why=why)

        await self.commits.commit(write)

    def _read(self, claimed: Claimed) -> Reading:
        with self.database.reading() as session:
            return read_for(session, self.vault, self.platform, claimed)

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
