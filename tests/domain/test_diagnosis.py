"""What a failed test tells the admin who has to mend it."""

import itertools

import pytest

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.diagnosis import Diagnosis, diagnose
from portal.domain.routing.fault import Fault, classify
from portal.domain.routing.smtp_route import AuthChoice, Endpoint, TlsMode
from portal.domain.routing.trouble import Trouble
from tests.support.failure_rows import FAILURE_ROWS, FailureRow

FIELDS = {"host", "port", "security", "username", "password", "auth", "from_address", None}
PASSWORD_UNSENT = "No password was sent."


def _diagnose(
    stage: str,
    said: Trouble | str,
    *,
    host: str = "smtp.acme.example",
    port: int = 587,
    tls: TlsMode = TlsMode.STARTTLS,
    username: str | None = "ada",
    detail: str = "",
    auth: AuthChoice = AuthChoice.AUTO,
    answers_in: TlsMode | None = None,
) -> Diagnosis:
    reply = None if isinstance(said, Trouble) else SmtpReply.parse(said)
    trouble = said if isinstance(said, Trouble) else None
    fault = classify(stage, reply.code if reply else None, None, trouble or (reply.text if reply else ""), host)
    return diagnose(
        stage=SmtpStage(stage),
        fault=fault,
        reply=reply,
        trouble=trouble,
        detail=detail,
        endpoint=Endpoint(host, port, tls),
        from_address="ops@acme.example",
        username=username,
        auth=auth,
        answers_in=answers_in,
    )


@pytest.mark.parametrize(
    ("stage", "said", "title", "field"),
    [
        pytest.param("resolve", Trouble.NO_SUCH_HOST, "There is no server called smtp.acme.example", "host", id="name"),
        pytest.param("resolve", Trouble.LOOKUP_FAILED, "smtp.acme.example could not be looked up", None, id="look-up"),
        pytest.param("resolve", Trouble.FORBIDDEN_ADDRESS, "This host is not allowed", "host", id="forbidden"),
        pytest.param(
            "connect",
            Trouble.CONNECTION_REFUSED,
            "smtp.acme.example accepts no connections on port 587",
            "port",
            id="refused",
        ),
        pytest.param(
            "connect", Trouble.TIMED_OUT, "smtp.acme.example does not answer on port 587", "port", id="firewall"
        ),
        pytest.param("banner", Trouble.TIMED_OUT, "smtp.acme.example stays silent on port 587", "port", id="silence"),
        pytest.param("banner", Trouble.CONNECTION_LOST, "smtp.acme.example hangs up at once", "port", id="reset"),
        pytest.param(
            "banner", Trouble.NOT_SMTP, "There is no mail server on port 587 of smtp.acme.example", "port", id="no SMTP"
        ),
        pytest.param("banner", "554 no", "smtp.acme.example refuses to talk to us", "host", id="blocked"),
        pytest.param(
            "ehlo", Trouble.NO_STARTTLS, "smtp.acme.example offers no STARTTLS on port 587", "security", id="STARTTLS"
        ),
        pytest.param("ehlo", Trouble.NO_AUTH, "smtp.acme.example offers no sign-in on port 587", "port", id="no AUTH"),
        pytest.param(
            "starttls", "454 4.7.0 TLS not available", "smtp.acme.example cannot encrypt at this moment", "security"
        ),
        pytest.param(
            "tls", Trouble.CERTIFICATE_EXPIRED, "The certificate of smtp.acme.example has expired", None, id="expired"
        ),
        pytest.param(
            "tls", Trouble.CERTIFICATE_NAME, "The certificate is not for smtp.acme.example", "host", id="wrong name"
        ),
        pytest.param(
            "tls",
            Trouble.CERTIFICATE_SELF_SIGNED,
            "The certificate of smtp.acme.example is self-signed",
            "host",
            id="self-signed",
        ),
        pytest.param(
            "tls", Trouble.CERTIFICATE, "The certificate of smtp.acme.example is not trusted", "host", id="untrusted"
        ),
        pytest.param(
            "tls", Trouble.TLS_VERSION, "smtp.acme.example speaks no modern encryption", "host", id="TLS version"
        ),
        pytest.param("auth", "535 5.7.8 no", "The username or password was not accepted", "password", id="password"),
        pytest.param(
            "auth", "454 4.7.0 Try later", "smtp.acme.example cannot check passwords at this moment", None, id="not now"
        ),
        pytest.param("auth", "454 4.7.0 Too many login attempts", "Too many sign-ins at smtp.acme.example", None),
        pytest.param("auth", "525 5.7.13 disabled", "The account at smtp.acme.example is closed or locked", "username"),
        pytest.param("mail", "530 5.7.0 Authentication required", "smtp.acme.example wants a sign-in", "username"),
        pytest.param(
            "mail", "553 5.7.1 no", "smtp.acme.example does not let you send as ops@acme.example", "from_address"
        ),
        pytest.param(
            "rcpt", "554 5.7.1 Relay access denied", "smtp.acme.example does not pass on mail for us", "username"
        ),
        pytest.param("rcpt", "550 5.1.1 unknown", "smtp.acme.example refused the address the test went to", None),
        pytest.param(
            "rcpt", "451 4.7.1 Greylisted", "smtp.acme.example lets first messages wait (greylisting)", None, id="grey"
        ),
        pytest.param(
            "dot",
            "550 5.4.5 Daily quota used up",
            "The sending limit at smtp.acme.example is used up",
            None,
            id="quota",
        ),
        pytest.param(
            "dot", "550 5.7.1 spam", "smtp.acme.example refused the test message itself", "from_address", id="content"
        ),
    ],
)
def test_the_true_cause_is_named(stage: str, said: Trouble | str, title: str, field: str | None) -> None:
    diagnosis = _diagnose(stage, said)
    assert (diagnosis.title, diagnosis.field) == (title, field)


