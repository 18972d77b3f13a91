"""However much a server says, we hold little of it."""

import asyncio
import gc
import tracemalloc
from contextlib import suppress

import pytest

from portal.domain.routing.smtp_route import TlsMode
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline
from portal.smtp.errors import SubmissionError
from tests.support.certificates import Certificate, Certificates
from tests.support.hostile_servers import FLOOD, HOSTILE, Hostile
from tests.support.scripted_smtp import MIB, Flood, ScriptedServer
from tests.support.smtp_routes import ENVELOPE, client_options, message_of, route_to

FLOODS = [
    pytest.param(row, mode, id=f"{mode}-{row.name}")
    for row in HOSTILE
    for mode in row.modes
    if "flood" in row.name or row.name == "has an endless line"
    if row.size < MIB
]


def peak_of(server: ScriptedServer, row: Hostile | None, ca_file: str, idle: float = 0) -> float:
    """MiB that an attempt has taken at its worst, the server's own included."""

    async def attempt() -> None:
        options = client_options(ca_file=ca_file)
        route = route_to(server.port, tls=server.tls)
        connection = await SmtpConnection.open(route, options, deadline=Deadline.after(2))
        envelope = message_of(row.size) if row else ENVELOPE
        try:
            await connection.submit(envelope, deadline=Deadline.after(2))
            await asyncio.sleep(idle)
        finally:
            connection.abort()

    gc.collect()
    tracemalloc.start()
    try:
        with suppress(SubmissionError):
            asyncio.run(attempt())
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("row", "mode"), FLOODS)
def test_a_flood_is_not_collected(row: Hostile, mode: TlsMode, certificates: Certificates) -> None:
    context = certificates.server_context(Certificate.GOOD)
    with ScriptedServer(
        row.scenario, tls=mode, context=context, offers=row.offers, mechanisms=row.mechanisms
    ) as server:
        assert peak_of(server, row, certificates.ca_file) < 3


@pytest.mark.parametrize("mode", TlsMode)
def test_a_flood_into_an_idle_connection_is_made_to_wait(mode: TlsMode, certificates: Certificates) -> None:
    context = certificates.server_context(Certificate.GOOD)
    with ScriptedServer({"dot": ("250 ok", Flood("250-x\r\n", FLOOD))}, tls=mode, context=context) as server:
        assert peak_of(server, None, certificates.ca_file, idle=0.5) < 3


def test_the_table_floods_enough() -> None:
    assert FLOOD >= 50 * MIB
    assert len(FLOODS) >= 15
