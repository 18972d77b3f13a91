"""Our SMTP client against Postfix and Dovecot, as a tenant's server has them."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from email.utils import make_msgid
from ipaddress import ip_network

import pytest

from portal.dns_resolver import DnsResolver
from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.fault import Fault, classify
from portal.domain.routing.smtp_route import AuthChoice, SmtpRoute, TlsMode
from portal.domain.routing.trouble import Trouble
from portal.smtp.client_options import ClientOptions
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline, StageLimits
from portal.smtp.endpoint_guard import GuardRules
from portal.smtp.envelope import Envelope
from portal.smtp.errors import SubmissionError
from portal.smtp.pool import SmtpPool
from tests.support.name_server import NameServer
from tests.support.postfix import BUSY, HOST, MAILBOX, NOT_OURS, PASSWORD, SENDER, UNKNOWN, USERNAME, Postfix
from tests.support.smtp_routes import route_to

pytestmark = pytest.mark.peers

ZONE = f"{HOST}. A 127.0.0.1\nother.acme.example. A 127.0.0.1"
MODES = (TlsMode.STARTTLS, TlsMode.IMPLICIT)
SERVICES = {TlsMode.STARTTLS: "submission", TlsMode.IMPLICIT: "smtps"}
"""How Postfix's log names its ports."""
BODY = "first\r\n.second begins with a dot\r\n..third with two\r\n.\r\nlast\r\n"


@pytest.fixture(scope="module")
def resolver() -> Iterator[DnsResolver]:
    with NameServer(ZONE) as server:
        yield DnsResolver([server.address])


@pytest.fixture
def options(postfix: Postfix, resolver: DnsResolver) -> ClientOptions:
    return ClientOptions(
        resolver=resolver,
        rules=GuardRules((ip_network("127.0.0.1/32"),), frozenset({postfix.starttls_port, postfix.tls_port})),
        limits=StageLimits(banner=2),
        ca_file=str(postfix.ca_file),
    )


def route(
    postfix: Postfix, mode: TlsMode, *, host: str = HOST, username: str = USERNAME, password: str = PASSWORD
) -> SmtpRoute:
    port = postfix.tls_port if mode is TlsMode.IMPLICIT else postfix.starttls_port
    return route_to(port, tls=mode, host=host, username=username, password=password, guarded=True)


def letter(recipient: str = MAILBOX, *, sender: str = SENDER, body: str = BODY) -> tuple[Envelope, str]:
    """A message and its Message-ID."""
    message_id = make_msgid(domain="acme.example")
    header = f"From: Acme <{sender}>\r\nTo: {recipient}\r\nReply-To: help@acme.example\r\nMessage-ID: {message_id}\r\n"
    return Envelope(sender, recipient, f"{header}\r\n{body}".encode()), message_id


def submit(route: SmtpRoute, options: ClientOptions, *envelopes: Envelope) -> list[SmtpReply]:
    async def over_one_connection() -> list[SmtpReply]:
        connection = await SmtpConnection.open(route, options, deadline=Deadline.after(10))
        try:
            return [await connection.submit(envelope, deadline=Deadline.after(10)) for envelope in envelopes]
        finally:
            await connection.quit()

    return asyncio.run(over_one_connection())


def refusal(route: SmtpRoute, options: ClientOptions, *envelopes: Envelope) -> tuple[SubmissionError, Fault]:
    with pytest.raises(SubmissionError) as refused:
        submit(route, options, *(envelopes or [letter()[0]]))
    error, host = refused.value, route.endpoint.host
    if error.reply is None:
        return error, classify(error.stage, None, None, str(error.trouble), host)
    return error, classify(error.stage, error.reply.code, error.reply.enhanced, error.reply.text, host)


@pytest.mark.parametrize("mode", MODES)
def test_a_message_lands_in_the_maildir_as_it_was_written(
    postfix: Postfix, options: ClientOptions, mode: TlsMode
) -> None:
    envelope, message_id = letter()

    (reply,) = submit(route(postfix, mode), options, envelope)

    delivered = postfix.delivered(message_id)
    assert reply.code == 250
    assert "with ESMTPSA" in delivered["Received"]
    assert "TLSv1.3" in delivered["Received"]
    assert (delivered["Return-Path"], delivered["Reply-To"]) == (f"<{SENDER}>", "help@acme.example")
    assert delivered.get_payload() == BODY.replace("\r\n", "\n")


