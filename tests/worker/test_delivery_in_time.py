"""When messages are sent and when not: waiting, expiring, switching, and the order of words and records."""

import time
from datetime import timedelta
from pathlib import Path

from portal.crypto.vault import Vault, new_key
from portal.domain.audit_events import COMMAND_LINE
from portal.domain.mail.content import Content
from portal.domain.secret import MARK
from portal.services import message_content
from portal.services.sending import Outgoing
from portal.storage.messages import MessageContentRow
from tests.support.certificates import Certificates
from tests.support.installation import eventually
from tests.support.scripted_smtp import USERNAME, Pause, Silence
from tests.support.story import TO, Story, story


def test_a_silent_server_holds_a_security_mail_ten_seconds_at_most(acme: Story) -> None:
    acme.acme_has_a_server({"ehlo": Silence()})

    report = acme.settled(acme.send("otp"), seconds=25)

    assert (report["state"], report["via"]) == ("sent", "platform")
    assert sum(a["seconds"] for a in report["attempts"] if a["route"] == "tenant") < 12


def test_a_connection_is_kept_for_the_next_message(acme: Story) -> None:
    server = acme.acme_has_a_server()

    for _ in range(5):
        acme.settled(acme.send())

    assert len(server.messages) == 5
    assert len(server.visits) == 1


def test_no_command_follows_on_a_connection_before_the_outcome_is_on_disk(
    tmp_path: Path, certificates: Certificates
) -> None:
    with story(tmp_path, certificates, route_connections="1", worker_lease_seconds="10") as acme:
        server = acme.acme_has_a_server({"bdat": (Pause(0.5), "250 2.0.0 ok")})
        ids = acme.waypost.sender.send_many("acme", [Outgoing("reminder", TO, f"{n}", text="x") for n in range(2)])
        eventually(lambda: bool(server.visits) and "MAIL" in server.visits[0].verbs(), what="the first MAIL")

        with acme.waypost.database.transaction() as session:
            session.connection()  # it begins with the first use; nobody else can write from here on
            eventually(lambda: len(server.messages) == 1, what="the first message")
            time.sleep(1)
            assert server.visits[0].verbs().count("MAIL") == 1
            assert acme.report(ids[0])["state"] == "sending"

        assert [acme.settled(message)["state"] for message in ids] == ["sent", "sent"]
        assert len(server.visits) == 1
        assert server.visits[0].verbs().count("MAIL") == 2


def test_after_the_switch_answered_no_transaction_begins_on_the_own_server(acme: Story) -> None:
    server = acme.acme_has_a_server({"bdat": (Pause(0.05), "250 2.0.0 ok")})
    ids = acme.waypost.sender.send_many("acme", [Outgoing("reminder", TO, f"{n}", text="x") for n in range(60)])
    eventually(lambda: len(server.messages) >= 4, what="the first messages")

    acme.waypost.email_settings.disable(acme.tenant_id, actor=COMMAND_LINE)
    at_most = len(server.messages) + acme.waypost.settings.route_connections
    reports = [acme.settled(message) for message in ids]

    assert {report["state"] for report in reports} == {"sent"}
    assert len(server.messages) <= at_most
    assert len(acme.platform.messages) == 60 - len(server.messages)


def test_waiting_for_a_free_connection_is_not_held_against_the_server(
    tmp_path: Path, certificates: Certificates
) -> None:
    with story(tmp_path, certificates, route_connections="1") as acme:
        acme.acme_has_a_server({"rcpt": (Pause(1.2), "250 2.1.5 ok")})
        ids = acme.waypost.sender.send_many("acme", [Outgoing("otp", TO, f"{n}", text="x") for n in range(10)])

        reports = [acme.settled(message, seconds=40) for message in ids]

    assert {(report["state"], report["via"]) for report in reports} == {("sent", "tenant")}


def test_what_expires_while_it_waits_for_a_connection_is_not_sent(tmp_path: Path, certificates: Certificates) -> None:
    with story(tmp_path, certificates, platform_connections="1") as acme:
        acme.platform.scenario["bdat"] = (Pause(1.5), "250 2.0.0 ok")
        soon = acme.clock() + timedelta(seconds=2)
        outgoing = [Outgoing("otp", TO, f"{n}", text="x", expires_at=soon) for n in range(4)]
        ids = acme.waypost.sender.send_many("acme", outgoing)

        states = sorted(acme.settled(message)["state"] for message in ids)

    assert states == ["expired", "expired", "sent", "sent"]
    assert len(acme.platform.messages) == 2


def test_a_missing_vault_key_holds_messages_and_destroys_none(acme: Story) -> None:
    with acme.waypost.database.transaction() as session:
        message = acme.waypost.sender.enqueue(session, "acme", kind="reminder", to=TO, subject="Hi", text="x")
        other = Vault.from_text(new_key())
        sealed = other.seal(Content("Hi", "x").to_bytes(), *message_content.place(acme.tenant_id, message))
        session.get_one(MessageContentRow, message).sealed = sealed

    eventually(lambda: acme.report(message)["state"] == "waiting", what="it to be put back")

    with acme.waypost.database.reading() as session:
        assert session.get_one(MessageContentRow, message).sealed == sealed
    assert acme.audited("email.send_failed") == []


def test_one_token_as_username_and_password_is_a_secret_in_both(acme: Story) -> None:
    acme.acme_has_a_server(password=USERNAME)

    report = acme.settled(acme.send())

    assert (report["state"], report["via"]) == ("sent", "tenant")
    assert acme.waypost.email_settings.saved(acme.tenant_id).settings.username == MARK
    saved = acme.audited("admin.integration_email_smtp_saved")
    assert USERNAME not in str(saved)
