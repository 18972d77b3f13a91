"""A connection from the look-up of its host to the server's last word."""

import asyncio
import time
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import TlsMode
from portal.domain.routing.trouble import Trouble
from portal.smtp.connection import SmtpConnection, StageReport
from portal.smtp.deadlines import Deadline, StageLimits
from portal.smtp.dialing import dial
from portal.smtp.driver import Driver
from portal.smtp.errors import SubmissionError
from portal.smtp.stage_report import StageReporter
from portal.smtp.tls import client_context
from tests.support.certificates import Certificate, Certificates
from tests.support.scripted_smtp import (
    PASSWORD,
    Close,
    Pause,
    ScriptedServer,
    Silence,
)
from tests.support.smtp_clients import SOON, opened, refused
from tests.support.smtp_routes import ENVELOPE, client_options, route_to


def test_bytes_that_slip_in_between_starttls_and_the_handshake_are_found(certificates: Certificates) -> None:
    async def deliver() -> SubmissionError:
        route, limits = route_to(server.port, tls=TlsMode.STARTTLS), StageLimits()
        deadline = Deadline.after(SOON)
        wire = await dial(route.endpoint, [IPv4Address("127.0.0.1")], limits.connect, deadline)
        driver = Driver(route, wire, limits, StageReporter(None))
        for verb in (
            driver.conversation.hear_banner,
            driver.conversation.say_hello,
            driver.conversation.ask_for_tls,
        ):
            await driver.run(verb, deadline)
        await asyncio.sleep(0.3)
        with pytest.raises(SubmissionError) as raised:
            await driver._secure(client_context(certificates.ca_file), deadline)
        return raised.value

    words = ("220 go", Pause(0.1), "250 injected")
    context = certificates.server_context(Certificate.GOOD)
    with ScriptedServer({"starttls": words}, tls=TlsMode.STARTTLS, context=context) as server:
        error = asyncio.run(deliver())

    assert (error.stage, error.trouble) == (SmtpStage.STARTTLS, Trouble.UNASKED_BYTES)
    assert server.visits[0].clear.endswith(b"STARTTLS\r\n")


STAGES = {
    TlsMode.NONE: "resolve connect banner ehlo mail rcpt body dot quit",
    TlsMode.STARTTLS: "resolve connect banner ehlo starttls tls ehlo auth mail rcpt body dot quit",
    TlsMode.IMPLICIT: "resolve connect tls banner ehlo auth mail rcpt body dot quit",
}


@pytest.mark.parametrize("mode", TlsMode)
def test_every_stage_is_reported_as_it_ends(mode: TlsMode, certificates: Certificates) -> None:
    reports: list[StageReport] = []

    async def deliver() -> None:
        connection = await opened(server, client_options(ca_file=certificates.ca_file), reports)
        await connection.submit(ENVELOPE, deadline=Deadline.after(SOON))
        await connection.quit()

    with ScriptedServer(tls=mode, context=certificates.server_context(Certificate.GOOD)) as server:
        asyncio.run(deliver())

    notes = {report.stage: report.note for report in reports}
    assert " ".join(report.stage for report in reports) == STAGES[mode]
    assert all(report.ok and 0 <= report.seconds < SOON for report in reports)
    assert notes[SmtpStage.RESOLVE] == notes[SmtpStage.CONNECT] == "127.0.0.1"
    assert (
        mode is TlsMode.NONE or "certificate valid until 20" in notes[SmtpStage.TLS] or "3000" in notes[SmtpStage.TLS]
    )
    assert mode is TlsMode.NONE or notes[SmtpStage.AUTH] == "AUTH PLAIN"


def test_the_attempts_deadline_holds_where_the_stages_limits_are_long() -> None:
    with ScriptedServer({"banner": Silence()}) as server:
        began = time.monotonic()
        error, _ = refused(route_to(server.port), client_options(), seconds=0.3)

    assert (error.stage, error.trouble) == (SmtpStage.BANNER, Trouble.TIMED_OUT)
    assert time.monotonic() - began < 5


