"""The guard where it matters: at the real connect, with a real name server and somebody listening inside."""

import asyncio
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest

from portal.dns_resolver import DnsResolver
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import SmtpRoute
from portal.domain.routing.trouble import Trouble
from portal.smtp.client_options import ClientOptions
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline, StageLimits
from portal.smtp.endpoint_guard import GuardRules
from portal.smtp.errors import SubmissionError
from portal.smtp.pool import SmtpPool
from tests.support.forbidden_destinations import RECORDS, SPELLINGS
from tests.support.listener import Listener
from tests.support.name_server import NameServer
from tests.support.smtp_routes import route_to

REFUSED = (SmtpStage.RESOLVE, Trouble.FORBIDDEN_ADDRESS)
ARRIVED = (SmtpStage.BANNER, Trouble.TIMED_OUT)  # a Listener says nothing


@pytest.fixture
def trap() -> Iterator[Listener]:
    with Listener() as inside:
        yield inside


@pytest.fixture(scope="module")
def name_server() -> Iterator[NameServer]:
    """Whatever it is asked for is inside."""
    with NameServer("*. A 127.0.0.1") as server:
        yield server


def options(server: NameServer, port: int, *allowed: str) -> ClientOptions:
    networks: tuple[IPv4Network | IPv6Network, ...] = tuple(ip_network(network) for network in allowed)
    return ClientOptions(
        resolver=DnsResolver([server.address]),
        rules=GuardRules(networks, frozenset({port})),
        limits=StageLimits(banner=0.2),
        allow_clear_text=True,
    )


def how_it_ended(route: SmtpRoute, options: ClientOptions) -> tuple[SmtpStage, Trouble | None]:
    with pytest.raises(SubmissionError) as failed:
        asyncio.run(SmtpConnection.open(route, options, deadline=Deadline.after(5)))
    return failed.value.stage, failed.value.trouble


@pytest.mark.parametrize("host", [*SPELLINGS, "mail.evil.example", "metadata.google.internal"])
def test_a_listener_inside_never_sees_a_connection(name_server: NameServer, trap: Listener, host: str) -> None:
    route = route_to(trap.port, host=host, guarded=True)

    assert how_it_ended(route, options(name_server, trap.port)) == REFUSED
    assert trap.connections == 0


@pytest.mark.parametrize(("rdtype", "record"), [record for record in RECORDS if record != ("A", "127.0.0.1")])
def test_nor_when_another_address_of_the_name_is_allowed(trap: Listener, rdtype: str, record: str) -> None:
    with NameServer(f"mail.evil.example. A 127.0.0.1\nmail.evil.example. {rdtype} {record}") as server:
        route = route_to(trap.port, host="mail.evil.example", guarded=True)

        assert how_it_ended(route, options(server, trap.port, "127.0.0.1/32")) == REFUSED
    assert trap.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "mail.house.example"])
def test_what_the_operator_allows_is_connected_to(name_server: NameServer, trap: Listener, host: str) -> None:
    route = route_to(trap.port, host=host, guarded=True)

    assert how_it_ended(route, options(name_server, trap.port, "127.0.0.1/32")) == ARRIVED
    assert trap.connections == 1


def test_the_operators_own_server_needs_no_allowance(name_server: NameServer, trap: Listener) -> None:
    route = route_to(trap.port, host="127.0.0.1", guarded=False)

    assert how_it_ended(route, options(name_server, trap.port)) == ARRIVED
    assert trap.connections == 1


def test_a_rebinding_name_leads_to_the_judged_address_and_later_nowhere(trap: Listener) -> None:
    with NameServer() as server, Listener("127.0.0.2", trap.port) as outside:
        server.script("rebind.evil.example", "A", ("127.0.0.2",), ("127.0.0.1",))
        route = route_to(trap.port, host="rebind.evil.example", guarded=True)
        only_outside = options(server, trap.port, "127.0.0.2/32")

        assert how_it_ended(route, only_outside) == ARRIVED
        assert (outside.connections, trap.connections) == (1, 0)
        assert how_it_ended(route, only_outside) == REFUSED
        assert (outside.connections, trap.connections) == (1, 0)


def test_a_pool_opens_nothing_else(name_server: NameServer, trap: Listener) -> None:
    async def take() -> None:
        pool = SmtpPool(options(name_server, trap.port))
        with pytest.raises(SubmissionError) as refused:
            await pool.take(route_to(trap.port, host="mail.evil.example", guarded=True), deadline=Deadline.after(5))
        assert (refused.value.stage, refused.value.trouble) == REFUSED
        await pool.close()

    asyncio.run(take())

    assert trap.connections == 0


def test_a_port_that_is_no_mail_servers_is_not_tried_on_an_allowed_network(
    name_server: NameServer, trap: Listener
) -> None:
    route = route_to(trap.port, host="127.0.0.1", guarded=True)

    assert how_it_ended(route, options(name_server, 587, "127.0.0.1/32")) == REFUSED
    assert trap.connections == 0
