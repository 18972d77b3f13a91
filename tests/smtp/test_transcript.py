"""What people get to see of a dialogue holds no secret, however a server spells it."""

import base64
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.routing.smtp_route import Credentials
from portal.domain.secret import MARK, Secret
from portal.smtp.printable_text import LINE_LIMIT, printable
from portal.smtp.transcript import Secrets, Transcript, scrub

USERNAME = "acme-mailer"
PASSWORD = "p@ss w/ürd+canary"
SECRETS = Secrets(Credentials(USERNAME, Secret(PASSWORD)))


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


ECHOES = [
    pytest.param(PASSWORD, id="as it is"),
    pytest.param(b64(PASSWORD), id="base64"),
    pytest.param(b64(PASSWORD).rstrip("="), id="base64 without padding"),
    pytest.param(base64.urlsafe_b64encode(PASSWORD.encode()).decode(), id="URL-safe base64"),
    pytest.param(b64(f"\0{USERNAME}\0{PASSWORD}"), id="PLAIN"),
    pytest.param(b64(f"{USERNAME}\0{USERNAME}\0{PASSWORD}"), id="PLAIN with an identity"),
    pytest.param(b64(f"{USERNAME}:{PASSWORD}"), id="as HTTP's Basic"),
    pytest.param(b64(f"x{PASSWORD}yz"), id="within base64, one octet off"),
    pytest.param(b64(f"xy{PASSWORD}z"), id="within base64, two octets off"),
    pytest.param(quote(PASSWORD, safe=""), id="percent-encoded"),
    pytest.param(quote_plus(PASSWORD), id="form-encoded"),
    pytest.param(PASSWORD[:4] + "\u200b" + PASSWORD[4:], id="with a zero-width space inside"),
    pytest.param(PASSWORD[:4] + "\0\x07" + PASSWORD[4:], id="with controls inside"),
]


@pytest.mark.parametrize("echo", ECHOES)
def test_an_echoed_password_is_marked(echo: str) -> None:
    seen = scrub(f"535 5.7.8 you said {echo}, which is wrong", SECRETS)

    assert MARK in seen
    assert PASSWORD not in seen
    assert b64(PASSWORD)[:-4] not in seen
    assert seen.startswith("535 5.7.8 you said ")
    assert seen.endswith(", which is wrong")


def test_the_password_is_marked_before_the_line_is_cut() -> None:
    for before in range(LINE_LIMIT - 40, LINE_LIMIT):
        seen = scrub("x" * before + PASSWORD, SECRETS)
        assert len(seen) <= LINE_LIMIT
        assert PASSWORD[:3] not in seen


def test_a_user_name_is_no_secret_but_its_base64_is_taken_for_one() -> None:
    assert scrub(f"who is {USERNAME}?", SECRETS) == f"who is {USERNAME}?"
    assert b64(USERNAME) not in scrub(b64(USERNAME), SECRETS)


@given(st.text(min_size=1, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_no_password_survives(password: str, before: str, after: str) -> None:
    secrets = Secrets(Credentials(USERNAME, Secret(password)))
    seen = scrub(f"{before}{password}{after}", secrets)

    shown = printable(password)
    assert not shown or shown not in seen.replace(MARK, "") or shown in printable(before + after)


@given(st.text(st.characters()))
def test_what_is_shown_is_printable(text: str) -> None:
    assert printable(text).isprintable()


def test_no_repr_gives_the_spellings_away() -> None:
    assert PASSWORD not in f"{SECRETS!r} {SECRETS!s}"


def test_without_credentials_nothing_is_marked() -> None:
    assert scrub("250 ok", Secrets()) == "250 ok"
    assert scrub("250 ok", Secrets(Credentials("", Secret("")))) == "250 ok"


def test_a_transcript_keeps_the_last_hundred_lines() -> None:
    transcript = Transcript()
    for number in range(200):
        transcript.said(f"NOOP {number}")
    transcript.heard(SmtpReply(250, ("a", "b", "")))

    assert len(transcript.lines) == 100
    assert transcript.lines[-4:] == ("C: NOOP 199", "S: 250-a", "S: 250-b", "S: 250")
    assert str(transcript).endswith("S: 250-a\nS: 250-b\nS: 250")
