"""Connections of ours to servers in tests."""

import asyncio
from collections.abc import Awaitable

import pytest

from portal.domain.routing.smtp_route import AuthChoice, SmtpRoute
from portal.smtp.client_options import ClientOptions
from portal.smtp.connection import SmtpConnection, StageReport
from portal.smtp.deadlines import Deadline
from portal.smtp.errors import SubmissionError
from tests.support.scripted_smtp import (
    ScriptedServer,
)
from tests.support.smtp_routes import route_to

SOON = 20.0
"""Seconds in which everything happens that is not meant to wait."""


def opened(
    server: ScriptedServer,
    options: ClientOptions,
    reports: list[StageReport] | None = None,
    auth: AuthChoice = AuthChoice.AUTO,
) -> Awaitable[SmtpConnection]:
    route = route_to(server.port, tls=server.tls, auth=auth)
    observer = reports.append if reports is not None else None
    return asyncio.ensure_future(SmtpConnection.open(route, options, deadline=Deadline.after(SOON), observer=observer))


def refused(
    route: SmtpRoute, options: ClientOptions, seconds: float = SOON
) -> tuple[SubmissionError, list[StageReport]]:
    """How opening a connection fails, and what was reported meanwhile."""
    reports: list[StageReport] = []
    with pytest.raises(SubmissionError) as raised:
        asyncio.run(SmtpConnection.open(route, options, deadline=Deadline.after(seconds), observer=reports.append))
    return raised.value, reports
