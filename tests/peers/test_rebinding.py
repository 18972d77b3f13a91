"""Names that change their addresses, served by NSD."""

import asyncio
from ipaddress import ip_network
from pathlib import Path

import pytest

from portal.dns_resolver import DnsResolver
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import Endpoint, TlsMode
from portal.domain.routing.trouble import Trouble
from portal.smtp.client_options import ClientOptions
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline, StageLimits
from portal.smtp.endpoint_guard import ForbiddenDestination, GuardRules, NoSuchHost, judged_addresses
from portal.smtp.errors import SubmissionError
from tests.support.listener import Listener
from tests.support.nsd import running_nsd
from tests.support.smtp_routes import route_to

pytestmark = pytest.mark.peers


def test_each_answer_is_judged_anew(tmp_path: Path) -> None:
    def judged(host: str) -> list[str]:
        endpoint = Endpoint(host, 587, TlsMode.STARTTLS)
        resolver = DnsResolver([nsd.address])
        return [str(address) for address in asyncio.run(judged_addresses(endpoint, GuardRules(), resolver, timeout=5))]

    with running_nsd("evil.example", "smtp A 8.8.8.8\nalias CNAME smtp", tmp_path) as nsd:
        assert judged("smtp.evil.example") == judged("alias.evil.example") == ["8.8.8.8"]

        nsd.serve("smtp A 127.0.0.1\nalias CNAME smtp")
        for host in ("smtp.evil.example", "alias.evil.example"):
            with pytest.raises(ForbiddenDestination):
                judged(host)

        nsd.serve("smtp A 8.8.8.8\nsmtp AAAA ::1")
        with pytest.raises(ForbiddenDestination):
            judged("smtp.evil.example")

        nsd.serve("other A 8.8.8.8")
        with pytest.raises(NoSuchHost):
            judged("smtp.evil.example")


def test_a_saved_name_that_turns_inside_is_not_connected_to(tmp_path: Path) -> None:
    def how_it_ends() -> tuple[SmtpStage, Trouble | None]:
        with pytest.raises(SubmissionError) as failed:
            asyncio.run(SmtpConnection.open(route, options, deadline=Deadline.after(5)))
        return failed.value.stage, failed.value.trouble

    with (
        Listener() as inside,
        Listener("127.0.0.2", inside.port) as outside,
        running_nsd("evil.example", "smtp A 127.0.0.2", tmp_path) as nsd,
    ):
        route = route_to(inside.port, host="smtp.evil.example", guarded=True)
        options = ClientOptions(
            resolver=DnsResolver([nsd.address]),
            rules=GuardRules((ip_network("127.0.0.2/32"),), frozenset({inside.port})),
            limits=StageLimits(banner=0.2),
        )

        assert how_it_ends() == (SmtpStage.BANNER, Trouble.TIMED_OUT)
        nsd.serve("smtp A 127.0.0.1")
        assert how_it_ends() == (SmtpStage.RESOLVE, Trouble.FORBIDDEN_ADDRESS)
        nsd.serve("smtp A 127.0.0.2\nsmtp A 127.0.0.1")
        assert how_it_ends() == (SmtpStage.RESOLVE, Trouble.FORBIDDEN_ADDRESS)
        assert (outside.connections, inside.connections) == (1, 0)
