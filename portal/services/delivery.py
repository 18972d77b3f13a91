"""One conversation about one message: act, then decide (DESIGN section 4). What comes before is read and composed by
``lane_reading``; what comes after is written by the worker's ``records`` before the connection is used again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from portal.crypto.dkim_signer import DkimSigner
from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing import retry_schedule
from portal.domain.routing.decisions import Decision
from portal.domain.routing.delivery_decision import Situation, decide
from portal.domain.routing.fault import Fault
from portal.domain.routing.smtp_route import SmtpRoute
from portal.services.attempts import Attempt
from portal.services.clock import Clock
from portal.services.composition import Composition, compose_for
from portal.services.journeys import Journey
from portal.services.route_states import RouteCondition
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline
from portal.smtp.envelope import Envelope
from portal.smtp.errors import SubmissionError
from portal.smtp.pool import SmtpPool

_ATTEMPT_SECONDS: Final = 600.0
"""For the final reply, which has a limit of its own besides: nobody hurries a server that may have the message."""
_CHECK_SECONDS: Final = 30.0
_A_ZONE_MAY_BE_CHANGING: Final = timedelta(seconds=60)
_COMPOSED_AT_ONCE: Final = 64 * 1024
"""Contents up to this size are composed on the loop: handing them to a thread would cost more than it saves."""


class NotBegunError(Exception):
    """Nothing of the message was said: its route has been replaced, or our lease may have run out."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Carries messages over connections from the pool.

    Attributes:
        executor: Threads for composing what is large.
    """

    executor: Executor
    signer: DkimSigner | None
    pool: SmtpPool
    clock: Clock
    _speaking: dict[Journey, SmtpConnection | None] = field(default_factory=dict, init=False)
    """Over which connection each message is being said; None once its outcome is known and being recorded."""

    async def attempt(
        self,
        journey: Journey,
        *,
        condition: RouteCondition,
        may_begin: Callable[[], bool],
        opened: Callable[[], None],
        record: Callable[[Attempt, Decision], Awaitable[None]],
    ) -> Decision:
        """Try the message's current route once, decide, and have both recorded before its connection is used again.

        Args:
            condition: What is known of the route.
            may_begin: Asked right before MAIL: whether the route still is the one to take, and the message ours.
            opened: Told when a connection is there, so that others may be opened beside it.
            record: Returns once attempt and decision are on disk.

        Raises:
            NotBegunError: ``may_begin`` said no. Nothing was recorded.
            ContentError, DkimError: It cannot be composed for this route. Nothing was recorded.
        """
        composed = await self.composed(journey)
        loop = asyncio.get_running_loop()
        journey.began_at, journey.started = journey.began_at or self.clock(), journey.started or loop.time()
        started = loop.time()
        connection: SmtpConnection | None = None
        try:
            outcome: SmtpReply | SubmissionError
            try:
                deadline = Deadline.after(self._seconds_for(journey))
                connection = await self.pool.take(journey.route, deadline=deadline, leaves_one=not journey.is_urgent)
                opened()
                if not may_begin():
                    raise NotBegunError
                self._speaking[journey] = connection
                outcome = await connection.submit(
                    _envelope(composed), deadline=deadline, final_deadline=Deadline.after(_ATTEMPT_SECONDS)
                )
            except SubmissionError as refusal:
                outcome = refusal
            seconds = loop.time() - started
            attempt = _attempt(journey, outcome, condition, connection, at=self.clock(), seconds=seconds)
            decision = decide(attempt.fault, _situation(journey, attempt))
            self._speaking[journey] = None
            await record(attempt, decision)
        except BaseException:
            if connection:
                connection.abort()  # what was said on it is not on record, so nothing may follow it
            raise
        finally:
            self._speaking.pop(journey, None)
            if connection:
                self.pool.give_back(connection)
        return decision

    def is_said(self, journey: Journey) -> bool:
        """Whether all of a message has been said: its final reply is awaited, or its outcome being recorded."""
        if journey not in self._speaking:
            return False
        connection = self._speaking[journey]
        return connection is None or connection.awaits_final_reply

    async def check(self, route: SmtpRoute) -> tuple[Fault, str]:
        """See whether a route would take mail again, sending none: sign in and say NOOP.

        Returns:
            OK or the fault, and what was said.
        """
        try:
            await self.pool.check(route, deadline=Deadline.after(_CHECK_SECONDS))
        except SubmissionError as refusal:
            return refusal.fault_at(route.endpoint.host, seen_before=True), refusal.said
        return Fault.OK, "signed in"

    # The pool, for whoever may not know it

    def is_proven(self, route: SmtpRoute) -> bool:
        """Whether a connection of the route is signed in now."""
        return self.pool.is_proven(route.pool_key)

    def keep_warm(self, route: SmtpRoute, seconds: float) -> None:
        """Keep a connection in order for the next security mail; it then costs one round trip."""
        self.pool.keep_warm(route, asyncio.get_running_loop().time() + seconds)

    async def close_idle(self, route: SmtpRoute, *, keep: int) -> int:
        """Close idle connections until ``keep`` are open in all; return how many are."""
        return await self.pool.close_idle(route.pool_key, keep)

    async def close(self, route: SmtpRoute) -> None:
        """Close what is idle of a route now, and what is in use when its message is over."""
        await self.pool.close_key(route.pool_key)

    async def composed(self, journey: Journey) -> Composition:
        """What is said on the journey's current route.

        Raises:
            ContentError, DkimError: It cannot be built.
        """
        if journey.composed is None:
            if journey.stored.content_bytes <= _COMPOSED_AT_ONCE:
                journey.composed = self._compose(journey)
            else:
                loop = asyncio.get_running_loop()
                journey.composed = await loop.run_in_executor(self.executor, self._compose, journey)
        return journey.composed

    def _compose(self, journey: Journey) -> Composition:
        return compose_for(journey.route, journey.message, date=journey.stored.send_at, signer=self.signer)

    def _seconds_for(self, journey: Journey) -> float:
        """What is left of the time this message may spend on its route before the next one takes over."""
        allowed = retry_schedule.own_route_seconds(journey.kind, next_route=len(journey.remaining) > 1)
        return max(allowed - (asyncio.get_running_loop().time() - journey.started), 1.0)


def _situation(journey: Journey, attempt: Attempt) -> Situation:
    return Situation(
        kind=journey.kind,
        remaining=journey.remaining,
        history=journey.history,
        now=attempt.at,
        began_at=journey.began_at or attempt.at,
        expires_at=journey.stored.expires_at,
        not_before=retry_schedule.not_before(attempt.said, attempt.at) if attempt.fault is Fault.RATE else None,
        jitter=random.random(),  # noqa: S311 - spreads retries; nothing secret
    )


def _envelope(composed: Composition) -> Envelope:
    return Envelope(composed.sender, composed.recipient, composed.data, composed.needs_smtputf8)


def _attempt(
    journey: Journey,
    outcome: SmtpReply | SubmissionError,
    condition: RouteCondition,
    connection: SmtpConnection | None,
    *,
    at: datetime,
    seconds: float,
) -> Attempt:
    route, because = journey.route, journey.choice.because
    tls = connection.tls_summary if connection else None
    is_new = connection is None or connection.transactions <= 1
    if isinstance(outcome, SmtpReply):
        said = str(outcome)
        return Attempt(at, route, because, SmtpStage.DOT, outcome, said, Fault.OK, seconds, tls, new_connection=is_new)
    long_ago = at - _A_ZONE_MAY_BE_CHANGING
    seen_before = journey.history.on(route).name_was_unknown_by(long_ago) or condition.health.name_was_unknown_by(
        long_ago
    )
    fault = outcome.fault_at(route.endpoint.host, seen_before=seen_before)
    return Attempt(
        at,
        route,
        because,
        outcome.stage,
        outcome.reply,
        outcome.said,
        fault,
        seconds,
        tls,
        new_connection=is_new,
        is_second_hand=outcome.is_second_hand,
    )
