"""What becomes of a message, told with real servers."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from portal.domain.audit_events import COMMAND_LINE
from portal.storage.messages import MessageContentRow
from tests.support.scripted_smtp import Close, Message, Scenario
from tests.support.story import FROM, PLATFORM_FROM, TO, Story

NOBODY_LISTENS = 1025


def read(message: Message) -> EmailMessage:
    parsed = message_from_bytes(message.data, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def the_one(messages: list[Message]) -> EmailMessage:
    assert len(messages) == 1
    return read(messages[0])


def test_a_tenant_without_a_server_sends_in_the_platforms_name(acme: Story) -> None:
    report = acme.settled(acme.send())

    assert (report["state"], report["via"], report["from"]) == ("sent", "platform", PLATFORM_FROM)
    assert the_one(acme.platform.messages)["From"] == f"Acme via Northwind <{PLATFORM_FROM}>"
    assert report["decision"][0] == "Sent through the platform because Acme has no server of its own."


def test_a_tenants_mail_leaves_through_its_own_server_in_its_own_name(acme: Story) -> None:
    server = acme.acme_has_a_server()

    report = acme.settled(acme.send())

    assert (report["state"], report["via"], report["from"]) == ("sent", "tenant", FROM)
    mail = the_one(server.messages)
    assert (mail["From"], mail["Reply-To"], mail["To"]) == (f"Acme <{FROM}>", "help@acme.example", TO)
    assert mail["Message-ID"] == report["message_id"]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert acme.platform.messages == []
    assert [event["via"] for event in acme.audited("email.sent")] == ["tenant"]
    assert report["attempts"][0]["tls"].startswith("TLSv1.3")


def test_the_switch_sends_mail_through_the_platform_and_back_again(acme: Story) -> None:
    server = acme.acme_has_a_server()

    acme.waypost.email_settings.disable(acme.tenant_id, actor=COMMAND_LINE)
    off = acme.settled(acme.send())
    acme.waypost.email_settings.enable(acme.tenant_id, actor=COMMAND_LINE)
    on = acme.settled(acme.send())

    assert (off["via"], on["via"]) == ("platform", "tenant")
    assert "is turned off" in off["decision"][0]
    assert (len(acme.platform.messages), len(server.messages)) == (1, 1)


def test_an_outage_of_the_tenants_server_costs_branding_never_delivery(acme: Story) -> None:
    acme.acme_uses(NOBODY_LISTENS)

    report = acme.settled(acme.send())

    assert (report["state"], report["via"]) == ("sent", "platform")
    assert [a["class"] for a in report["attempts"]] == ["ROUTE_TEMP", "ROUTE_TEMP", "OK"]
    mail = the_one(acme.platform.messages)
    assert mail["From"] == f"Acme via Northwind <{PLATFORM_FROM}>"
    assert mail["Reply-To"] == "help@acme.example"
    assert any("Acme's own server could not take it: connection refused" in step for step in report["decision"])
    failed, sent = acme.audited("email.send_failed"), acme.audited("email.sent")
    assert [(event["via"], event["class"]) for event in failed] == [("tenant", "ROUTE_TEMP")]
    assert [(event["via"], event["because"]) for event in sent] == [("platform", "fell_back")]


FAULTS_OF_THE_ROUTE: list[tuple[str, Scenario, str]] = [
    ("the password was changed at the provider", {"password": "535 5.7.8 authentication failed"}, "ROUTE_AUTH"),
    ("the sender is not ours there", {"mail": "553 5.7.1 sender address rejected: not owned by user"}, "ROUTE_SENDER"),
    ("the server will not have us", {"banner": "554 5.7.1 go away"}, "ROUTE_PERM"),
    ("what answers is no mail server", {"banner": b"SSH-2.0-OpenSSH_9.6\r\n"}, "ROUTE_PROTOCOL"),
]


@pytest.mark.parametrize(
    ("scenario", "fault"), [case[1:] for case in FAULTS_OF_THE_ROUTE], ids=[case[0] for case in FAULTS_OF_THE_ROUTE]
)
def test_a_lasting_fault_of_the_route_falls_back_at_once(acme: Story, scenario: Scenario, fault: str) -> None:
    server = acme.acme_has_a_server(scenario)

    report = acme.settled(acme.send())

    assert [attempt["class"] for attempt in report["attempts"]] == [fault, "OK"]
    assert (report["state"], report["via"]) == ("sent", "platform")
    assert sum(verb == "AUTH" for visit in server.visits for verb in visit.verbs()) <= 1


@pytest.mark.parametrize(
    ("scenario", "fault"),
    [
        pytest.param({"rcpt": "550 5.1.1 no such user"}, "RCPT_PERM", id="the recipient does not exist"),
        pytest.param({"bdat": "554 5.6.0 looks like a virus"}, "MSG_PERM", id="the message is refused"),
    ],
)
def test_what_is_wrong_with_recipient_or_message_never_falls_back(acme: Story, scenario: Scenario, fault: str) -> None:
    acme.acme_has_a_server(scenario)

    report = acme.settled(acme.send())

    assert (report["state"], [a["class"] for a in report["attempts"]]) == ("failed", [fault])
    assert acme.platform.visits == []
    assert [event["class"] for event in acme.audited("email.send_failed")] == [fault]


def test_greylisting_is_waited_out_on_the_same_route(acme: Story) -> None:
    server = acme.acme_has_a_server({"rcpt": "451 4.7.1 greylisted, come back later"})

    waiting = acme.settled(message := acme.send())
    server.scenario.clear()
    sent = acme.after_next_try(message)

    assert (waiting["state"], sent["state"], sent["via"]) == ("waiting", "sent", "tenant")
    assert [attempt["class"] for attempt in sent["attempts"]] == ["RCPT_TEMP", "OK"]
    assert len(server.messages) == 1


def test_under_the_policy_never_a_message_is_held_until_the_own_server_is_back(acme: Story) -> None:
    server = acme.acme_has_a_server({"banner": "421 4.3.2 down"}, given={"fallback": "never"})

    held = acme.settled(message := acme.send("otp"))
    server.scenario.clear()
    sent = acme.after_next_try(message)

    assert (held["state"], sent["state"], sent["via"]) == ("waiting", "sent", "tenant")
    assert acme.platform.visits == []
    assert len(server.messages) == 1


def test_under_the_policy_security_only_security_mail_falls_back(acme: Story) -> None:
    acme.acme_uses(NOBODY_LISTENS, given={"fallback": "security"})

    code = acme.settled(acme.send("otp"))
    reminder = acme.settled(acme.send("reminder"))

    assert (code["state"], code["via"]) == ("sent", "platform")
    assert reminder["state"] == "waiting"
    assert len(acme.platform.messages) == 1


def test_an_unclear_end_is_asked_again_on_the_same_route_with_the_same_message_id(acme: Story) -> None:
    server = acme.acme_has_a_server({"bdat": Close()})

    unclear = acme.settled(message := acme.send())
    server.scenario.clear()
    wait = acme.row(message).due_at
    assert wait is not None
    assert (wait - acme.clock()).total_seconds() > 55
    sent = acme.after_next_try(message)

    assert (unclear["state"], [a["class"] for a in unclear["attempts"]]) == ("waiting", ["AMBIGUOUS"])
    assert (sent["state"], sent["via"]) == ("sent", "tenant")
    assert "An earlier try may have arrived as well." in sent["decision"][-1]
    assert acme.platform.visits == []
    assert [read(m)["Message-ID"] for m in server.messages] == [sent["message_id"]]


def test_after_a_second_unclear_end_the_platform_sends_a_possible_duplicate(acme: Story) -> None:
    acme.acme_has_a_server({"bdat": Close()})

    acme.settled(message := acme.send())
    sent = acme.after_next_try(message)

    assert [(a["route"], a["class"]) for a in sent["attempts"]] == [
        ("tenant", "AMBIGUOUS"),
        ("tenant", "AMBIGUOUS"),
        ("platform", "OK"),
    ]
    assert the_one(acme.platform.messages)["Message-ID"] == sent["message_id"]


def test_a_sign_in_code_that_could_not_be_sent_in_time_is_dropped_with_a_record(acme: Story) -> None:
    acme.acme_uses(NOBODY_LISTENS, given={"fallback": "never"})

    acme.settled(message := acme.send("otp"))
    for _ in range(20):
        report = acme.after_next_try(message)
        if report["state"] != "waiting":
            break

    assert report["state"] == "expired"
    assert acme.audited("email.send_failed")[-1]["state"] == "expired"


def test_the_content_is_wiped_when_the_message_is_final(acme: Story) -> None:
    acme.settled(message := acme.send("otp", text="Your code is 424242."))

    assert acme.row(message).due_at is None
    with acme.waypost.database.reading() as session:
        assert session.get(MessageContentRow, message) is None
