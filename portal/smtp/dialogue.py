"""One reply for each command, in order, and nothing unasked: what every SMTP exchange rests on. No socket in here."""

from collections.abc import Container, Generator
from typing import Final, NamedTuple

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.trouble import Trouble
from portal.smtp.errors import SubmissionError
from portal.smtp.reply_reader import ReplyError, ReplyReader
from portal.smtp.transcript import Secrets, Transcript, scrub, scrub_reply

Script = Generator[None, SmtpReply, None]
"""A piece of dialogue: yields when it needs the next reply."""

WITHHELD: Final = "(words not shown: said before EHLO was answered)"
"""Stands for the words of a peer that has not shown yet that it is a mail server (THREATS 3)."""

CLOSING: Final = 421
"""The server says this to any command, or to none, and closes (RFC 5321 section 3.8)."""


class Answer(NamedTuple):
    """A reply as it came, and as it may be shown."""

    raw: SmtpReply
    shown: SmtpReply


class StageEnded(NamedTuple):
    """A stage went well.

    Attributes:
        reply: What the server said, fit to be shown; None for a stage without a reply of its own.
        note: A fact for people, or an empty string.
    """

    stage: SmtpStage
    reply: SmtpReply | None
    note: str


class Dialogue:
    """Sans-IO: ``receive()`` takes bytes, ``take_outgoing()`` gives bytes, ``take_events()`` tells what has ended.

    Attributes:
        stage: Where the dialogue stands. ``DOT`` means exactly that all content has left our hands and the reply that
            decides has not been read.
        transcript: What was said, without secrets and content.
        verdict: Once set, why the message was refused; replies still due only decide whether the connection can be
            kept.
    """

    def __init__(self, secrets: Secrets, *, peer_is_trusted: bool) -> None:
        self.stage = SmtpStage.BANNER
        self.transcript = Transcript()
        self.verdict: SubmissionError | None = None
        self._secrets = secrets
        self._peer_is_a_mail_server = peer_is_trusted
        self._reader = ReplyReader()
        self._script: Script | None = None
        self._outgoing: list[bytes] = []
        self._events: list[StageEnded] = []
        self._has_content = False
        self._replies_due = 0
        self._is_broken = False

    # What the driver calls

    @property
    def is_waiting(self) -> bool:
        """Whether the script that was begun needs another reply."""
        return self._script is not None

    @property
    def is_clean(self) -> bool:
        """Whether another command may follow: all replies read, nothing unasked, no failure."""
        return not (self._is_broken or self._script or self._replies_due or self._reader.has_bytes or self._outgoing)

    def take_outgoing(self) -> list[bytes]:
        """What to write now, in order; whoever takes content is at the stage *body*."""
        if not self._outgoing:
            return []
        outgoing, self._outgoing = self._outgoing, []
        if self._has_content:
            self.stage, self._has_content = SmtpStage.BODY, False
        return outgoing

    def take_events(self) -> list[StageEnded]:
        """The stages that have ended since the last call."""
        if not self._events:
            return []
        events, self._events = self._events, []
        return events

    def all_written(self) -> None:
        """Be told that every byte of ``take_outgoing()`` was handed to the operating system."""
        if self.stage is SmtpStage.BODY:
            self.stage = SmtpStage.DOT

    def receive(self, data: bytes) -> None:
        """Take bytes from the server.

        Raises:
            SubmissionError: The attempt has failed. ``is_clean`` says whether the connection can be kept.
        """
        try:
            self._reader.feed(data)
            while self._script is not None and (reply := self._reader.next_reply()) is not None:
                self._advance(self._script, reply)
        except ReplyError as error:
            raise self.failure(error.trouble) from error

    def failure(
        self, trouble: Trouble, *, reply: SmtpReply | None = None, stage: SmtpStage | None = None, detail: str = ""
    ) -> SubmissionError:
        """Break off for a reason that is no refusal, and compose the error that says what is known.

        A refusal that was read before stands: whatever happens to the connection, that message was not accepted.
        """
        self._is_broken = True
        self._script = None
        if self.verdict is not None:
            return self.verdict
        uncertain = self.stage is SmtpStage.DOT
        return SubmissionError(
            self.stage if uncertain or stage is None else stage,
            reply=reply if self._peer_is_a_mail_server else None,
            trouble=trouble,
            detail=scrub(detail, self._secrets),
            may_have_been_accepted=uncertain,
        )

    # What scripts are made of

    def _begin(self, script: Script) -> None:
        if self._script is not None:
            raise RuntimeError("a dialogue says one thing at a time")
        self.verdict = None  # that of the message before says nothing about this one
        self._script = script
        self._advance(script, None)

    def _advance(self, script: Script, reply: SmtpReply | None) -> None:
        try:
            if reply is None:
                next(script)
            else:
                script.send(reply)
        except StopIteration:
            self._script = None
        except SubmissionError:
            self._script = None
            raise

    def _say(self, line: bytes, *, shown: str | None = None) -> None:
        """Send a line that will be answered. ``shown`` takes its place in the transcript."""
        self._nothing_came_unasked()
        self._outgoing.append(line + b"\r\n")
        self._replies_due += 1
        self.transcript.said(line.decode() if shown is None else shown)

    def _send_content(self, content: bytes, *, shown: str) -> None:
        """Send the message to its end, which will be answered."""
        self._nothing_came_unasked()
        self._outgoing.append(content)
        self._replies_due += 1
        self._has_content = True
        self.transcript.said(shown)

    def _hear(self, stage: SmtpStage, allowed: Container[int]) -> Generator[None, SmtpReply, Answer]:
        """Await the next reply and judge it.

        Raises:
            SubmissionError: It is a refusal, or not what the command allows.
        """
        return self._judge((yield), stage, allowed)

    def _judge(self, reply: SmtpReply, stage: SmtpStage, allowed: Container[int]) -> Answer:
        self._replies_due -= 1
        if stage is SmtpStage.EHLO and reply.code in allowed:
            self._peer_is_a_mail_server = True
        shown = self._shown(reply)
        self.transcript.heard(shown)
        # An answer to content that is still being written: no acceptance of it, and the rest would be read as commands.
        is_early = stage is SmtpStage.DOT and self.stage is SmtpStage.BODY
        self._is_broken = self._is_broken or is_early
        if reply.code in allowed:
            if is_early:
                raise self.failure(Trouble.UNASKED_BYTES)
            return Answer(reply, shown)
        if not (reply.is_temporary or reply.is_permanent):
            raise self.failure(Trouble.WRONG_CODE, reply=shown, stage=stage)
        raise self._refused(stage, shown)

    def _ended(self, stage: SmtpStage, shown: SmtpReply | None, note: str = "") -> None:
        self._events.append(StageEnded(stage, shown, note))

    def _refused(self, stage: SmtpStage, shown: SmtpReply) -> SubmissionError:
        if shown.code == CLOSING:
            self._is_broken = True
        return SubmissionError(stage, reply=shown)

    def _shown(self, reply: SmtpReply) -> SmtpReply:
        if not self._peer_is_a_mail_server:
            return SmtpReply(reply.code, (WITHHELD,))
        return scrub_reply(reply, self._secrets)

    def _nothing_came_unasked(self) -> None:
        if self._replies_due or not self._reader.has_bytes:
            return
        try:
            reply = self._reader.next_reply()
        except ReplyError:
            reply = None
        if reply is not None and reply.code == CLOSING:
            shown = self._shown(reply)
            self.transcript.heard(shown)
            raise self._refused(self.stage, shown)
        raise self.failure(Trouble.UNASKED_BYTES)
