"""Only a server that proves its name gets to see anything, and a refusal says what is wrong (THREATS 9 and 10)."""

import asyncio

import pytest

from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import TlsMode
from portal.domain.routing.trouble import Trouble
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline
from portal.smtp.errors import SubmissionError
from portal.smtp.tls import client_context
from tests.support.certificates import Certificate, Certificates
from tests.support.scripted_smtp import PASSWORD, Close, ScriptedServer
from tests.support.smtp_routes import client_options, route_to

ENCRYPTED = [TlsMode.STARTTLS, TlsMode.IMPLICIT]
REFUSED = [
    (Certificate.EXPIRED, Trouble.CERTIFICATE_EXPIRED, "expired on 2020-02-29"),
    (Certificate.OTHER_NAME, Trouble.CERTIFICATE_NAME, "it is for mail.hoster.example, *.hoster.example"),
    (
        Certificate.ONLY_COMMON_NAME,
        Trouble.CERTIFICATE_NAME,
        "Hostname mismatch, certificate is not valid for 'localhost'.",
    ),
    (Certificate.SELF_SIGNED, Trouble.CERTIFICATE_SELF_SIGNED, "self-signed certificate"),
    (Certificate.UNKNOWN_AUTHORITY, Trouble.CERTIFICATE, "unable to get local issuer certificate"),
    (Certificate.OLD_TLS, Trouble.TLS_VERSION, "tlsv1 alert protocol version"),
]


def refusal(
    server: ScriptedServer, certificates: Certificates, *, guarded: bool = False, host: str = "localhost"
) -> SubmissionError:
    options = client_options(server.port, ca_file=certificates.ca_file)
    route = route_to(server.port, tls=server.tls, guarded=guarded, host=host)
    with pytest.raises(SubmissionError) as raised:
        asyncio.run(SmtpConnection.open(route, options, deadline=Deadline.after(20)))
    return raised.value


@pytest.mark.parametrize("mode", ENCRYPTED)
@pytest.mark.parametrize(("shown", "trouble", "detail"), REFUSED)
def test_a_wrong_certificate_is_refused_with_its_reason(
    shown: Certificate, trouble: Trouble, detail: str, mode: TlsMode, certificates: Certificates
) -> None:
    with ScriptedServer(tls=mode, context=certificates.server_context(shown)) as server:
        error = refusal(server, certificates)

    assert (error.stage, error.trouble, error.detail) == (SmtpStage.TLS, trouble, detail)
    assert not server.knows(PASSWORD)
    assert not any("AUTH" in visit.verbs() for visit in server.visits)


@pytest.mark.parametrize("mode", ENCRYPTED)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "smtp.acme.example"])
def test_a_name_or_an_address_is_verified(host: str, mode: TlsMode, certificates: Certificates) -> None:
    async def summary() -> str | None:
        options = client_options(server.port, ca_file=certificates.ca_file)
        route = route_to(server.port, tls=mode, host=host, guarded=host != "localhost")
        connection = await SmtpConnection.open(route, options, deadline=Deadline.after(20))
        assert connection.certificate_expires_at is not None
        await connection.quit()
        return connection.tls_summary

    with ScriptedServer(tls=mode, context=certificates.server_context(Certificate.GOOD)) as server:
        assert (asyncio.run(summary()) or "").startswith("TLSv1.3 TLS_")


def test_a_good_certificate_for_another_of_its_names_is_not_good_enough(certificates: Certificates) -> None:
    context = certificates.server_context(Certificate.OTHER_NAME)
    with ScriptedServer(tls=TlsMode.IMPLICIT, context=context) as server:
        error = refusal(server, certificates, guarded=True, host="smtp.acme.example")

    assert error.trouble is Trouble.CERTIFICATE_NAME


def test_without_the_operators_ca_its_servers_are_strangers(certificates: Certificates) -> None:
    with ScriptedServer(tls=TlsMode.IMPLICIT, context=certificates.server_context(Certificate.GOOD)) as server:
        options = client_options(server.port)
        with pytest.raises(SubmissionError) as raised:
            asyncio.run(
                SmtpConnection.open(route_to(server.port, tls=server.tls), options, deadline=Deadline.after(20))
            )

    assert raised.value.trouble is Trouble.CERTIFICATE


def test_names_are_told_only_of_a_peer_that_is_a_mail_server(certificates: Certificates) -> None:
    context = certificates.server_context(Certificate.OTHER_NAME)
    with ScriptedServer({"banner": ("HTTP/1.1 400", Close())}, tls=TlsMode.IMPLICIT, context=context) as server:
        error = refusal(server, certificates, guarded=True, host="127.0.0.1")

    assert error.trouble is Trouble.CERTIFICATE_NAME
    assert "hoster" not in error.detail


def test_the_context_is_made_once_and_verifies(certificates: Certificates) -> None:
    context = client_context(certificates.ca_file)

    assert context is client_context(certificates.ca_file)
    assert context.check_hostname
    assert not context.hostname_checks_common_name
    assert context.verify_mode.name == "CERT_REQUIRED"
    assert context.minimum_version.name == "TLSv1_2"
