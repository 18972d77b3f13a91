"""A route that fails is left alone, tried again without mail, and its admins are told, once (FAILURES section 1)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.people.roles import Role
from portal.domain.routing.smtp_route import TlsMode
from tests.support.certificates import Certificate, Certificates
from tests.support.installation import eventually
from tests.support.neighbours import hand_in
from tests.support.onlookers import times_said
from tests.support.scripted_smtp import PASSWORD, Message, Scenario, ScriptedServer
from tests.support.story import Story, running_worker

REFUSES: Scenario = {"password": "535 5.7.8 authentication failed"}
IS_DOWN: Scenario = {"banner": "421 4.3.2 down for maintenance"}
ANNA = "anna@acme.example"
UNTIL_THE_TRIAL = timedelta(minutes=15, seconds=1)
WATCHED_TWICE = 2.5
"""Seconds in which the watch over routes has looked at least twice."""


@pytest.fixture(autouse=True)
def _anna_is_an_admin(acme: Story) -> None:
    acme.waypost.accounts.create_user(
        ANNA, name="Anna", password=None, is_operator=False, actor=COMMAND_LINE, member_of={"acme": Role.ADMIN}
    )


def refused_twice(acme: Story, **given: str) -> ScriptedServer:
    server = acme.acme_has_a_server(REFUSES, given=given)
    for _ in range(2):
        acme.settled(acme.send())
    return server


def alerts(acme: Story) -> list[Message]:
    return [message for message in acme.platform.messages if message.recipient == ANNA]


@contextmanager
def one_more_sign_in(server: ScriptedServer, what: str) -> Iterator[None]:
    """What happens in the block leads to one sign-in, to no further one, and to no mail."""
    auths, mails = times_said(server, "AUTH"), times_said(server, "MAIL")
    yield
    eventually(lambda: times_said(server, "AUTH") > auths, seconds=5, what=what)
    time.sleep(WATCHED_TWICE)
    assert (times_said(server, "AUTH"), times_said(server, "MAIL")) == (auths + 1, mails)


def test_after_two_refused_sign_ins_the_password_is_said_no_more_and_mail_goes_on_at_once(acme: Story) -> None:
    server = refused_twice(acme)

    reports = [acme.settled(acme.send(kind), seconds=3) for kind in ("reminder", "otp", "digest")]

    assert [(report["state"], report["via"]) for report in reports] == [("sent", "platform")] * 3
    assert {report["decision"][0] for report in reports} == {
        "Sent through the platform because Acme's own server has been failing."
    }
    assert times_said(server, "AUTH") == len(server.visits) == 2
    (event,) = acme.audited("email.route_unhealthy")
    assert (event["class"], event["reply"], event["shown_by"]) == (
        "ROUTE_AUTH",
        "535 5.7.8 authentication failed",
        "delivery",
    )


def test_the_admins_are_told_once_a_day_over_the_platform_although_the_fallback_works(acme: Story) -> None:
    refused_twice(acme)

    eventually(lambda: len(alerts(acme)) == 1, what="the alert")
    for hours in (1, 22):
        acme.clock.shift += timedelta(hours=hours)
        time.sleep(WATCHED_TWICE)
        assert len(alerts(acme)) == 1
    acme.clock.shift += timedelta(hours=2)
    eventually(lambda: len(alerts(acme)) == 2, what="the next day's alert")

    assert {alert.sender for alert in alerts(acme)} == {"no-reply@platform.example"}
    assert [(event["about"], event["class"]) for event in acme.audited("email.route_alerted")] == [
        ("failure", "ROUTE_AUTH")
    ] * 2


def test_a_trial_after_fifteen_minutes_then_after_twice_as_long_signs_in_and_sends_no_mail(acme: Story) -> None:
    server = refused_twice(acme)

    with one_more_sign_in(server, "the first trial"):
        acme.clock.shift += UNTIL_THE_TRIAL
    acme.clock.shift += UNTIL_THE_TRIAL
    time.sleep(WATCHED_TWICE)
    assert times_said(server, "AUTH") == 3
    with one_more_sign_in(server, "the second trial"):
        acme.clock.shift += UNTIL_THE_TRIAL

    assert acme.settled(acme.send())["via"] == "platform"


def test_a_trial_that_works_brings_mail_back_to_its_own_way_and_the_admins_are_told(acme: Story) -> None:
    server = refused_twice(acme)
    eventually(lambda: len(alerts(acme)) == 1, what="the alert")

    server.scenario.clear()
    assert acme.settled(acme.send())["via"] == "platform"
    with one_more_sign_in(server, "the trial"):
        acme.clock.shift += UNTIL_THE_TRIAL
    report = acme.settled(acme.send())

    *_, trial, with_mail = (visit.verbs() for visit in server.visits)
    assert "NOOP" in trial
    assert "MAIL" not in trial
    assert "MAIL" in with_mail
    assert (report["state"], report["via"]) == ("sent", "tenant")
    assert times_said(server, "AUTH") == 4
    assert [event["shown_by"] for event in acme.audited("email.route_recovered")] == ["probe"]
    eventually(lambda: len(alerts(acme)) == 2, what="the end of the trouble to be told")
    assert b"takes Acme's mail again" in alerts(acme)[-1].data
    assert [event["about"] for event in acme.audited("email.route_alerted")] == ["failure", "recovery"]


def test_under_the_policy_never_messages_wait_without_conversations_and_a_recovery_lets_them_go(acme: Story) -> None:
    server = refused_twice(acme, fallback="never")
    ids = hand_in(acme.waypost, "acme", 6, "reminder")

    held = [acme.settled(message) for message in ids]
    assert {report["state"] for report in held} == {"waiting"}
    assert all(report["attempts"] == [] and "It waits because" in report["decision"][-1] for report in held)
    assert times_said(server, "AUTH") == 2

    server.scenario.clear()
    acme.clock.shift += UNTIL_THE_TRIAL
    eventually(lambda: len(server.messages) == 8, what="everything to go its own way")

    assert times_said(server, "AUTH") <= 2 + acme.waypost.settings.route_connections
    assert {acme.settled(message)["via"] for message in ids} == {"tenant"}
    assert {message.recipient for message in acme.platform.messages} <= {ANNA}


def test_refused_recipients_say_nothing_about_the_server_however_many_they_are(acme: Story) -> None:
    server = acme.acme_has_a_server({"rcpt": "550 5.1.1 no such user"})

    refused = [acme.settled(message) for message in hand_in(acme.waypost, "acme", 40)]
    server.scenario.clear()
    taken = acme.settled(acme.send())

    assert {(report["state"], report["attempts"][-1]["class"]) for report in refused} == {("failed", "RCPT_PERM")}
    assert (taken["state"], taken["via"]) == ("sent", "tenant")
    assert acme.audited("email.route_unhealthy") == []
    assert acme.platform.visits == []


def test_five_temporary_faults_in_a_row_are_needed_and_a_minute_later_the_server_is_tried(acme: Story) -> None:
    server = acme.acme_has_a_server(IS_DOWN)

    assert acme.settled(acme.send())["via"] == "platform"  # two tries
    assert acme.audited("email.route_unhealthy") == []
    for message in hand_in(acme.waypost, "acme", 2, "reminder"):
        assert acme.settled(message)["via"] == "platform"
    assert [event["class"] for event in acme.audited("email.route_unhealthy")] == ["ROUTE_TEMP"]
    asked = len(server.visits)
    assert acme.settled(acme.send(), seconds=3)["via"] == "platform"
    assert len(server.visits) == asked

    server.scenario.clear()
    with one_more_sign_in(server, "the trial"):
        acme.clock.shift += timedelta(minutes=1, seconds=1)
    assert acme.settled(acme.send())["via"] == "tenant"


def test_two_workers_share_what_is_known_and_only_one_of_them_tries(acme: Story, certificates: Certificates) -> None:
    context = certificates.server_context(Certificate.GOOD)
    with running_worker(acme.waypost), ScriptedServer(REFUSES, tls=TlsMode.STARTTLS, context=context) as server:
        acme.acme_uses(server.port, given={"password": PASSWORD})
        for _ in range(4):
            assert acme.settled(acme.send())["via"] == "platform"
        assert times_said(server, "AUTH") == 2

        for _ in range(2):
            with one_more_sign_in(server, "one trial of two workers"):
                acme.clock.shift += 2 * UNTIL_THE_TRIAL
