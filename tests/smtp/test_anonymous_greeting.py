"""A second look at a server: how it greets in a mode, with no password, no message and no trust."""

import asyncio
import time

import pytest

from portal.domain.routing.smtp_route import TlsMode
from portal.smtp.anonymous_greeting import Greeting, greeting_of
from portal.smtp.deadlines import Deadline
from tests.support.certificates import Certificate, Certificates
from tests.support.scripted_smtp import PASSWORD, Close, Drip, Reset, Scenario, ScriptedServer, Silence
from tests.support.smtp_routes import client_options, route_to

SOON = 1.0


def look(server: ScriptedServer, certificates: Certificates, chosen: TlsMode, tls: TlsMode | None) -> Greeting | None:
    options = client_options(server.port, ca_file=certificates.ca_file)
    route = route_to(server.port, tls=chosen, guarded=True, host="127.0.0.1")
    return asyncio.run(greeting_of(route, "127.0.0.1", options, Deadline.after(SOON), tls=tls))


@pytest.mark.parametrize("shown", [Certificate.GOOD, Certificate.EXPIRED, Certificate.SELF_SIGNED])
@pytest.mark.parametrize(
    ("speaks", "chosen"), [(TlsMode.IMPLICIT, TlsMode.STARTTLS), (TlsMode.STARTTLS, TlsMode.IMPLICIT)]
)
def test_the_mode_a_port_speaks_is_seen_whatever_its_certificate(
    speaks: TlsMode, chosen: TlsMode, shown: Certificate, certificates: Certificates
) -> None:
    with ScriptedServer(tls=speaks, context=certificates.server_context(shown)) as server:
        greeting = look(server, certificates, chosen, speaks)
    assert greeting
    assert greeting.certificate
    assert "S: 250 AUTH PLAIN LOGIN" in greeting.transcript
    assert not server.knows(PASSWORD)
    assert {verb for visit in server.visits for verb in visit.verbs()} <= {"EHLO", "STARTTLS", "QUIT"}


@pytest.mark.parametrize(
    ("speaks", "scenario", "tls"),
    [
        pytest.param(TlsMode.IMPLICIT, {}, TlsMode.STARTTLS, id="TLS, asked in clear text"),
        pytest.param(TlsMode.STARTTLS, {}, TlsMode.IMPLICIT, id="clear text, asked in TLS"),
        pytest.param(TlsMode.NONE, {}, TlsMode.STARTTLS, id="clear text without STARTTLS"),
        pytest.param(TlsMode.IMPLICIT, {"banner": "HTTP/1.1 400 Bad Request"}, TlsMode.IMPLICIT, id="no mail server"),
        pytest.param(TlsMode.IMPLICIT, {"ehlo": "550 go away"}, TlsMode.IMPLICIT, id="refuses to talk"),
        pytest.param(TlsMode.IMPLICIT, {"banner": Silence()}, TlsMode.IMPLICIT, id="silent"),
        pytest.param(TlsMode.IMPLICIT, {"handshake": Close()}, TlsMode.IMPLICIT, id="hangs up"),
        pytest.param(TlsMode.STARTTLS, {"banner": Reset()}, TlsMode.STARTTLS, id="resets"),
        pytest.param(TlsMode.STARTTLS, {"banner": Drip("220-x\r\n")}, TlsMode.STARTTLS, id="drips for ever"),
    ],
)
def test_what_does_not_greet_in_time_in_that_mode_is_none(
    speaks: TlsMode, scenario: Scenario, tls: TlsMode, certificates: Certificates
) -> None:
    context = None if speaks is TlsMode.NONE else certificates.server_context(Certificate.GOOD)
    with ScriptedServer(scenario, tls=speaks, context=context) as server:
        began = time.monotonic()
        assert look(server, certificates, tls, tls) is None
        assert time.monotonic() - began < SOON + 1
