"""The conversation without a network: what is said, in which order, and that nothing makes it fail but as it should."""

from base64 import b64encode

import pytest

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import AuthChoice, TlsMode
from portal.domain.routing.trouble import Trouble
from portal.smtp.capabilities import Capabilities
from portal.smtp.conversation import Conversation
from portal.smtp.envelope import Envelope, mail_command
from portal.smtp.errors import SubmissionError
from tests.support.conversations import OFFERS, PLAIN, greeted, said, signed_in
from tests.support.scripted_smtp import PASSWORD, USERNAME
from tests.support.smtp_routes import ENVELOPE, MESSAGE, route_to


def test_a_message_is_one_flight_where_the_server_allows_it() -> None:
    conversation = signed_in()
    conversation.submit(ENVELOPE)

    assert said(conversation) == (
        b"MAIL FROM:<bounces@acme.example> SIZE=%d\r\nRCPT TO:<ada@dest.example>\r\nBDAT %d LAST\r\n%b"
        % (len(MESSAGE), len(MESSAGE), MESSAGE)
    )
    conversation.receive(b"250 a\r\n250 b\r\n250 2.0.0 queued\r\n")
    assert conversation.accepted == SmtpReply(250, ("2.0.0 queued",))
    assert conversation.is_clean


def test_a_wordy_server_is_no_hostile_one_over_many_messages() -> None:
    conversation = signed_in()
    for _ in range(12):
        conversation.submit(ENVELOPE)
        said(conversation)
        conversation.receive(b"250 a\r\n250 b\r\n" + b"250-%b\r\n" % (b"x" * 600) * 99 + b"250 queued\r\n")
        assert conversation.accepted is not None


SIGN_INS = [
    pytest.param("AUTH PLAIN LOGIN", AuthChoice.AUTO, [b"AUTH PLAIN " + PLAIN], id="PLAIN where it is offered"),
    pytest.param("AUTH LOGIN PLAIN", AuthChoice.LOGIN, [b"AUTH LOGIN"], id="LOGIN where it is chosen"),
    pytest.param("AUTH LOGIN", AuthChoice.AUTO, [b"AUTH LOGIN"], id="LOGIN where there is no PLAIN"),
    pytest.param("auth login plain", AuthChoice.AUTO, [b"AUTH PLAIN " + PLAIN], id="in small letters"),
    pytest.param("AUTH=PLAIN", AuthChoice.AUTO, [b"AUTH PLAIN " + PLAIN], id="as old servers say it"),
    pytest.param("AUTH=LOGIN PLAIN", AuthChoice.AUTO, [b"AUTH PLAIN " + PLAIN], id="as old servers say two"),
]


@pytest.mark.parametrize(("offer", "choice", "lines"), SIGN_INS)
def test_how_it_signs_in(offer: str, choice: AuthChoice, lines: list[bytes]) -> None:
    conversation = greeted(f"250-x\r\n250 {offer}\r\n".encode(), auth=choice)
    conversation.sign_in()

    assert said(conversation).split(b"\r\n") == [*lines, b""]


def test_login_says_the_name_then_the_password() -> None:
    conversation = greeted(auth=AuthChoice.LOGIN)
    conversation.sign_in()
    said(conversation)
    conversation.receive(b"334 VXNlcm5hbWU6\r\n")
    assert said(conversation) == b64encode(USERNAME.encode()) + b"\r\n"
    conversation.receive(b"334 UGFzc3dvcmQ6\r\n")
    assert said(conversation) == b64encode(PASSWORD.encode()) + b"\r\n"
    conversation.receive(b"235 in\r\n")

    assert conversation.is_clean
    assert not any(
        PASSWORD in line or b64encode(PASSWORD.encode()).decode() in line for line in conversation.transcript.lines
    )


def test_a_long_token_goes_in_a_line_of_its_own() -> None:
    conversation = greeted(password="t" * 600)
    conversation.sign_in()
    assert said(conversation) == b"AUTH PLAIN\r\n"
    conversation.receive(b"334 \r\n")

    assert said(conversation) == b64encode(f"\0{USERNAME}\0{'t' * 600}".encode()) + b"\r\n"


