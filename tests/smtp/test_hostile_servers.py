"""A server that drips, floods, lies, answers early or injects holds nobody up and learns nothing."""

import asyncio
import time
from dataclasses import fields, replace

import pytest

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import TlsMode
from portal.domain.routing.trouble import Trouble
from portal.smtp.connection import SmtpConnection, StageReport
from portal.smtp.deadlines import Deadline, StageLimits
from portal.smtp.errors import SubmissionError
from tests.support.certificates import Certificate, Certificates
from tests.support.hostile_servers import HOSTILE, Hostile
from tests.support.scripted_smtp import PASSWORD, ScriptedServer
from tests.support.smtp_routes import client_options, message_of, route_to

SHORT = 0.3
LONG = 10.0
PROMPTLY = 5.0
"""Half the limit of a stage that is not expected to run out, so that a hang is told from a slow machine."""

ROWS = [pytest.param(row, mode, id=f"{mode}-{row.name}") for row in HOSTILE for mode in row.modes]


def limits_for(row: Hostile) -> StageLimits:
    limits = replace(StageLimits(**{field.name: LONG for field in fields(StageLimits)}), quit=SHORT)
    # A body has a second more for every 64 KiB; LARGE ones get no more than the others by a limit below nothing.
    allowance = row.size / (64 * 1024) if row.at is SmtpStage.BODY else 0
    return replace(limits, **{row.at.value: SHORT - allowance}) if row.outcome is Trouble.TIMED_OUT else limits


def deliver(
    server: ScriptedServer, row: Hostile, certificates: Certificates
) -> tuple[SubmissionError, list[StageReport], list[str]]:
    """Try it; returns the error, what was reported of the stages, and everything that people get to see."""
    reports: list[StageReport] = []
    transcript: list[str] = []

    async def attempt() -> SmtpReply:
        options = client_options(ca_file=certificates.ca_file, limits=limits_for(row))
        route = route_to(server.port, tls=server.tls)
        connection = await SmtpConnection.open(route, options, deadline=Deadline.after(60), observer=reports.append)
        try:
            return await connection.submit(message_of(row.size), deadline=Deadline.after(60))
        finally:
            transcript.extend(connection.transcript)
            connection.abort()

    with pytest.raises(SubmissionError) as raised:
        asyncio.run(attempt())
    seen = [*map(repr, reports), *transcript, str(raised.value), repr(raised.value)]
    return raised.value, reports, seen


@pytest.mark.parametrize(("row", "mode"), ROWS)
def test_a_hostile_server_is_found_out(row: Hostile, mode: TlsMode, certificates: Certificates) -> None:
    context = certificates.server_context(Certificate.GOOD)
    with ScriptedServer(
        row.scenario, tls=mode, context=context, offers=row.offers, mechanisms=row.mechanisms
    ) as server:
        began = time.monotonic()
        error, reports, seen = deliver(server, row, certificates)
        elapsed = time.monotonic() - began

    outcome = error.trouble or (error.reply.code if error.reply else None)
    assert (error.stage, outcome) == (row.at, row.outcome)
    assert error.may_have_been_accepted is row.uncertain
    assert elapsed < PROMPTLY
    assert not any(PASSWORD in text for text in seen)
    assert not server.overheard(PASSWORD)
    if row.is_before_sign_in:
        assert not server.knows(PASSWORD)
    assert sum(verb == "AUTH" for visit in server.visits for verb in visit.verbs()) <= 1
    assert not any("HELO" in visit.verbs() for visit in server.visits)
    assert error.may_have_been_accepted or not server.messages
    *others, last = reports
    assert all(report.ok for report in others)
    assert (last.ok, last.stage, last.reply) == (False, error.stage, error.reply)


def test_the_table_is_long_enough() -> None:
    names = [row.name for row in HOSTILE]

    assert len(set(names)) == len(names) >= 40
    assert {mode for row in HOSTILE for mode in row.modes} == set(TlsMode)
