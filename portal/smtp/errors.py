"""Why a message was not accepted."""

from typing import Self

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.fault import Fault, classify
from portal.domain.routing.trouble import Trouble


class SubmissionError(Exception):
    """The server was not reached, would not have us, or did not accept the message.

    Attributes:
        stage: The step that failed.
        reply: What the server answered, scrubbed of credentials; None when it did not answer at all.
        trouble: What happened besides, or None when the reply says it all. ``reply`` and ``trouble`` are both
            set when the reply itself was the trouble (``WRONG_CODE``).
        detail: A fact for people, e.g. ``"expired on 2026-01-01"``; scrubbed, at most 300 characters, may be empty.
        may_have_been_accepted: The end of the content was written and no valid final reply was read, so the
            server may have taken the message (RFC 1047; FAILURES section 4).
        transcript: What was said on a connection that could not be opened, without credentials.
        peer: The judged address that was connected to when it could not be opened; empty when none was.
        is_second_hand: Somebody else has tried, and we waited for the outcome: the server was not asked again, so it
            counts once.
    """

    def __init__(
        self,
        stage: SmtpStage,
        *,
        reply: SmtpReply | None = None,
        trouble: Trouble | None = None,
        detail: str = "",
        may_have_been_accepted: bool = False,
    ) -> None:
        super().__init__(stage, reply, trouble, detail)
        self.stage = stage
        self.reply = reply
        self.trouble = trouble
        self.detail = detail
        self.may_have_been_accepted = may_have_been_accepted
        self.transcript: tuple[str, ...] = ()
        self.peer = ""
        self.is_second_hand = False

    def __str__(self) -> str:
        return f"{self.stage}: {self.said}"

    def fault_at(self, host: str, *, seen_before: bool = False) -> Fault:
        """Our reading of it.

        Args:
            host: The server's name.
            seen_before: That the name did not exist at least 60 seconds ago as well.
        """
        if self.may_have_been_accepted:
            return Fault.AMBIGUOUS
        if self.reply is None or self.trouble is not None:
            text = str(self.trouble or self.detail)
            return classify(self.stage, None, None, text, host, seen_before=seen_before)
        fault = classify(self.stage, self.reply.code, self.reply.enhanced, self.reply.text, host)
        # What was raised as a failure is none that went well, whatever its code says.
        return Fault.ROUTE_PROTOCOL if fault is Fault.OK else fault

    def passed_on(self) -> Self:
        """The same for somebody who has only waited for the outcome."""
        copy = type(self)(
            self.stage,
            reply=self.reply,
            trouble=self.trouble,
            detail=self.detail,
            may_have_been_accepted=self.may_have_been_accepted,
        )
        copy.transcript, copy.peer, copy.is_second_hand = self.transcript, self.peer, True
        return copy

    @property
    def said(self) -> str:
        """The server's words, or what happened instead of any."""
        return " ".join(str(part) for part in (self.reply, self.trouble, self.detail) if part) or "no answer"