@pytest.mark.parametrize(
    ("diagnosis", "fix"),
    [
        pytest.param(
            _diagnose("tls", Trouble.SPEAKS_CLEAR_TEXT, port=587, tls=TlsMode.IMPLICIT, answers_in=TlsMode.STARTTLS),
            {"security": "starttls", "port": 587},
            id="this port has greeted us in clear text",
        ),
        pytest.param(
            _diagnose("banner", Trouble.TIMED_OUT, port=465, answers_in=TlsMode.IMPLICIT),
            {"security": "tls", "port": 465},
            id="this port has greeted us in TLS",
        ),
        pytest.param(
            _diagnose("banner", Trouble.TIMED_OUT, host="smtp.office365.com", port=25, answers_in=TlsMode.IMPLICIT),
            {"security": "tls", "port": 25},
            id="what was seen counts more than what is known of a provider",
        ),
        pytest.param(
            _diagnose("ehlo", Trouble.NO_USABLE_MECHANISM, auth=AuthChoice.PLAIN, detail="offered: LOGIN, NTLM"),
            {"auth": "auto"},
            id="another sign-in method is offered",
        ),
        pytest.param(
            _diagnose("connect", Trouble.TIMED_OUT, host="smtp.office365.com", port=465, tls=TlsMode.IMPLICIT),
            {"security": "starttls", "port": 587},
            id="a provider without this port",
        ),
        pytest.param(
            _diagnose("auth", "535 5.7.8 no", host="smtp.sendgrid.net"),
            {"username": "apikey"},
            id="a provider with one username for all",
        ),
        pytest.param(
            _diagnose("mail", "530 5.7.0 Must issue a STARTTLS command first", tls=TlsMode.NONE),
            {"security": "starttls", "port": 587},
            id="encryption is wanted",
        ),
        pytest.param(_diagnose("banner", Trouble.TIMED_OUT), {}, id="silence may have many causes"),
        pytest.param(_diagnose("banner", Trouble.TIMED_OUT, port=465), {}, id="on a TLS port as well"),
        pytest.param(_diagnose("banner", Trouble.SPEAKS_TLS, port=465), {}, id="TLS, but not one that greets us"),
        pytest.param(
            _diagnose("tls", Trouble.SPEAKS_CLEAR_TEXT, tls=TlsMode.IMPLICIT), {}, id="clear text that is no SMTP"
        ),
        pytest.param(
            _diagnose("ehlo", Trouble.NO_USABLE_MECHANISM, auth=AuthChoice.LOGIN, detail="offered: XLOGIN"),
            {},
            id="no method we know is offered",
        ),
        pytest.param(
            _diagnose("ehlo", Trouble.NO_USABLE_MECHANISM, detail="offered: none"), {}, id="no method was chosen"
        ),
        pytest.param(_diagnose("ehlo", Trouble.NO_STARTTLS), {}, id="another port is a guess"),
        pytest.param(_diagnose("tls", Trouble.SPEAKS_CLEAR_TEXT), {}, id="STARTTLS that does not encrypt"),
        pytest.param(
            _diagnose("auth", "535 no", host="smtp.sendgrid.net", username="apikey"), {}, id="the username is right"
        ),
    ],
)
def test_a_button_is_offered_where_the_fix_is_certain(diagnosis: Diagnosis, fix: dict[str, str | int]) -> None:
    assert dict(diagnosis.fix) == fix


