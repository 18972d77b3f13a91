"""The whole product with a real mail server as the tenant's: Postfix with Dovecot's sign-in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.domain.routing.smtp_route import TlsMode
from tests.support.certificates import Certificates
from tests.support.name_server import NameServer
from tests.support.postfix import BUSY, HOST, NOT_OURS, PASSWORD, SENDER, UNKNOWN, USERNAME, Postfix
from tests.support.story import Story, story

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def acme(tmp_path: Path, certificates: Certificates, postfix: Postfix) -> Iterator[Story]:
    both = tmp_path / "both.pem"
    both.write_text(Path(certificates.ca_file).read_text() + Path(postfix.ca_file).read_text())
    zone = f"{HOST} A 127.0.0.1"
    with (
        NameServer(zone) as names,
        story(tmp_path, certificates, ca_file=str(both), dns_servers="{}:{}".format(*names.address)) as it,
    ):
        yield it


def settings(postfix: Postfix, mode: TlsMode, **changes: Any) -> dict[str, Any]:
    port = postfix.tls_port if mode is TlsMode.IMPLICIT else postfix.starttls_port
    return {
        "host": HOST,
        "port": port,
        "security": mode,
        "username": USERNAME,
        "password": PASSWORD,
        "from_address": SENDER,
        "from_name": "Acme",
        "reply_to": "help@acme.example",
    } | changes


@pytest.mark.parametrize("mode", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
def test_a_tenants_mail_is_in_the_maildir_with_esmtpsa_in_received(
    acme: Story, postfix: Postfix, mode: TlsMode
) -> None:
    acme.acme_uses(0, given=settings(postfix, mode))

    report = acme.settled(acme.send(subject="Grüße"))

    assert (report["state"], report["via"]) == ("sent", "tenant")
    mail = postfix.delivered(report["message_id"])
    received = str(mail["Received"])
    assert "with ESMTPSA" in received
    assert f"by {HOST}" in received
    assert "mail.platform.example" in received  # our EHLO name, not the machine's
    assert (mail["From"], mail["Reply-To"]) == (f"Acme <{SENDER}>", "help@acme.example")
    assert acme.platform.visits == []


FAULTS: list[tuple[str, dict[str, Any], str, str]] = [
    ("a wrong password", {"password": "wrong"}, "ROUTE_AUTH", "auth"),
    ("a sender that is not ours", {"from_address": NOT_OURS}, "ROUTE_SENDER", "rcpt"),
]


@pytest.mark.parametrize(("changes", "fault", "stage"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
@pytest.mark.parametrize("mode", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
def test_a_refusal_of_the_route_has_its_class_and_the_platform_takes_over(
    acme: Story, postfix: Postfix, mode: TlsMode, changes: dict[str, Any], fault: str, stage: str
) -> None:
    acme.acme_uses(0, given=settings(postfix, mode, **changes))

    report = acme.settled(acme.send())

    assert [(a["class"], a["stage"]) for a in report["attempts"]] == [(fault, stage), ("OK", "dot")]
    assert (report["state"], report["via"]) == ("sent", "platform")
    assert len(acme.platform.messages) == 1


def test_ssl_on_the_starttls_port_has_its_class(acme: Story, postfix: Postfix) -> None:
    given = settings(postfix, TlsMode.IMPLICIT, port=postfix.starttls_port)
    acme.acme_uses(0, given=given, tls=TlsMode.IMPLICIT)

    report = acme.settled(acme.send())

    assert report["attempts"][0]["class"] == "ROUTE_PERM"
    assert "wrong version number" in report["attempts"][0]["reply"]


def test_starttls_on_the_ssl_port_costs_ten_seconds_at_most_for_a_sign_in_code(acme: Story, postfix: Postfix) -> None:
    acme.acme_uses(0, given=settings(postfix, TlsMode.STARTTLS, port=postfix.tls_port))

    report = acme.settled(acme.send("otp"), seconds=25)

    assert report["attempts"][0]["class"] == "ROUTE_TEMP"  # both sides wait for the other's first word
    assert (report["state"], report["via"]) == ("sent", "platform")


def test_a_certificate_nobody_vouches_for_has_its_class_and_gets_no_password(
    tmp_path: Path, certificates: Certificates, postfix: Postfix
) -> None:
    with (
        NameServer(f"{HOST} A 127.0.0.1") as names,
        story(tmp_path, certificates, dns_servers="{}:{}".format(*names.address)) as acme,
    ):
        acme.acme_uses(0, given=settings(postfix, TlsMode.STARTTLS))

        report = acme.settled(acme.send())

    assert (report["attempts"][0]["class"], report["attempts"][0]["stage"]) == ("ROUTE_CERT", "tls")
    assert report["via"] == "platform"


@pytest.mark.parametrize(
    ("to", "fault", "state"),
    [
        pytest.param(UNKNOWN, "RCPT_PERM", "failed", id="an unknown recipient"),
        pytest.param(BUSY, "RCPT_TEMP", "waiting", id="a busy mailbox"),
    ],
)
def test_what_the_recipient_causes_has_its_class_and_never_falls_back(
    acme: Story, postfix: Postfix, to: str, fault: str, state: str
) -> None:
    acme.acme_uses(0, given=settings(postfix, TlsMode.STARTTLS))

    report = acme.settled(acme.send(to=to))

    assert (report["state"], [a["class"] for a in report["attempts"]]) == (state, [fault])
    assert acme.platform.visits == []
