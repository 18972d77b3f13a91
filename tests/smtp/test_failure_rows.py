"""Every row of FAILURES that a server can play is played, and read as the table says."""

import asyncio

import pytest

from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.fault import Fault
from portal.domain.routing.smtp_route import TlsMode
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline, StageLimits
from portal.smtp.errors import SubmissionError
from tests.support.certificates import Certificate, Certificates
from tests.support.failure_rows import FAILURE_ROWS, FailureRow
from tests.support.scripted_smtp import (
    ONE_FLIGHT,
    PIPELINED,
    STEPWISE,
    Close,
    Deed,
    Pause,
    Reset,
    ScriptedServer,
    Silence,
)
from tests.support.smtp_routes import ENVELOPE, client_options, route_to

LIMITS = StageLimits(banner=0.6, auth=0.6, mail=0.6, rcpt=0.6, dot=0.6, tls=0.6)
"""Short, for servers that stay silent; nothing else waits."""

DEEDS: dict[str, Deed] = {
    "connection lost": Close(),
    "Connection reset by peer": (Pause(0.3), Reset()),  # at once, it would meet the connect
    "timed out": Silence(),
    "not SMTP": "HTTP/1.1 400 Bad Request",
    "reply over limits": "250 " + "x" * 5000,
}
TLS_OF = {SmtpStage.STARTTLS: TlsMode.STARTTLS, SmtpStage.TLS: TlsMode.IMPLICIT, SmtpStage.AUTH: TlsMode.IMPLICIT}
STEP_OF = {SmtpStage.TLS: "handshake", SmtpStage.AUTH: "password"}
ONLY_ON_PAPER = (SmtpStage.RESOLVE, SmtpStage.CONNECT, SmtpStage.BODY)

SPOKEN = [row for row in FAILURE_ROWS if row.code]
ACTED = [row for row in FAILURE_ROWS if row.text in DEEDS and row.stage not in ONLY_ON_PAPER]
IN_FLIGHT = (SmtpStage.MAIL, SmtpStage.RCPT, SmtpStage.DOT)


def _is_nonsense(row: FailureRow) -> bool:
    return row.fault is Fault.ROUTE_PROTOCOL


def _play(row: FailureRow, deed: Deed, offers: tuple[str, ...], certificates: Certificates) -> SubmissionError | None:
    """Hold the whole conversation, QUIT included, with a server that does this at the row's stage."""
    tls = TLS_OF.get(row.stage, TlsMode.NONE)
    context = certificates.server_context(Certificate.GOOD) if tls is not TlsMode.NONE else None
    scenario = {STEP_OF.get(row.stage, row.stage.value): deed}
    with ScriptedServer(scenario, tls=tls, context=context, offers=offers) as server:
        return asyncio.run(
            _converse(server.port, tls, certificates.ca_file, limits=StageLimits() if row.code else LIMITS)
        )


async def _converse(port: int, tls: TlsMode, ca_file: str, *, limits: StageLimits) -> SubmissionError | None:
    deadline = Deadline.after(10)
    options = client_options(port, ca_file=ca_file, limits=limits)
    try:
        connection = await SmtpConnection.open(route_to(port, tls=tls), options, deadline=deadline)
    except SubmissionError as failure:
        return failure
    try:
        await connection.submit(ENVELOPE, deadline=deadline)
    except SubmissionError as failure:
        return failure
    finally:
        await connection.quit()
    return None


def _fault(row: FailureRow, failure: SubmissionError | None) -> Fault:
    if failure is None:
        return Fault.OK
    assert failure.stage is row.stage
    return failure.fault_at(row.host or "")


@pytest.mark.parametrize("row", SPOKEN, ids=str)
def test_what_a_server_says_step_by_step(row: FailureRow, certificates: Certificates) -> None:
    assert _fault(row, _play(row, row.line, STEPWISE, certificates)) is row.fault


@pytest.mark.parametrize("row", [row for row in SPOKEN if row.stage is SmtpStage.DATA], ids=str)
def test_what_a_server_says_to_pipelined_commands(row: FailureRow, certificates: Certificates) -> None:
    assert _fault(row, _play(row, row.line, PIPELINED, certificates)) is row.fault


@pytest.mark.parametrize("row", [row for row in SPOKEN if row.stage in IN_FLIGHT and not _is_nonsense(row)], ids=str)
def test_what_a_server_says_to_one_flight(row: FailureRow, certificates: Certificates) -> None:
    assert _fault(row, _play(row, row.line, ONE_FLIGHT, certificates)) is row.fault


@pytest.mark.parametrize("row", [row for row in SPOKEN if row.stage in IN_FLIGHT and _is_nonsense(row)], ids=str)
def test_nonsense_in_answer_to_one_flight_leaves_the_end_open(row: FailureRow, certificates: Certificates) -> None:
    failure = _play(row, row.line, ONE_FLIGHT, certificates)
    assert failure is not None
    assert failure.may_have_been_accepted  # the end of the content has left with MAIL already


@pytest.mark.parametrize("row", ACTED, ids=str)
def test_what_a_server_does_instead_of_answering(row: FailureRow, certificates: Certificates) -> None:
    assert _fault(row, _play(row, DEEDS[row.text], STEPWISE, certificates)) is row.fault