@pytest.mark.parametrize(
    ("tls", "answers_in", "title"),
    [
        (TlsMode.STARTTLS, TlsMode.IMPLICIT, "Port 465 answered in TLS, but you chose STARTTLS"),
        (TlsMode.NONE, TlsMode.IMPLICIT, "Port 465 answered in TLS, but you chose no encryption"),
        (TlsMode.IMPLICIT, TlsMode.STARTTLS, "Port 465 answered in clear text, but you chose SSL/TLS"),
    ],
)
@pytest.mark.parametrize("trouble", [Trouble.TIMED_OUT, Trouble.CONNECTION_LOST])
def test_what_the_contrast_has_shown_is_the_cause(
    tls: TlsMode, answers_in: TlsMode, title: str, trouble: Trouble
) -> None:
    stage = "tls" if tls is TlsMode.IMPLICIT else "banner"
    told = _diagnose(stage, trouble, port=465, tls=tls, answers_in=answers_in)
    assert (told.title, told.field) == (title, "security")


@pytest.mark.parametrize(
    ("host", "stage", "said", "words"),
    [
        pytest.param("smtp.sendgrid.net", "auth", "535 no", "the username is the word apikey", id="SendGrid"),
        pytest.param("smtp.gmail.com", "auth", "535 5.7.8 no", "an app password", id="Gmail"),
        pytest.param(
            "smtp.office365.com",
            "auth",
            "535 5.7.139 Authentication unsuccessful, basic authentication is disabled",
            "Authenticated SMTP",
            id="Microsoft 365, basic authentication",
        ),
        pytest.param("smtp.office365.com", "auth", "550 5.7.30 no", "Authenticated SMTP", id="Microsoft 365, ended"),
        pytest.param(
            "email-smtp.eu-west-1.amazonaws.com", "dot", "554 Email address is not verified", "sandbox", id="SES"
        ),
        pytest.param("smtp.postmarkapp.com", "auth", "535 no", "API token", id="Postmark"),
        pytest.param(
            "smtp.mailgun.org", "dot", "550 Domain x is not allowed to send", "domain this login", id="Mailgun"
        ),
        pytest.param("smtp.sendgrid.net", "auth", "451 Maximum credits exceeded", "credits of your plan", id="credits"),
    ],
)
def test_a_known_providers_advice_comes_first(host: str, stage: str, said: str, words: str) -> None:
    steps = _diagnose(stage, said, host=host).what_to_do
    own = list(itertools.takewhile(lambda step: step not in _diagnose(stage, said).what_to_do, steps))
    assert any(words in step for step in own), steps