@pytest.mark.parametrize("auth", [AuthChoice.PLAIN, AuthChoice.LOGIN])
def test_both_mechanisms_sign_in(postfix: Postfix, options: ClientOptions, auth: AuthChoice) -> None:
    (reply,) = submit(replace(route(postfix, TlsMode.STARTTLS), auth=auth), options, letter()[0])

    assert reply.code == 250


@pytest.mark.parametrize("mode", MODES)
def test_several_messages_take_one_connection(postfix: Postfix, options: ClientOptions, mode: TlsMode) -> None:
    letters = [letter() for _ in range(5)]

    replies = submit(route(postfix, mode), options, *(envelope for envelope, _ in letters))

    assert [reply.code for reply in replies] == [250] * 5
    for _, message_id in letters:
        postfix.delivered(message_id)
    postfix.logged(rf"{SERVICES[mode]}/smtpd.*: disconnect from .* mail=5 rcpt=5 ")


def test_a_pool_keeps_the_connection_for_the_next_message(postfix: Postfix, options: ClientOptions) -> None:
    letters = [letter() for _ in range(3)]

    async def one_by_one() -> None:
        pool = SmtpPool(options, check_after_idle_seconds=0)
        for envelope, _ in letters:
            connection = await pool.take(route(postfix, TlsMode.STARTTLS), deadline=Deadline.after(10))
            await connection.submit(envelope, deadline=Deadline.after(10))
            pool.give_back(connection)
        await pool.close()

    asyncio.run(one_by_one())

    for _, message_id in letters:
        postfix.delivered(message_id)
    postfix.logged(": disconnect from .* mail=3 rcpt=3 ")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("sender", "recipient", "said", "fault"),
    [
        pytest.param(SENDER, UNKNOWN, "550 5.1.1", Fault.RCPT_PERM, id="unknown recipient"),
        pytest.param(SENDER, BUSY, "450 4.2.1", Fault.RCPT_TEMP, id="mailbox busy"),
        pytest.param(NOT_OURS, MAILBOX, "553 5.7.1", Fault.ROUTE_SENDER, id="sender not owned"),
    ],
)
def test_a_refused_message_has_its_class(
    postfix: Postfix, options: ClientOptions, mode: TlsMode, sender: str, recipient: str, said: str, fault: Fault
) -> None:
    envelope, message_id = letter(recipient, sender=sender)

    error, found = refusal(route(postfix, mode), options, envelope)

    assert str(error.reply).startswith(said)
    assert (error.stage, found) == (SmtpStage.RCPT, fault)
    assert not error.may_have_been_accepted
    assert message_id not in [message["Message-ID"] for message in postfix.messages()]


@pytest.mark.parametrize("mode", MODES)
def test_the_next_message_goes_out_after_a_refused_one(postfix: Postfix, options: ClientOptions, mode: TlsMode) -> None:
    refused, (accepted, message_id) = letter(UNKNOWN)[0], letter()

    async def one_after_the_other() -> None:
        connection = await SmtpConnection.open(route(postfix, mode), options, deadline=Deadline.after(10))
        with pytest.raises(SubmissionError):
            await connection.submit(refused, deadline=Deadline.after(10))
        assert connection.is_reusable
        await connection.submit(accepted, deadline=Deadline.after(10))
        await connection.quit()

    asyncio.run(one_after_the_other())

    postfix.delivered(message_id)


def test_a_message_over_the_announced_size_is_not_sent(postfix: Postfix, options: ClientOptions) -> None:
    error, fault = refusal(route(postfix, TlsMode.STARTTLS), options, letter(body="x" * 70 + "\r\n" * 3_000_000)[0])

    assert (error.stage, error.trouble, fault) == (SmtpStage.MAIL, Trouble.TOO_LARGE, Fault.MSG_PERM)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("auth", [AuthChoice.AUTO, AuthChoice.PLAIN, AuthChoice.LOGIN])
