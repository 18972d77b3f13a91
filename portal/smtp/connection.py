"""A connection to a route's server: opened and signed in, then message after message."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final, Self

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import SmtpRoute
from portal.smtp.certificate import explained
from portal.smtp.client_options import ClientOptions
from portal.smtp.deadlines import Deadline, StageLimits
from portal.smtp.dialing import addresses_of, dial
from portal.smtp.driver import Driver
from portal.smtp.envelope import Envelope
from portal.smtp.errors import SubmissionError
from portal.smtp.stage_report import Observer, StageReport, StageReporter
from portal.smtp.tls import client_context

__all__ = ["ClientOptions", "Envelope", "SmtpConnection", "StageReport"]

_CHECK_SECONDS: Final = 5.0
"""For RSET on a connection that was idle: a server that takes longer is dead, and a new connection is quicker."""


class SmtpConnection:
    """A signed-in connection. One message at a time.

    Attributes:
        route: Whose server it is.
        transactions: Messages begun on it, accepted or not.
        opened_at: When it was signed in, by the loop's clock.
        idle_since: When the last message ended, by the same clock.
    """

    def __init__(self, route: SmtpRoute, driver: Driver, limits: StageLimits) -> None:
        self.route = route
        self.transactions = 0
        self.opened_at = self.idle_since = asyncio.get_running_loop().time()
        self._driver = driver
        self._limits = limits

    @classmethod
    async def open(
        cls, route: SmtpRoute, options: ClientOptions, *, deadline: Deadline, observer: Observer | None = None
    ) -> Self:
        """Resolve, judge, connect, greet, encrypt, sign in.

        Args:
            route: Where to, and as whom.
            options: What the operator decides.
            deadline: For all of it; each stage has its own limit besides.
            observer: Told of each stage as it ends, the failing one included.

        Raises:
            SubmissionError: At one of the stages from *resolve* to *auth*.
            OSError: The operator's CA file cannot be used.
        """
        context = client_context(options.ca_file)
        limits, reporter = options.limits, StageReporter(observer)
        driver: Driver | None = None
        peer = ""
        try:
            addresses = await addresses_of(route, options, deadline.sooner(limits.resolve))
            reporter.ended(SmtpStage.RESOLVE, note=", ".join(map(str, addresses)))
            wire = await dial(route.endpoint, addresses, limits.connect, deadline)
            peer = wire.peer
            reporter.ended(SmtpStage.CONNECT, note=peer)
            driver = Driver(route, wire, limits, reporter)
            await driver.greet(context, deadline)
            await driver.run(driver.conversation.sign_in, deadline)
        except BaseException as error:
            if driver is not None:
                driver.channel.abort()
            if isinstance(error, SubmissionError):
                told = await explained(error, route, peer, options, deadline)
                reporter.failed(told)
                told.transcript, told.peer = (driver.conversation.transcript.lines if driver else ()), peer
                raise told from error.__cause__
            raise
        return cls(route, driver, limits)

    async def submit(
        self, envelope: Envelope, *, deadline: Deadline, final_deadline: Deadline | None = None
    ) -> SmtpReply:
        """Hand over one message.

        Args:
            deadline: Up to the end of the content, and for all of it unless ``final_deadline`` is given.
            final_deadline: For the final reply. Whoever cuts that wait short cannot know whether the server has the
                message, and makes duplicates (RFC 1047).

        Returns:
            The final 2xx reply: the server has the message now.

        Raises:
            SubmissionError: It was not accepted, or that is unknown; ``may_have_been_accepted`` says which.
        """
        conversation, reporter = self._driver.conversation, self._driver.reporter
        self.transactions += 1
        reporter.begin()
        try:
            if conversation.needs_reset:
                await self._driver.run(conversation.reset, deadline)
            begin = partial(conversation.submit, envelope)
            size = len(envelope.data)
            await self._driver.run(begin, deadline, content_bytes=size, final_deadline=final_deadline)
        except SubmissionError as error:
            reporter.failed(error)
            raise
        finally:
            self.idle_since = asyncio.get_running_loop().time()
        if conversation.accepted is None:
            raise RuntimeError("a transaction ends with a reply or an error")
        return conversation.accepted

    @property
    def is_reusable(self) -> bool:
        """Whether another message may follow, as far as can be told without asking the server.

        Not when the last one failed half-way, nor when the server has closed or said anything unasked since: a 421,
        for example, costs no attempt this way.
        """
        channel, conversation = self._driver.channel, self._driver.conversation
        if channel.has_received:
            with suppress(SubmissionError):
                self._driver.hear_unasked()
        return conversation.is_clean and not channel.has_ended

    @property
    def awaits_final_reply(self) -> bool:
        """Whether all of a message has left our hands, so that the server may have it."""
        return self._driver.conversation.stage is SmtpStage.DOT

    async def still_usable(self, deadline: Deadline) -> bool:
        """Ask the server by RSET, for 5 seconds at most. False means that the connection is closed."""
        if self.is_reusable:
            with suppress(SubmissionError):
                await self._driver.run(self._driver.conversation.reset, deadline.sooner(_CHECK_SECONDS))
                self.idle_since = asyncio.get_running_loop().time()
                return True
        self.abort()
        return False

    async def say_noop(self, deadline: Deadline) -> None:
        """Ask the server whether it is there, and nothing else.

        Raises:
            SubmissionError: It gives no good answer; the connection is closed.
        """
        try:
            await self._driver.run(self._driver.conversation.noop, deadline)
        except SubmissionError:
            self.abort()
            raise
        self.idle_since = asyncio.get_running_loop().time()

    def when_unasked(self, call: Callable[[], None]) -> None:
        """Call when the server says something, or closes, while nobody waits for it; ``is_reusable`` then knows."""
        self._driver.channel.when_unasked(call)

    async def catch_up(self) -> None:
        """Let the loop look at what the operating system has received already, so that ``is_reusable`` knows it."""
        # One turn of the loop to see that there is something, one to read it; a flood is not read to its end.
        for _ in range(2):
            if not self._driver.channel.has_unread:
                return
            await asyncio.sleep(0)

    async def quit(self) -> None:
        """Say QUIT if the connection is in order, wait 2 seconds at most, close. Never fails."""
        try:
            if self.is_reusable:
                with suppress(SubmissionError):
                    await self._driver.run(self._driver.conversation.quit, Deadline.after(self._limits.quit))
                    self._driver.channel.close()
        finally:
            self.abort()

    def abort(self) -> None:
        """Close at once. What the server has not got by now, it does not get."""
        self._driver.channel.abort()

    def observe(self, observer: Observer | None) -> None:
        """Tell this observer of the stages from here on, or nobody."""
        self._driver.reporter.observer = observer

    def forget_transcript(self) -> None:
        """Let go of what was said: thousands of connections wait for a next message, and it is of no use to them."""
        self._driver.conversation.transcript.forget()

    @property
    def tls_summary(self) -> str | None:
        """``TLSv1.3 TLS_AES_256_GCM_SHA384``, or None in clear text."""
        return self._driver.channel.summary

    @property
    def certificate_expires_at(self) -> datetime | None:
        expiry = self._driver.channel.certificate_expiry
        return None if expiry is None else datetime.fromtimestamp(expiry, UTC)

    @property
    def transcript(self) -> tuple[str, ...]:
        """The last hundred lines said, without credentials and content."""
        return self._driver.conversation.transcript.lines
