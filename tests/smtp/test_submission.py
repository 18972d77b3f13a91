"""A message arrives whole, in few round trips; a refused one leaves nothing behind."""

import asyncio
from dataclasses import replace

import pytest

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import AuthChoice, TlsMode
from portal.domain.routing.trouble import Trouble
from portal.smtp.deadlines import Deadline, StageLimits
from portal.smtp.envelope import Envelope
from portal.smtp.errors import SubmissionError
from tests.support.certificates import Certificate, Certificates
from tests.support.scripted_smtp import (
    MIB,
    ONE_FLIGHT,
    PASSWORD,
    PIPELINED,
    STEPWISE,
    Pause,
    ScriptedServer,
    Silence,
)
from tests.support.smtp_clients import SOON, opened
from tests.support.smtp_routes import ENVELOPE, MESSAGE, client_options, message_of

QUEUED = SmtpReply(250, ("2.0.0 queued as 4711",))

ROUND_TRIPS = [
    pytest.param(STEPWISE, 4, id="neither"),
    pytest.param((*STEPWISE, "CHUNKING"), 3, id="CHUNKING"),
    pytest.param(PIPELINED, 2, id="PIPELINING"),
    pytest.param(ONE_FLIGHT, 1, id="PIPELINING and CHUNKING"),
]


@pytest.mark.parametrize("mode", TlsMode)
@pytest.mark.parametrize("auth", [AuthChoice.PLAIN, AuthChoice.LOGIN])
@pytest.mark.parametrize(("offers", "round_trips"), ROUND_TRIPS)
def test_a_message_arrives_whole_in_as_few_round_trips_as_the_server_allows(
    offers: tuple[str, ...], round_trips: int, auth: AuthChoice, mode: TlsMode, certificates: Certificates
) -> None:
    async def deliver() -> int:
        connection = await opened(server, options, auth=auth)
        before = server.visits[0].turns
        assert await connection.submit(ENVELOPE, deadline=Deadline.after(SOON)) == QUEUED
        turns = server.visits[0].turns - before
        assert connection.is_reusable
        await connection.quit()
        return turns

    options = client_options(ca_file=certificates.ca_file)
    with ScriptedServer(tls=mode, context=certificates.server_context(Certificate.GOOD), offers=offers) as server:
        assert asyncio.run(deliver()) == round_trips
        server.visits[0].is_over.wait(SOON)

    [message] = server.messages
    assert (message.sender, message.recipient, message.data) == (ENVELOPE.sender, ENVELOPE.recipient, MESSAGE)
    assert server.visits[0].verbs()[-1] == "QUIT"
    assert not server.overheard(PASSWORD)


@pytest.mark.parametrize("mode", [TlsMode.NONE, TlsMode.IMPLICIT])
@pytest.mark.parametrize("offers", [STEPWISE, PIPELINED, ONE_FLIGHT])
def test_a_large_message_arrives_whole(offers: tuple[str, ...], mode: TlsMode, certificates: Certificates) -> None:
    lines = b"".join(b".%d begins with a dot\r\n.\r\n" % number for number in range(100_000))
    envelope = replace(ENVELOPE, data=b"Subject: large\r\n\r\n" + lines)

    async def deliver() -> None:
        connection = await opened(server, client_options(ca_file=certificates.ca_file))
        await connection.submit(envelope, deadline=Deadline.after(SOON))
        await connection.quit()

    with ScriptedServer(tls=mode, context=certificates.server_context(Certificate.GOOD), offers=offers) as server:
        asyncio.run(deliver())

    assert server.messages[0].data == envelope.data


def test_what_a_message_needs_is_announced() -> None:
    envelope = Envelope("büro@acme.example", "ada@dest.example", "Subject: Grüße\r\n\r\nschön\r\n".encode())

    async def deliver() -> None:
        connection = await opened(server, client_options())
        await connection.submit(envelope, deadline=Deadline.after(SOON))
        await connection.submit(ENVELOPE, deadline=Deadline.after(SOON))
        await connection.quit()

    with ScriptedServer() as server:
        asyncio.run(deliver())

    international, plain = server.messages
    assert international.mail_parameters == f"SIZE={len(envelope.data)} BODY=8BITMIME SMTPUTF8"
    assert plain.mail_parameters == f"SIZE={len(MESSAGE)}"


