"""The demo's submission servers, spoken to by another client than ours over real sockets and TLS."""

import base64
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest

from portal.demo.folder import DemoFolder
from portal.demo.hosts import ACME, PLATFORM, MailHost
from portal.demo.inbox import Inbox, ReceivedMail
from portal.demo.mail_servers import LARGEST_MESSAGE
from portal.demo.ports import DemoPorts
from portal.demo.switch import is_acme_server_running, start_acme_server, stop_acme_server
from tests.support.demo import trusting


@contextmanager
def starttls(folder: DemoFolder, port: int, host: str = "localhost") -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP(host, port, local_hostname="client.test", timeout=5) as client:
        client.starttls(context=trusting(folder))
        yield client


@contextmanager
def implicit_tls(folder: DemoFolder, port: int) -> Iterator[smtplib.SMTP]:
    context = trusting(folder)
    with smtplib.SMTP_SSL("localhost", port, local_hostname="client.test", timeout=5, context=context) as client:
        yield client


def mail(sender: str = "no-reply@acme.example", to: str = "ada@dest.example") -> EmailMessage:
    message = EmailMessage()
    message["From"] = f"Acme <{sender}>"
    message["Reply-To"] = "help@acme.example"
    message["To"] = to
    message["Subject"] = "Grüße"
    message.set_content("Hello\n.\nthere\n")
    return message


def newest(folder: DemoFolder) -> ReceivedMail:
    return Inbox(folder.inbox).newest(1)[0]


@pytest.mark.parametrize("mode", ["starttls", "implicit TLS"])
def test_acmes_server_takes_acmes_mail_and_leaves_its_trace(
    mode: str, folder: DemoFolder, mail_servers: DemoPorts
) -> None:
    begun = datetime.now(UTC)
    connect = (
        starttls(folder, mail_servers.acme_starttls)
        if mode == "starttls"
        else implicit_tls(folder, mail_servers.acme_tls)
    )

    with connect as client:
        client.login(ACME.username, ACME.password)
        client.send_message(mail())

    received = newest(folder)
    assert received.server == "smtp.acme.example"
    assert received.envelope_from == "no-reply@acme.example"
    assert received.to == ("ada@dest.example",)
    assert (received.arrival.username, received.arrival.tls_version) == ("acme", "TLSv1.3")
    assert begun - timedelta(milliseconds=1) <= received.arrival.received_at <= datetime.now(UTC)
    assert received.from_header == "Acme <no-reply@acme.example>"
    assert received.reply_to == "help@acme.example"
    assert received.subject == "Grüße"
    assert received.text.splitlines() == ["Hello", ".", "there"]
    assert re.fullmatch(
        r"from client\.test \(\[127\.0\.0\.1\]\) \(TLSv1\.3\) by smtp\.acme\.example with ESMTPSA id \w+"
        r" for <ada@dest\.example>; \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}",
        received.received[0],
    )


def test_one_recipient_is_not_told_of_another(folder: DemoFolder, mail_servers: DemoPorts) -> None:
    with starttls(folder, mail_servers.acme_starttls) as client:
        client.login(ACME.username, ACME.password)
        client.send_message(mail(), to_addrs=["ada@dest.example", "bob@dest.example"])

    received = newest(folder)
    assert received.to == ("ada@dest.example", "bob@dest.example")
    assert "for <" not in received.received[0]


def test_an_international_sender_arrives_as_utf8smtpsa(folder: DemoFolder, mail_servers: DemoPorts) -> None:
    with starttls(folder, mail_servers.acme_starttls) as client:
        client.login(ACME.username, ACME.password)
        client.send_message(mail("grüße@acme.example", "józef@dest.example"))

    received = newest(folder)
    assert received.envelope_from == "grüße@acme.example"
    assert received.from_header == "Acme <grüße@acme.example>"
    assert "with UTF8SMTPSA id" in received.received[0]


def test_a_client_cannot_write_its_own_trace(folder: DemoFolder, mail_servers: DemoPorts) -> None:
    with starttls(folder, mail_servers.acme_starttls) as client:
        client.ehlo("x) by gmail.example (with;")
        client.login(ACME.username, ACME.password)
        client.send_message(mail())

    assert newest(folder).received[0].startswith("from x??by?gmail.example??with? ([127.0.0.1])")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_certificate_is_good_for_every_name_the_demo_is_reached_by(
    host: str, folder: DemoFolder, mail_servers: DemoPorts
) -> None:
    with starttls(folder, mail_servers.platform_starttls, host) as client:
        client.login(PLATFORM.username, PLATFORM.password)