@pytest.mark.parametrize("said", ["535 5.7.139 x", "534 5.7.9 Application-specific password required"])
def test_passwords_that_cannot_work_are_told_from_wrong_ones(said: str) -> None:
    assert _diagnose("auth", said).title != _diagnose("auth", "535 5.7.8 wrong").title


@pytest.mark.parametrize("stage", ["resolve", "connect", "banner", "ehlo", "starttls", "tls"])
def test_before_the_sign_in_it_is_said_that_no_password_was_sent(stage: str) -> None:
    assert PASSWORD_UNSENT in _diagnose(stage, Trouble.TIMED_OUT).what_happened
    assert PASSWORD_UNSENT not in _diagnose(stage, Trouble.TIMED_OUT, username=None).what_happened


@pytest.mark.parametrize("stage", ["auth", "mail", "rcpt", "data", "body", "dot"])
def test_from_the_sign_in_on_nothing_of_the_kind_is_claimed(stage: str) -> None:
    assert PASSWORD_UNSENT not in _diagnose(stage, Trouble.CONNECTION_LOST).what_happened


@pytest.mark.parametrize("detail", ["", "10.0.0.1 is private", "connections without TLS"])
@pytest.mark.parametrize("host", ["10.0.0.1", "intern.acme.example", "smtp.gmail.com"])
@pytest.mark.parametrize("port", [25, 465])
def test_a_forbidden_host_has_one_text_that_tells_nothing(host: str, port: int, detail: str) -> None:
    told = _diagnose("resolve", Trouble.FORBIDDEN_ADDRESS, host=host, port=port, detail=detail)
    assert told == _diagnose("resolve", Trouble.FORBIDDEN_ADDRESS, username=None)


def test_facts_of_the_certificate_are_told() -> None:
    told = _diagnose("tls", Trouble.CERTIFICATE_EXPIRED, detail="expired on 2026-01-01").what_happened
    assert "expired on 2026-01-01" in told


def test_an_uncertain_end_is_told_as_uncertain() -> None:
    told = _diagnose("dot", Trouble.CONNECTION_LOST)
    assert told.title == "The test message may or may not have been accepted"


def test_success_promises_no_more_than_it_knows() -> None:
    told = diagnose(
        stage=None,
        fault=Fault.OK,
        reply=None,
        trouble=None,
        detail="",
        endpoint=Endpoint("smtp.acme.example", 587, TlsMode.STARTTLS),
        from_address="ops@acme.example",
        username="ada",
    )
    assert told.title == "smtp.acme.example accepted the test message"
    assert (told.what_to_do, told.field, dict(told.fix)) == ((), None, {})


def _is_whole(told: Diagnosis) -> bool:
    texts = [told.title, told.what_happened, *told.what_to_do]
    sentences = [told.what_happened, *told.what_to_do]
    return (
        told.field in FIELDS
        and set(told.fix) <= {"host", "port", "security", "username"}
        and bool(told.what_to_do)
        and not told.title.endswith(".")
        and all(text.endswith(".") for text in sentences)
        and not any("{" in text or "  " in text or text.strip() != text for text in texts)
    )


@pytest.mark.parametrize("row", [row for row in FAILURE_ROWS if row.code and row.fault is not Fault.OK], ids=str)
def test_every_row_of_the_failure_table_can_be_told_to_people(row: FailureRow) -> None:
    assert _is_whole(_diagnose(row.stage, row.line if row.code and row.code >= 200 else Trouble.NOT_SMTP))


@pytest.mark.parametrize("trouble", Trouble)
@pytest.mark.parametrize("stage", [stage for stage in SmtpStage if stage is not SmtpStage.QUIT])
@pytest.mark.parametrize("tls", TlsMode)
def test_every_trouble_can_be_told_to_people(stage: SmtpStage, trouble: Trouble, tls: TlsMode) -> None:
    assert _is_whole(_diagnose(stage, trouble, tls=tls, detail="a fact"))


def test_words_of_a_server_and_braces_of_an_admin_stay_what_they_are() -> None:
    told = _diagnose("auth", "535 5.7.8 {host} %s", username="{password}")
    assert "{password}" in told.what_happened