@pytest.mark.parametrize("offers", [STEPWISE, PIPELINED, ONE_FLIGHT])
@pytest.mark.parametrize("step", ["mail", "rcpt"])
def test_after_a_refusal_the_connection_serves_the_next_message(step: str, offers: tuple[str, ...]) -> None:
    async def deliver() -> None:
        connection = await opened(server, client_options())
        with pytest.raises(SubmissionError) as raised:
            await connection.submit(ENVELOPE, deadline=Deadline.after(SOON))
        assert raised.value.stage == step
        assert connection.is_reusable
        await connection.submit(ENVELOPE, deadline=Deadline.after(SOON))
        assert connection.transactions == 2
        await connection.quit()

    with ScriptedServer({step: ["550 5.1.1 no", "250 ok"]}, offers=offers) as server:
        asyncio.run(deliver())

    verbs = server.visits[0].verbs()
    assert verbs.index("RSET") < len(verbs) - verbs[::-1].index("MAIL")
    assert [message.data for message in server.messages] == [MESSAGE]


def test_a_refusal_is_not_told_again_of_the_next_message() -> None:
    async def deliver() -> SubmissionError:
        connection = await opened(server, client_options(limits=StageLimits(mail=0.2)))
        with pytest.raises(SubmissionError):
            await connection.submit(ENVELOPE, deadline=Deadline.after(SOON))
        with pytest.raises(SubmissionError) as raised:
            await connection.submit(ENVELOPE, deadline=Deadline.after(SOON))
        return raised.value

    with ScriptedServer({"rcpt": "550 5.1.1 no such user", "rset": Silence()}) as server:
        error = asyncio.run(deliver())

    assert (error.stage, error.trouble, error.reply) == (SmtpStage.MAIL, Trouble.TIMED_OUT, None)


def test_the_lone_dot_that_ends_a_data_without_recipients_carries_no_message() -> None:
    async def deliver() -> None:
        connection = await opened(server, client_options())
        with pytest.raises(SubmissionError):
            await connection.submit(ENVELOPE, deadline=Deadline.after(SOON))
        assert connection.is_reusable
        await connection.quit()

    with ScriptedServer({"rcpt": "550 5.1.1 no", "data": "354 go"}, offers=PIPELINED) as server:
        asyncio.run(deliver())

    assert b"first" not in server.visits[0].clear
    assert b"DATA\r\n.\r\n" in server.visits[0].clear


def test_data_that_was_opened_for_a_refused_sender_is_not_ended() -> None:
    async def deliver() -> None:
        connection = await opened(server, client_options())
        with pytest.raises(SubmissionError, match="550"):
            await connection.submit(ENVELOPE, deadline=Deadline.after(SOON))
        assert not connection.is_reusable

    with ScriptedServer({"mail": "550 no", "rcpt": "250 ok", "data": "354 go"}, offers=PIPELINED) as server:
        asyncio.run(deliver())
        server.visits[0].is_over.wait(SOON)

    assert server.visits[0].clear.endswith(b"DATA\r\n")


def test_the_rest_of_what_was_refused_is_not_written() -> None:
    envelope = message_of(32 * MIB)

    async def deliver() -> None:
        connection = await opened(server, client_options())
        with pytest.raises(SubmissionError, match="550"):
            await connection.submit(envelope, deadline=Deadline.after(SOON))
        assert not connection.is_reusable

    with ScriptedServer({"mail": ("550 no", Pause(0.2))}) as server:
        asyncio.run(deliver())
        server.visits[0].is_over.wait(SOON)

    assert len(server.visits[0].clear) < len(envelope.data)