NO_SIGN_INS = [
    pytest.param(b"250 x\r\n", AuthChoice.AUTO, PASSWORD, Trouble.NO_AUTH, id="not offered"),
    pytest.param(b"250-x\r\n250 AUTH\r\n", AuthChoice.AUTO, PASSWORD, Trouble.NO_USABLE_MECHANISM, id="offered empty"),
    pytest.param(
        OFFERS.replace(b" PLAIN", b""), AuthChoice.PLAIN, PASSWORD, Trouble.NO_USABLE_MECHANISM, id="no PLAIN"
    ),
    pytest.param(OFFERS, AuthChoice.PLAIN, "nul\0nul", Trouble.NO_USABLE_MECHANISM, id="PLAIN cannot say NUL"),
]


@pytest.mark.parametrize(("offers", "choice", "password", "trouble"), NO_SIGN_INS)
def test_without_a_usable_mechanism_nothing_is_said(
    offers: bytes, choice: AuthChoice, password: str, trouble: Trouble
) -> None:
    with pytest.raises(SubmissionError) as raised:
        greeted(offers, auth=choice, password=password)

    assert (raised.value.stage, raised.value.trouble) == (SmtpStage.EHLO, trouble)


def test_a_route_may_go_without_signing_in() -> None:
    conversation = greeted(auth=AuthChoice.NONE)
    conversation.sign_in()

    assert said(conversation) == b""
    assert not conversation.is_waiting


@pytest.mark.parametrize("verb", ["sign_in", "submit"])
def test_nothing_that_matters_is_said_in_clear_text(verb: str) -> None:
    conversation = Conversation(route_to(587, tls=TlsMode.STARTTLS))

    with pytest.raises(RuntimeError):
        getattr(conversation, verb)(*([ENVELOPE] if verb == "submit" else []))
    assert said(conversation) == b""


def test_international_mail_asks_for_smtputf8() -> None:
    envelope = Envelope("büro@acme.example", "ada@dest.example", MESSAGE)
    assert mail_command(envelope, Capabilities(smtputf8=True)) == "MAIL FROM:<büro@acme.example> SMTPUTF8".encode()

    conversation = signed_in()
    with pytest.raises(SubmissionError) as raised:
        conversation.submit(envelope)
    assert (raised.value.stage, raised.value.trouble) == (SmtpStage.MAIL, Trouble.NO_SMTPUTF8)
    assert said(conversation) == b""
    assert conversation.is_clean


@pytest.mark.parametrize(
    ("offer", "fits"),
    [
        ("SIZE 70", True),
        ("SIZE 69", False),
        ("SIZE 0", True),
        ("SIZE", True),
        ("SIZE x", True),
        ("SIZE " + "9" * 4000, True),
    ],
)
def test_a_message_beyond_the_size_is_not_sent(offer: str, *, fits: bool) -> None:
    conversation = signed_in(f"250-x\r\n250-{offer}\r\n250 AUTH PLAIN\r\n".encode())
    if fits:
        conversation.submit(ENVELOPE)
        assert said(conversation).startswith(b"MAIL")
    else:
        with pytest.raises(SubmissionError) as raised:
            conversation.submit(ENVELOPE)
        assert (raised.value.stage, raised.value.trouble) == (SmtpStage.MAIL, Trouble.TOO_LARGE)
        assert said(conversation) == b""
        assert conversation.is_clean


def test_what_was_offered_in_clear_text_is_forgotten() -> None:
    conversation = Conversation(route_to(587, tls=TlsMode.STARTTLS))
    conversation.hear_banner()
    conversation.receive(b"220 hello\r\n")
    conversation.say_hello()
    said(conversation)
    conversation.receive(b"250-x\r\n250-STARTTLS\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n")
    conversation.ask_for_tls()
    said(conversation)
    conversation.receive(b"220 go\r\n")
    conversation.tls_begins()
    conversation.tls_established("TLS")

    assert conversation.capabilities == Capabilities()