def test_a_password_is_never_sent_in_clear_text_and_neither_is_mail() -> None:
    with ScriptedServer(mechanisms="PLAIN") as server:
        protected = route_to(server.port, tls=TlsMode.IMPLICIT)
        route = replace(protected, endpoint=replace(protected.endpoint, tls=TlsMode.NONE))
        error, _ = refused(route, client_options())

    assert (error.stage, error.trouble) == (SmtpStage.EHLO, Trouble.NO_USABLE_MECHANISM)
    assert server.visits[0].verbs() == ["EHLO"]


def test_a_cancelled_message_leaves_no_half_open_connection_behind() -> None:
    async def deliver() -> bool:
        connection = await opened(server, client_options())
        sending = asyncio.create_task(connection.submit(ENVELOPE, deadline=Deadline.after(SOON)))
        await asyncio.sleep(0.1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        return connection.is_reusable

    with ScriptedServer({"dot": Silence()}) as server:
        assert not asyncio.run(deliver())
        assert server.visits[0].is_over.wait(SOON)


def test_a_farewell_is_not_waited_for_long() -> None:
    async def farewell() -> float:
        connection = await opened(server, client_options(limits=StageLimits(quit=0.2)))
        began = time.monotonic()
        await connection.quit()
        await connection.quit()
        return time.monotonic() - began

    with ScriptedServer({"quit": Silence()}) as server:
        assert asyncio.run(farewell()) < 2
        assert server.visits[0].is_over.wait(SOON)


IDLE_WORDS = [
    pytest.param(("250 ok", Pause(0.1), "421 4.4.2 idle for too long", Close()), 421, id="421"),
    pytest.param(("250 ok", Pause(0.1), Close()), Trouble.CONNECTION_LOST, id="an end"),
    pytest.param(("250 ok", Pause(0.1), "250 and more"), Trouble.UNASKED_BYTES, id="a reply"),
    pytest.param(("250 ok", Pause(0.1), "babble"), Trouble.UNASKED_BYTES, id="babble"),
]


@pytest.mark.parametrize(("words", "outcome"), IDLE_WORDS)
def test_what_a_server_says_while_idle_is_heard_before_the_next_message_is_sent(
    words: tuple[str, ...], outcome: Trouble | int
) -> None:
    async def deliver() -> SubmissionError:
        connection = await opened(server, client_options())
        await connection.submit(ENVELOPE, deadline=Deadline.after(SOON))
        await asyncio.sleep(0.3)
        with pytest.raises(SubmissionError) as raised:
            await connection.submit(ENVELOPE, deadline=Deadline.after(SOON))
        assert not connection.is_reusable
        return raised.value

    with ScriptedServer({"dot": words}) as server:
        error = asyncio.run(deliver())

    assert (error.stage, error.trouble or (error.reply and error.reply.code)) == (SmtpStage.MAIL, outcome)
    assert not error.may_have_been_accepted
    assert len(server.messages) == 1


def test_the_final_reply_may_take_longer_than_all_before_it(certificates: Certificates) -> None:
    with ScriptedServer({"bdat": (Pause(0.6), "250 2.0.0 late")}) as server:

        async def hand_over() -> SmtpReply:
            options = client_options(server.port, ca_file=certificates.ca_file)
            connection = await SmtpConnection.open(route_to(server.port), options, deadline=Deadline.after(5))
            try:
                return await connection.submit(ENVELOPE, deadline=Deadline.after(0.3), final_deadline=Deadline.after(5))
            finally:
                connection.abort()

        assert asyncio.run(hand_over()).text == "2.0.0 late"


def test_a_failed_opening_tells_what_was_said(certificates: Certificates) -> None:
    context = certificates.server_context(Certificate.GOOD)
    with ScriptedServer({"password": "535 5.7.8 no"}, tls=TlsMode.STARTTLS, context=context) as server:
        options = client_options(server.port, ca_file=certificates.ca_file)
        route = route_to(server.port, tls=TlsMode.STARTTLS)

        with pytest.raises(SubmissionError) as refused:
            asyncio.run(SmtpConnection.open(route, options, deadline=Deadline.after(5)))

    assert any("535 5.7.8 no" in line for line in refused.value.transcript)
    assert not any(PASSWORD in line for line in refused.value.transcript)
