"""The words of mail about a failing server."""

from datetime import UTC, datetime

import pytest

from portal.domain.mail.header_text import check_header_text
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.email_settings import EmailSettings
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.fault import Fault
from portal.domain.routing.route_alert_mail import AlertedRoute, Failure, failure_content, recovery_content
from portal.domain.routing.smtp_route import TlsMode

AT = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
SETTINGS = EmailSettings("smtp.acme.example", 587, TlsMode.STARTTLS, "mail@acme.example", username="acme")
ACME = AlertedRoute("Acme", 3, SETTINGS, "https://portal.example/t/acme/email-smtp")
TOLD = [fault for fault in Fault if fault.traits.counts_against_health] + [Fault.RATE]


def text_of(failure: Failure, route: AlertedRoute = ACME) -> str:
    return failure_content(route, failure).text or ""


@pytest.mark.parametrize("fault", TOLD)
@pytest.mark.parametrize("stage", [None, *SmtpStage])
@pytest.mark.parametrize("said", [None, "535 5.7.8 wrong", "timed out", "certificate expired on 2026-01-01", "{x}"])
def test_every_failure_has_its_words(fault: Fault, stage: SmtpStage | None, said: str | None) -> None:
    text = text_of(Failure(fault, AT, stage, said))
    assert "What happened\n" in text
    assert "\n- " in text
    assert "test message" not in text
    assert "Since 2026-11-20 21:00 UTC (settings version 3)." in text
    assert ACME.url in text


@pytest.mark.parametrize(
    ("failure", "title"),
    [
        (Failure(Fault.ROUTE_AUTH, AT), "The username or password was not accepted."),
        (Failure(Fault.ROUTE_CERT, AT), "The certificate of smtp.acme.example is not trusted."),
        (Failure(Fault.ROUTE_SENDER, AT), "smtp.acme.example does not let you send as mail@acme.example."),
        (Failure(Fault.ROUTE_TEMP, AT), "smtp.acme.example does not answer on port 587."),
        (Failure(Fault.RATE, AT), "smtp.acme.example asks us to send more slowly."),
        (Failure(Fault.AMBIGUOUS, AT), "smtp.acme.example does not confirm the messages it is given."),
        (
            Failure(Fault.ROUTE_CERT, AT, SmtpStage.TLS, "certificate expired on 2026-01-01"),
            "no longer valid: on 2026-01-01.",
        ),
        (
            Failure(Fault.ROUTE_TEMP, AT, SmtpStage.RESOLVE, "name lookup failed"),
            "smtp.acme.example could not be looked up.",
        ),
    ],
)
def test_the_cause_is_named_as_closely_as_it_is_known(failure: Failure, title: str) -> None:
    assert title in text_of(failure)


def test_only_a_servers_own_words_are_quoted_and_not_without_end() -> None:
    assert "«" not in text_of(Failure(Fault.ROUTE_TEMP, AT, SmtpStage.CONNECT, "timed out"))
    text = text_of(Failure(Fault.ROUTE_PERM, AT, SmtpStage.MAIL, "550 " + "x" * 5000))
    assert "The server answered: «550 xxx" in text
    assert len(text) < 2000


@pytest.mark.parametrize("fault", TOLD)
@pytest.mark.parametrize("policy", FallbackPolicy)
def test_that_mail_leaves_through_the_platform_is_said_where_it_may(fault: Fault, policy: FallbackPolicy) -> None:
    settings = EmailSettings("h.example", 587, TlsMode.STARTTLS, "mail@acme.example", fallback=policy)
    text = text_of(Failure(fault, AT), AlertedRoute("Acme", 3, settings, ACME.url))
    assert ("leaves through the platform" in text.replace("\n", " ")) is (policy is not FallbackPolicy.NEVER)


@pytest.mark.parametrize("fault", TOLD)
def test_subjects_can_stand_in_a_header_whatever_the_tenant_is_called(fault: Fault) -> None:
    long = AlertedRoute("A" * 200, 3, SETTINGS, ACME.url)
    for content in (failure_content(long, Failure(fault, AT)), recovery_content(long, AT)):
        check_header_text(content.subject)
        assert len(content.subject) < 200
