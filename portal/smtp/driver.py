"""Carries a conversation over a channel: writes what it says, hands it what it hears, keeps its time."""

import ssl
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import SmtpRoute, TlsMode
from portal.domain.routing.trouble import Trouble
from portal.smtp.channel import Channel
from portal.smtp.conversation import Conversation
from portal.smtp.deadlines import Deadline, StageLimits
from portal.smtp.errors import SubmissionError
from portal.smtp.stage_report import StageReporter
from portal.smtp.tls import fault_of_handshake
from portal.smtp.wire import Wire

_PIECE: Final = 16 * 1024
"""Bytes handed over at a time: one record of TLS (RFC 8446 section 5.1). The room a piece once took stays taken."""


class Driver:
    """One connection's conversation and channel, kept in step.

    After a ``SubmissionError`` the channel is closed unless the conversation is still clean, as after a refused
    recipient.
    """

    def __init__(self, route: SmtpRoute, wire: Wire, limits: StageLimits, reporter: StageReporter) -> None:
        self.conversation = Conversation(route)
        self.channel = Channel(wire)
        self.reporter = reporter
        self._endpoint = route.endpoint
        self._limits = limits

    async def greet(self, context: ssl.SSLContext, deadline: Deadline) -> None:
        """From the first byte to the EHLO that counts: encrypted, unless the route goes without.

        Raises:
            SubmissionError: At the stages *banner*, *ehlo*, *starttls* and *tls*.
        """
        conversation = self.conversation
        if self._endpoint.tls is TlsMode.IMPLICIT:
            await self._secure(context, deadline)
        await self.run(conversation.hear_banner, deadline)
        await self.run(conversation.say_hello, deadline)
        if self._endpoint.tls is TlsMode.STARTTLS:
            await self.run(conversation.ask_for_tls, deadline)
            await self._secure(context, deadline)
            await self.run(conversation.say_hello, deadline)

    async def run(
        self,
        begin: Callable[[], None],
        deadline: Deadline,
        *,
        content_bytes: int = 0,
        final_deadline: Deadline | None = None,
    ) -> None:
        """Begin a verb of the conversation and see it through.

        Args:
            begin: A bound method of the conversation, e.g. ``conversation.sign_in``.
            deadline: For all of it; each stage has its own limit besides.
            content_bytes: Size of the message, which gives the stage *body* more time.
            final_deadline: Takes the place of ``deadline`` once the end of the content is written.

        Raises:
            SubmissionError: It failed.
        """
        try:
            self.hear_unasked()
            begin()
            await self._carry_on(deadline, final_deadline or deadline, content_bytes)
        except TimeoutError:
            raise self._broken_off(Trouble.TIMED_OUT) from None
        except SubmissionError:
            if not self.conversation.is_clean:
                self.channel.abort()
            raise
        except BaseException:
            self._broken_off(Trouble.CONNECTION_LOST)  # e.g. cancelled half-way: nobody can go on from here
            raise
        finally:
            self._report()

    def hear_unasked(self) -> None:
        """Hand over what has come while nothing was awaited, so that the next command finds it.

        Raises:
            SubmissionError: It is more than an attempt may have.
        """
        if data := self.channel.receive():
            self.conversation.receive(data)

    async def _carry_on(self, deadline: Deadline, final_deadline: Deadline, content_bytes: int) -> None:
        conversation, channel = self.conversation, self.channel
        backlog: deque[memoryview] = deque()
        timed, limit = None, deadline
        if channel.has_ended and conversation.is_waiting:
            raise self._broken_off(Trouble.CONNECTION_LOST)
        while True:
            backlog.extend(_pieces(conversation.take_outgoing()))
            if backlog and not channel.has_unsent:
                channel.write(backlog.popleft())
            is_all_out = not (backlog or channel.has_unsent)
            if is_all_out:
                conversation.all_written()
            self._report()
            if not conversation.is_waiting:
                return
            is_refused = conversation.verdict is not None
            if is_refused and not is_all_out:
                raise self._broken_off(Trouble.CONNECTION_LOST)  # no use in writing the rest of what was refused
            if timed != (conversation.stage, is_refused):
                timed = (conversation.stage, is_refused)
                whole = final_deadline if conversation.stage is SmtpStage.DOT else deadline
                limit = whole.sooner(self._limits.seconds_for(conversation.stage, content_bytes=content_bytes))
                # Replies behind a refusal only decide whether the connection can be kept, which is not worth a wait.
                limit = limit.sooner(self._limits.quit) if is_refused else limit
            await channel.activity(limit, or_go_on=bool(backlog) and not channel.has_unsent)
            if data := channel.receive():
                conversation.receive(data)
            elif channel.has_ended:
                raise self._broken_off(Trouble.CONNECTION_LOST)

    async def _secure(self, context: ssl.SSLContext, deadline: Deadline) -> None:
        conversation, channel = self.conversation, self.channel
        is_implicit = self._endpoint.tls is TlsMode.IMPLICIT
        if not is_implicit and channel.receive():
            raise self._broken_off(Trouble.UNASKED_BYTES)
        conversation.tls_begins()
        try:
            await channel.secure(context, self._endpoint.host, deadline.sooner(self._limits.tls))
        except TimeoutError:
            raise self._broken_off(Trouble.TIMED_OUT) from None
        except EOFError:
            raise self._broken_off(Trouble.CONNECTION_LOST) from None
        except ssl.SSLError as error:
            trouble, detail = fault_of_handshake(error, first_bytes=channel.first_bytes if is_implicit else b"")
            raise self._broken_off(trouble, detail) from error
        conversation.tls_established(self._tls_note())
        self._report()

    def _tls_note(self) -> str:
        note, expiry = self.channel.summary or "", self.channel.certificate_expiry
        if expiry is None:
            return note
        return f"{note}, certificate valid until {datetime.fromtimestamp(expiry, UTC):%Y-%m-%d}"

    def _broken_off(self, trouble: Trouble, detail: str = "") -> SubmissionError:
        self.channel.abort()
        return self.conversation.failure(trouble, detail=detail)

    def _report(self) -> None:
        for event in self.conversation.take_events():
            self.reporter.ended(event.stage, event.reply, event.note)


def _pieces(outgoing: list[bytes]) -> list[memoryview]:
    if not outgoing:
        return []
    # Commands and a small message leave as one segment, or one record of TLS.
    whole = memoryview(b"".join(outgoing))
    return [whole[start : start + _PIECE] for start in range(0, len(whole), _PIECE)]