@pytest.mark.parametrize("host", [ACME, PLATFORM], ids=lambda host: host.name)
def test_the_certificate_carries_the_servers_own_name(
    host: MailHost, folder: DemoFolder, mail_servers: DemoPorts
) -> None:
    port = mail_servers.acme_starttls if host is ACME else mail_servers.platform_starttls
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
        client._host = host.name  # type: ignore[attr-defined]  # where smtplib keeps the name it will verify
        client.starttls(context=trusting(folder))


def test_a_client_that_does_not_trust_the_demos_root_refuses(mail_servers: DemoPorts) -> None:
    with (
        smtplib.SMTP("localhost", mail_servers.acme_starttls, timeout=5) as client,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        client.starttls(context=ssl.create_default_context())


def test_clear_text_gets_no_further_than_starttls(mail_servers: DemoPorts) -> None:
    with smtplib.SMTP("localhost", mail_servers.acme_starttls, timeout=5) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        assert client.docmd("AUTH", "PLAIN AGFjbWUAeA==")[0] == 530
        assert client.mail("no-reply@acme.example")[0] == 530


@pytest.mark.parametrize(
    ("username", "password"),
    [("acme", "wrong"), ("acme", ""), ("platform", PLATFORM.password), ("ACME", ACME.password), ("ácme", "pässword")],
)
def test_wrong_credentials_are_refused_with_535(
    username: str, password: str, folder: DemoFolder, mail_servers: DemoPorts
) -> None:
    with starttls(folder, mail_servers.acme_starttls) as client:
        client.ehlo()
        plain = base64.b64encode(f"\0{username}\0{password}".encode()).decode()

        assert client.docmd("AUTH", f"PLAIN {plain}") == (535, b"5.7.8 Authentication credentials invalid")


def test_without_a_sign_in_no_mail_is_taken(folder: DemoFolder, mail_servers: DemoPorts) -> None:
    with starttls(folder, mail_servers.acme_starttls) as client:
        client.ehlo()
        assert client.mail("no-reply@acme.example") == (530, b"5.7.0 Authentication required")


@pytest.mark.parametrize(
    "sender", ["ada@dest.example", "no-reply@platform.example", "x@acme.example.evil.example", "x@sub.acme.example"]
)
def test_a_sender_outside_the_accounts_domain_is_refused_with_553(
    sender: str, folder: DemoFolder, mail_servers: DemoPorts
) -> None:
    with starttls(folder, mail_servers.acme_starttls) as client:
        client.login(ACME.username, ACME.password)
        code, text = client.mail(sender)

    assert code == 553
    assert text.decode() == f"5.7.1 <{sender}>: Sender address rejected: not owned by user acme"


def test_the_platforms_server_knows_the_platforms_account_only(folder: DemoFolder, mail_servers: DemoPorts) -> None:
    with starttls(folder, mail_servers.platform_starttls) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(ACME.username, ACME.password)
        client.login(PLATFORM.username, PLATFORM.password)
        assert client.mail("no-reply@acme.example")[0] == 553
        client.send_message(mail("no-reply@platform.example"))

    assert newest(folder).server == "mail.platform.example"


def test_the_size_limit_is_announced_and_held(folder: DemoFolder, mail_servers: DemoPorts) -> None:
    with starttls(folder, mail_servers.acme_starttls) as client:
        client.login(ACME.username, ACME.password)
        assert client.esmtp_features["size"] == str(LARGEST_MESSAGE)
        assert client.mail("no-reply@acme.example", [f"SIZE={LARGEST_MESSAGE + 1}"])[0] == 552


def test_unplugging_drops_connections_and_refuses_new_ones_until_it_is_plugged_in_again(
    folder: DemoFolder, mail_servers: DemoPorts
) -> None:
    with (
        starttls(folder, mail_servers.acme_starttls) as on_starttls,
        implicit_tls(folder, mail_servers.acme_tls) as on_tls,
    ):
        for client in (on_starttls, on_tls):
            client.login(ACME.username, ACME.password)

        stop_acme_server(folder)

        try:
            for client in (on_starttls, on_tls):
                with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
                    client.noop()
            for port in (mail_servers.acme_starttls, mail_servers.acme_tls):
                with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=5):
                    pass
            assert not is_acme_server_running(folder)
            with starttls(folder, mail_servers.platform_starttls) as client:
                assert client.noop()[0] == 250
        finally:
            start_acme_server(folder)

    assert is_acme_server_running(folder)
    with starttls(folder, mail_servers.acme_starttls) as client:
        client.login(ACME.username, ACME.password)
