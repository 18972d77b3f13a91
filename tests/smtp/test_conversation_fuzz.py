"""Whatever a server says, and in whatever order, the conversation ends as it should."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import AuthChoice, TlsMode
from portal.domain.routing.trouble import Trouble
from portal.smtp.conversation import Conversation
from portal.smtp.envelope import content_for_data
from portal.smtp.errors import SubmissionError
from tests.support.conversations import OFFERS, PLAIN, said
from tests.support.scripted_smtp import PASSWORD
from tests.support.smtp_routes import ENVELOPE, MESSAGE, route_to

REPLIES = st.sampled_from(
    [
        b"220 hello\r\n",
        b"250 ok\r\n",
        OFFERS,
        OFFERS.replace(b"250-CHUNKING\r\n", b""),
        b"250-x\r\n250 AUTH LOGIN\r\n",
        b"250-x\r\n250 STARTTLS\r\n",
        b"334 \r\n",
        b"235 in\r\n",
        b"354 go\r\n",
        b"421 bye\r\n",
        b"450 later\r\n",
        b"550 " + PASSWORD.encode() + b"\r\n",
        b"550-" + PLAIN + b"\r\n550 no\r\n",
        b"250-",
        b"\r\n",
        b"junk\r\n",
    ]
) | st.binary(max_size=12)


class Drill:
    """A conversation from its beginning to the end of a message, with a server that says what it likes."""

    def __init__(self, mode: TlsMode, choice: AuthChoice, replies: list[bytes]) -> None:
        self.conversation = Conversation(route_to(587, tls=mode, auth=choice))
        self.clear = bytearray()
        self.protected = bytearray()
        self._mode = mode
        self._written = self.clear
        self._replies = iter(replies)

    def outcome(self) -> SmtpReply | SubmissionError:
        try:
            self._deliver()
        except SubmissionError as error:
            return error
        if self.conversation.accepted is None:
            raise AssertionError("neither accepted nor refused")
        return self.conversation.accepted

    def _deliver(self) -> None:
        conversation = self.conversation
        if self._mode is TlsMode.IMPLICIT:
            self._encrypt()
        self._see_through(conversation.hear_banner)
        self._see_through(conversation.say_hello)
        if self._mode is TlsMode.STARTTLS:
            self._see_through(conversation.ask_for_tls)
            self._encrypt()
            self._see_through(conversation.say_hello)
        self._see_through(conversation.sign_in)
        self._see_through(lambda: conversation.submit(ENVELOPE))

    def _encrypt(self) -> None:
        self.conversation.tls_begins()
        self.conversation.tls_established("TLS")
        self._written = self.protected

    def _see_through(self, begin: Callable[[], None]) -> None:
        begin()
        self._written += said(self.conversation)
        while self.conversation.is_waiting:
            reply = next(self._replies, None)
            if reply is None:
                raise self.conversation.failure(Trouble.CONNECTION_LOST)
            self.conversation.receive(reply)
            self._written += said(self.conversation)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(TlsMode), st.sampled_from(AuthChoice), st.lists(REPLIES, max_size=16))
def test_whatever_a_server_says_the_outcome_is_a_reply_or_a_submission_error(
    mode: TlsMode, choice: AuthChoice, replies: list[bytes]
) -> None:
    drill = Drill(mode, choice, replies)
    outcome = drill.outcome()

    written = bytes(drill.clear + drill.protected)
    if isinstance(outcome, SmtpReply):
        assert outcome.is_positive
    else:
        assert outcome.reply or outcome.trouble
    if isinstance(outcome, SubmissionError) and outcome.may_have_been_accepted:
        assert outcome.stage is SmtpStage.DOT
        assert MESSAGE in written or content_for_data(MESSAGE) in written
    assert b"AUTH" not in drill.clear
    assert mode is TlsMode.NONE or b"MAIL" not in drill.clear
    assert written.count(b"AUTH ") <= 1
    if mode is not TlsMode.NONE:  # without TLS there is no password to echo
        shown = f"{outcome} {outcome!r} {drill.conversation.transcript}"
        assert PASSWORD not in shown
        assert PLAIN.decode() not in shown
