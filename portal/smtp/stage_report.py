"""What somebody who watches an attempt is told of each stage."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.smtp.errors import SubmissionError


@dataclass(frozen=True, slots=True)
class StageReport:
    """How one stage went.

    Attributes:
        stage: Which; *ehlo* comes twice with STARTTLS.
        ok: Whether it went well; the last report of a failed attempt is the one that is not.
        seconds: Since the stage before ended. In a flight of several commands that is next to nothing but for one.
        reply: The server's words, scrubbed; None for a stage without any.
        note: A fact for people: the addresses, the TLS version, the mechanism, the trouble.
    """

    stage: SmtpStage
    ok: bool
    seconds: float
    reply: SmtpReply | None
    note: str


Observer = Callable[[StageReport], None]


class StageReporter:
    """Measures the stages of an attempt and reports each one to the observer, if there is one."""

    def __init__(self, observer: Observer | None) -> None:
        self.observer = observer
        self._since = time.monotonic()

    def begin(self) -> None:
        """Start the clock for the next stage."""
        if self.observer is not None:
            self._since = time.monotonic()

    def ended(self, stage: SmtpStage, reply: SmtpReply | None = None, note: str = "") -> None:
        self._report(stage, reply, note, ok=True)

    def failed(self, error: SubmissionError) -> None:
        words = [str(error.trouble)] if error.trouble else []
        self._report(error.stage, error.reply, ": ".join([*words, error.detail] if error.detail else words), ok=False)

    def _report(self, stage: SmtpStage, reply: SmtpReply | None, note: str, *, ok: bool) -> None:
        if self.observer is None:
            return
        now = time.monotonic()
        seconds, self._since = now - self._since, now
        self.observer(StageReport(stage, ok, seconds, reply, note))
