"""From a host to a connection: looked up, judged, connected to, and to nobody else."""

import asyncio
import socket
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import TlsMode
from portal.domain.routing.trouble import Trouble
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline, StageLimits
from portal.smtp.endpoint_guard import GuardRules, LookupFailed, NoSuchHost
from portal.smtp.errors import SubmissionError
from tests.support.scripted_smtp import (
    ScriptedServer,
)
from tests.support.smtp_clients import SOON, refused
from tests.support.smtp_routes import Hosts, client_options, route_to


@dataclass(frozen=True)
class NoAnswer:
    error: type[Exception] | None

    async def addresses(self, host: str, *, timeout: float) -> tuple[IPv4Address | IPv6Address, ...]:  # noqa: ARG002, ASYNC109 - the protocol's signature
        if self.error is None:
            await asyncio.sleep(SOON)
            return ()
        raise self.error


LOOKUPS = [
    pytest.param(NoAnswer(NoSuchHost), Trouble.NO_SUCH_HOST, id="no such host"),
    pytest.param(NoAnswer(LookupFailed), Trouble.LOOKUP_FAILED, id="failed"),
    pytest.param(NoAnswer(None), Trouble.LOOKUP_FAILED, id="never answered"),
]


@pytest.mark.parametrize(("resolver", "trouble"), LOOKUPS)
def test_a_host_that_cannot_be_looked_up(resolver: NoAnswer, trouble: Trouble) -> None:
    options = replace(client_options(587, limits=StageLimits(resolve=0.2)), resolver=resolver)
    error, _ = refused(route_to(587, tls=TlsMode.STARTTLS, host="smtp.acme.example", guarded=True), options)

    assert (error.stage, error.trouble) == (SmtpStage.RESOLVE, trouble)


def test_a_forbidden_address_gets_no_packet() -> None:
    with ScriptedServer() as server:
        options = replace(client_options(), rules=GuardRules(allowed_ports=frozenset({server.port})))
        error, _ = refused(route_to(server.port, host="127.0.0.1", guarded=True), options)
        refused(route_to(server.port, host="smtp.acme.example", guarded=True), options)

    assert (error.stage, error.trouble, error.detail) == (SmtpStage.RESOLVE, Trouble.FORBIDDEN_ADDRESS, "")
    assert server.visits == []


def test_clear_text_beyond_this_machine_is_the_operators_decision() -> None:
    elsewhere = Hosts({"smtp.acme.example": (IPv4Address("9.9.9.9"),)})
    options = replace(client_options(25, allow_clear_text=False), resolver=elsewhere)
    error, _ = refused(route_to(25, host="smtp.acme.example", guarded=True), options)

    assert (error.stage, error.trouble) == (SmtpStage.RESOLVE, Trouble.FORBIDDEN_ADDRESS)
    assert error.detail == "the operator does not allow connections without TLS"


def test_clear_text_to_this_machine_is_always_allowed() -> None:
    async def deliver() -> None:
        options = client_options(server.port, allow_clear_text=False)
        route = route_to(server.port, host="127.0.0.1", guarded=True)
        await (await SmtpConnection.open(route, options, deadline=Deadline.after(SOON))).quit()

    with ScriptedServer() as server:
        asyncio.run(deliver())

    assert server.visits[0].verbs() == ["EHLO", "QUIT"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_a_refused_connection() -> None:
    error, _ = refused(route_to(free_port()), client_options())

    assert (error.stage, error.trouble) == (SmtpStage.CONNECT, Trouble.CONNECTION_REFUSED)


@pytest.mark.parametrize(("place", "reaches"), [(0, True), (2, True), (3, False)])
def test_at_most_three_addresses_are_tried(place: int, *, reaches: bool) -> None:
    async def deliver() -> None:
        connection = await SmtpConnection.open(route, options, deadline=Deadline.after(SOON))
        await connection.quit()

    with ScriptedServer() as server:
        addresses = [IPv4Address(f"127.0.0.{number}") for number in (2, 3, 4, 5)]
        addresses[place] = IPv4Address("127.0.0.1")
        limits = StageLimits(connect=0.5)
        options = replace(
            client_options(server.port, limits=limits), resolver=Hosts({"smtp.acme.example": tuple(addresses)})
        )
        route = route_to(server.port, host="smtp.acme.example", guarded=True)
        if reaches:
            asyncio.run(deliver())
        else:
            error, _ = refused(route, options)
            assert error.stage is SmtpStage.CONNECT
    assert len(server.visits) == reaches


class DetouringLoop(asyncio.SelectorEventLoop):
    """As on a machine where something below us connects elsewhere than it was told."""

    async def sock_connect(self, sock: socket.socket, address: tuple[str, int]) -> None:  # type: ignore[override] # narrower than the stub's
        await super().sock_connect(sock, ("127.0.0.1", address[1]))


def test_the_peer_is_the_judged_address_or_nobody() -> None:
    with ScriptedServer() as server, asyncio.Runner(loop_factory=DetouringLoop) as runner:
        route = route_to(server.port, host="127.0.0.2", guarded=True)
        with pytest.raises(SubmissionError) as raised:
            runner.run(SmtpConnection.open(route, client_options(server.port), deadline=Deadline.after(SOON)))
        assert str(ip_address("127.0.0.2")) == route.endpoint.host
        assert (raised.value.stage, raised.value.trouble) == (SmtpStage.CONNECT, Trouble.FORBIDDEN_ADDRESS)
    assert not any(visit.clear for visit in server.visits)