def test_a_wrong_password_is_tried_once(
    postfix: Postfix, options: ClientOptions, mode: TlsMode, auth: AuthChoice
) -> None:
    username = f"{auth}.{mode}@acme.example"
    mistyped = route(postfix, mode, username=username, password="wrong")

    error, fault = refusal(replace(mistyped, auth=auth), options)

    assert str(error.reply).startswith("535 5.7.8")
    assert (error.stage, fault) == (SmtpStage.AUTH, Fault.ROUTE_AUTH)
    failed = rf"smtpd\[(\d+)\]: .* authentication failed: .*, sasl_username={username}\n"
    assert postfix.logged(rf"{failed}(?:.*\n)*?.*smtpd\[\1\]: disconnect from .* auth=(\S+)")[2] == "0/1"


@pytest.mark.parametrize(
    ("mode", "port_of", "host", "failure", "fault"),
    [
        pytest.param(
            TlsMode.IMPLICIT,
            TlsMode.STARTTLS,
            HOST,
            (SmtpStage.TLS, Trouble.SPEAKS_CLEAR_TEXT),
            Fault.ROUTE_PERM,
            id="TLS to the STARTTLS port",
        ),
        pytest.param(
            TlsMode.STARTTLS,
            TlsMode.IMPLICIT,
            HOST,
            (SmtpStage.BANNER, Trouble.TIMED_OUT),  # both sides wait for the other to begin
            Fault.ROUTE_TEMP,
            id="STARTTLS to the TLS port",
        ),
        pytest.param(
            TlsMode.STARTTLS,
            TlsMode.STARTTLS,
            "other.acme.example",
            (SmtpStage.TLS, Trouble.CERTIFICATE_NAME),
            Fault.ROUTE_CERT,
            id="another name, STARTTLS",
        ),
        pytest.param(
            TlsMode.IMPLICIT,
            TlsMode.IMPLICIT,
            "other.acme.example",
            (SmtpStage.TLS, Trouble.CERTIFICATE_NAME),
            Fault.ROUTE_CERT,
            id="another name, TLS",
        ),
        pytest.param(
            TlsMode.STARTTLS,
            TlsMode.STARTTLS,
            "gone.acme.example",
            (SmtpStage.RESOLVE, Trouble.NO_SUCH_HOST),
            Fault.ROUTE_TEMP,  # the first time; a minute later it is for good
            id="a name that is not there",
        ),
    ],
)
def test_a_wrong_port_mode_or_name_has_its_class(
    postfix: Postfix,
    options: ClientOptions,
    mode: TlsMode,
    port_of: TlsMode,
    host: str,
    failure: tuple[SmtpStage, Trouble],
    fault: Fault,
) -> None:
    port = route(postfix, port_of).endpoint.port
    mistaken = route(postfix, mode, host=host)

    error, found = refusal(replace(mistaken, endpoint=replace(mistaken.endpoint, port=port)), options)

    assert (error.stage, error.trouble) == failure
    assert found is fault


@pytest.mark.parametrize("mode", MODES)
def test_a_certificate_nobody_vouches_for_gets_no_password(
    postfix: Postfix, options: ClientOptions, mode: TlsMode
) -> None:
    error, fault = refusal(route(postfix, mode), replace(options, ca_file=None))

    assert (error.stage, error.trouble, fault) == (SmtpStage.TLS, Trouble.CERTIFICATE, Fault.ROUTE_CERT)
    refused = rf"{SERVICES[mode]}/smtpd\[(\d+)\]: SSL_accept error .*\n.*alert unknown ca"
    assert "auth=" not in postfix.logged(rf"{refused}(?:.*\n)*?.*smtpd\[\1\]: (disconnect from .*)")[2]


def test_a_route_without_tls_is_refused_where_the_server_requires_it(postfix: Postfix, options: ClientOptions) -> None:
    in_clear = route_to(postfix.starttls_port, tls=TlsMode.NONE, host=HOST, guarded=True)

    error, fault = refusal(in_clear, options)

    assert str(error.reply) == "530 5.7.0 Must issue a STARTTLS command first"
    assert (error.stage, fault) == (SmtpStage.MAIL, Fault.ROUTE_PERM)
