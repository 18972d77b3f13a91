"""One message over a connection that is signed in: MAIL, RCPT, content, and what came of it (RFC 5321 section 3.3)."""

from collections.abc import Container, Generator
from typing import Final, NamedTuple

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.trouble import Trouble
from portal.smtp.capabilities import Capabilities
from portal.smtp.dialogue import Answer, Dialogue, Script
from portal.smtp.envelope import Envelope, content_for_bdat, content_for_data, mail_command, rcpt_command
from portal.smtp.errors import SubmissionError
from portal.smtp.transcript import Secrets

MAIL_SYSTEM: Final = frozenset(range(250, 260))
"""The 25x, which are about mail: a 220 or 235 to MAIL answers something else."""
GO_AHEAD: Final = frozenset({354})
ACCEPTED: Final = frozenset(range(200, 300))
"""To the end of the content any 2xx takes the responsibility over, whatever the rest of the reply says."""


class _Step(NamedTuple):
    stage: SmtpStage
    allowed: Container[int]


_WITH_CHUNKING: Final = (
    _Step(SmtpStage.MAIL, MAIL_SYSTEM),
    _Step(SmtpStage.RCPT, MAIL_SYSTEM),
    _Step(SmtpStage.DOT, ACCEPTED),
)
_WITHOUT: Final = (*_WITH_CHUNKING[:2], _Step(SmtpStage.DATA, GO_AHEAD))
"""All that can be said without waiting: up to DATA, or with CHUNKING all (RFC 2920 section 3.1, RFC 3030)."""


class Transaction(Dialogue):
    """Submits messages, one after the other.

    Attributes:
        capabilities: What the server has offered last.
        accepted: The final reply to the last message, or None when there is none.
        needs_reset: Whether a refused transaction may still be open at the server, so that RSET must come first.
    """

    def __init__(self, secrets: Secrets, *, peer_is_trusted: bool) -> None:
        super().__init__(secrets, peer_is_trusted=peer_is_trusted)
        self.capabilities = Capabilities()
        self.accepted: SmtpReply | None = None
        self.needs_reset = False

    def _reset(self) -> Script:
        self._say(b"RSET")
        yield from self._hear(SmtpStage.MAIL, MAIL_SYSTEM)
        self.needs_reset = False

    def _noop(self) -> Script:
        self._say(b"NOOP")
        yield from self._hear(SmtpStage.MAIL, MAIL_SYSTEM)

    def _transact(self, envelope: Envelope) -> Script:
        """In as few round trips as the server allows: one with PIPELINING and CHUNKING, four with neither."""
        self.accepted = None
        self._reader.renew_budget()
        self._refuse_unsent(envelope)
        steps = _WITH_CHUNKING if self.capabilities.chunking else _WITHOUT
        all_at_once = self.capabilities.pipelining
        self.needs_reset = True
        if all_at_once:
            for stage, _ in steps:
                self._say_step(stage, envelope)
        for stage, allowed in steps:
            # Content has a stage of its own from when it is sent, and in a flight that has happened.
            if stage is not SmtpStage.DOT and self.stage is not SmtpStage.BODY and self.stage is not SmtpStage.DOT:
                self.stage = stage
            if not all_at_once:
                self._say_step(stage, envelope)
            answer = self._judge_on((yield), stage, allowed)
        if not self.capabilities.chunking:
            answer = yield from self._send_lines(envelope, answer)
        if self.verdict is not None:
            # Content was taken for which nobody was left: the refusal stands, the server is not to be trusted further.
            raise self.failure(Trouble.WRONG_CODE)
        self.accepted = answer.shown if answer else None
        self.stage, self.needs_reset = SmtpStage.MAIL, False

    def _refuse_unsent(self, envelope: Envelope) -> None:
        largest = self.capabilities.largest_message
        if largest is not None and len(envelope.data) > largest:
            detail = f"{len(envelope.data)} bytes, and the server takes {largest}"
            raise SubmissionError(SmtpStage.MAIL, trouble=Trouble.TOO_LARGE, detail=detail)
        if envelope.is_international and not self.capabilities.smtputf8:
            raise SubmissionError(SmtpStage.MAIL, trouble=Trouble.NO_SMTPUTF8)

    def _say_step(self, stage: SmtpStage, envelope: Envelope) -> None:
        if stage is SmtpStage.MAIL:
            self._say(mail_command(envelope, self.capabilities))
        elif stage is SmtpStage.RCPT:
            self._say(rcpt_command(envelope))
        elif stage is SmtpStage.DATA:
            self._say(b"DATA")
        else:
            size = len(envelope.data)
            self._send_content(content_for_bdat(envelope.data), shown=f"BDAT LAST ({size} bytes)")

    def _send_lines(self, envelope: Envelope, go_ahead: Answer | None) -> Generator[None, SmtpReply, Answer | None]:
        if self.verdict is None:
            self._send_content(content_for_data(envelope.data), shown=f"({len(envelope.data)} bytes)")
        elif go_ahead is None or self.verdict.stage is SmtpStage.MAIL:
            # The sender was refused and DATA is open all the same: a dot could send nothing to a recipient they took.
            raise self.failure(Trouble.WRONG_CODE)
        else:
            self._say(b".", shown=".")  # DATA is open without a recipient, and a lone dot ends it (RFC 2920, 3.1)
        return self._judge_on((yield), SmtpStage.DOT, ACCEPTED)

    def _judge_on(self, reply: SmtpReply, stage: SmtpStage, allowed: Container[int]) -> Answer | None:
        """Judge a reply, but keep a refusal back until the others due are read, so that the next message finds none.

        The first refusal is the verdict: a refused sender refuses all after it.

        Returns:
            The answer, or None when it was a refusal and others are due.
        """
        try:
            answer = self._judge(reply, stage, allowed)
        except SubmissionError as error:
            self.verdict = self.verdict or error
            if self._is_broken or not self._replies_due:
                self.stage = SmtpStage.MAIL
                raise self.verdict from None
            return None
        if self.verdict is None:
            if stage is SmtpStage.DOT:
                self._ended(SmtpStage.BODY, None)
            self._ended(stage, answer.shown)
        return answer
