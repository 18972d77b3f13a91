"""What a tenant may learn of a peer, before and after it has shown to be a mail server (THREATS 3)."""

import asyncio

import pytest

from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.trouble import Trouble
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline
from portal.smtp.dialogue import WITHHELD
from portal.smtp.errors import SubmissionError
from tests.support.scripted_smtp import (
    Close,
    ScriptedServer,
)
from tests.support.smtp_clients import SOON, refused
from tests.support.smtp_routes import client_options, message_of, route_to

STRANGERS = [
    pytest.param({"banner": "554 internal-secret"}, SmtpStage.BANNER, 554, None, id="refuses"),
    pytest.param({"banner": ("421 internal-secret", Close())}, SmtpStage.BANNER, 421, None, id="is busy"),
    pytest.param({"banner": "250 internal-secret"}, SmtpStage.BANNER, None, Trouble.WRONG_CODE, id="greets wrongly"),
    pytest.param({"banner": "internal-secret"}, SmtpStage.BANNER, None, Trouble.NOT_SMTP, id="is something else"),
    pytest.param(
        {"banner": "220 internal-secret", "ehlo": "502 internal-secret"}, SmtpStage.EHLO, 502, None, id="no EHLO"
    ),
    pytest.param(
        {"banner": "220 internal-secret", "ehlo": Close()}, SmtpStage.EHLO, None, Trouble.CONNECTION_LOST, id="goes"
    ),
]


@pytest.mark.parametrize(("scenario", "stage", "code", "trouble"), STRANGERS)
def test_a_tenant_learns_nothing_of_a_peer_that_is_no_mail_server(
    scenario: dict[str, str], stage: SmtpStage, code: int | None, trouble: Trouble | None
) -> None:
    with ScriptedServer(scenario) as server:
        route = route_to(server.port, host="127.0.0.1", guarded=True)
        error, reports = refused(route, client_options(server.port))

    assert (error.stage, error.trouble, error.reply and error.reply.code) == (stage, trouble, code)
    assert error.reply is None or error.reply.lines == (WITHHELD,)
    assert "internal-secret" not in f"{error} {error!r} {error.detail} {reports}"


def test_a_tenant_reads_the_words_of_a_mail_server() -> None:
    with ScriptedServer({"mail": "550 5.7.1 not yours"}) as server:
        route = route_to(server.port, host="127.0.0.1", guarded=True)

        async def deliver() -> tuple[str, ...]:
            connection = await SmtpConnection.open(route, client_options(server.port), deadline=Deadline.after(SOON))
            with pytest.raises(SubmissionError, match="not yours"):
                await connection.submit(message_of(100), deadline=Deadline.after(SOON))
            await connection.quit()
            return connection.transcript

        transcript = asyncio.run(deliver())

    assert transcript[0] == f"S: 220 {WITHHELD}"
    assert "S: 250-smtp.acme.example" in transcript
