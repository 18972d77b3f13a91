"""Connections are kept for their own route, only in good order, and not for ever."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from portal.domain.routing.smtp_route import SmtpRoute, TlsMode
from portal.smtp.connection import SmtpConnection
from portal.smtp.deadlines import Deadline, StageLimits
from portal.smtp.errors import SubmissionError
from portal.smtp.pool import SmtpPool
from tests.support.certificates import Certificate, Certificates
from tests.support.scripted_smtp import Action, Close, Flood, Pause, Scenario, ScriptedServer, Silence
from tests.support.smtp_routes import ENVELOPE, client_options, route_to

LIMITS = StageLimits(quit=0.3, mail=0.3)


@asynccontextmanager
async def pool_of(**choices: float) -> AsyncIterator[SmtpPool]:
    pool = SmtpPool(client_options(limits=LIMITS), **choices)  # type: ignore[arg-type] # by name
    try:
        yield pool
    finally:
        await pool.close()


async def send(pool: SmtpPool, route: SmtpRoute) -> SmtpConnection:
    connection = await pool.take(route, deadline=Deadline.after(10))
    try:
        await connection.submit(ENVELOPE, deadline=Deadline.after(10))
    finally:
        pool.give_back(connection)
    return connection


def visits_of(scenario: Scenario, count: int, pause: float = 0, **choices: float) -> list[list[str]]:
    """The commands of each connection after so many messages, one after the other."""

    async def deliver() -> None:
        async with pool_of(**choices) as pool:
            for number in range(count):
                if number:
                    await asyncio.sleep(pause)
                await send(pool, route_to(server.port))

    with ScriptedServer(scenario) as server:
        asyncio.run(deliver())
    assert len(server.messages) == count
    return [visit.verbs() for visit in server.visits]


def test_one_connection_serves_message_after_message() -> None:
    assert visits_of({}, 3) == [["EHLO", *["MAIL", "RCPT", "BDAT"] * 3, "QUIT"]]


def test_a_connection_that_was_idle_is_asked_first() -> None:
    assert visits_of({}, 2, pause=0.05, check_after_idle_seconds=0.01) == [
        ["EHLO", "MAIL", "RCPT", "BDAT", "RSET", "MAIL", "RCPT", "BDAT", "QUIT"]
    ]


@pytest.mark.parametrize("answer", [Silence(), Close(), "500 what?", "421 bye", "354 go"])
def test_a_connection_that_gives_no_good_answer_is_replaced(answer: Silence | Close | str) -> None:
    first, second = visits_of({"rset": answer}, 2, pause=0.05, check_after_idle_seconds=0.01)

    assert first[:5] == ["EHLO", "MAIL", "RCPT", "BDAT", "RSET"]
    assert "MAIL" not in first[5:]
    assert second == ["EHLO", "MAIL", "RCPT", "BDAT", "QUIT"]


LAST_WORDS: list[tuple[Action, ...]] = [
    ("421 4.4.2 idle", Close()),
    (Close(),),
    ("250 more than was asked for",),
    (Flood("250-x\r\n", 1 << 22),),
]


@pytest.mark.parametrize("words", LAST_WORDS)
def test_a_connection_that_ended_while_idle_costs_no_attempt(words: tuple[Action, ...]) -> None:
    ends = ("250 ok", Pause(0.05), *words)

    assert [verbs[:4] for verbs in visits_of({"dot": ends}, 2, pause=0.2)] == [["EHLO", "MAIL", "RCPT", "BDAT"]] * 2


def test_an_end_that_the_loop_has_not_seen_yet_costs_no_attempt_either() -> None:
    async def deliver() -> None:
        async with pool_of() as pool:
            await send(pool, route_to(server.port))
            time.sleep(0.2)  # noqa: ASYNC251 - the loop is busy while the server says goodbye
            await send(pool, route_to(server.port))

    with ScriptedServer({"dot": ("250 ok", Pause(0.05), "421 4.4.2 idle", Close())}) as server:
        asyncio.run(deliver())

    assert len(server.messages) == len(server.visits) == 2


def test_a_connection_carries_only_so_many_messages() -> None:
    assert [verbs.count("MAIL") for verbs in visits_of({}, 5, max_messages=2)] == [2, 2, 1]


def test_an_old_connection_is_closed_whether_anybody_asks_for_it_or_not() -> None:
    async def deliver() -> None:
        async with pool_of(max_age_seconds=0.1) as pool:
            await send(pool, route_to(server.port))
            await asyncio.sleep(0.4)
            assert server.visits[0].verbs()[-1] == "QUIT"
            assert pool._shelves == {}

    with ScriptedServer() as server:
        asyncio.run(deliver())


def test_only_so_many_are_kept() -> None:
    async def deliver() -> None:
        async with pool_of(max_idle_per_key=2) as pool:
            route = route_to(server.port)
            taken = [await pool.take(route, deadline=Deadline.after(10)) for _ in range(3)]
            for connection in taken:
                pool.give_back(connection)
            await asyncio.sleep(0.1)
            assert [visit.verbs()[-1] for visit in server.visits] == ["EHLO", "EHLO", "QUIT"]

    with ScriptedServer() as server:
        asyncio.run(deliver())


@pytest.mark.parametrize("scenario", [{"dot": Close()}, {"dot": Silence()}, {"mail": "354 go"}, {"dot": "421 bye"}])
def test_a_connection_that_failed_is_never_lent_again(scenario: Scenario) -> None:
    async def deliver() -> None:
        pool = SmtpPool(client_options(limits=replace(LIMITS, dot=0.2)))
        with pytest.raises(SubmissionError):
            await send(pool, route_to(server.port))
        with pytest.raises(SubmissionError):
            await send(pool, route_to(server.port))
        await pool.close()

    with ScriptedServer(scenario) as server:
        asyncio.run(deliver())

    assert len(server.visits) == 2


def test_a_refused_recipient_does_not_cost_the_connection() -> None:
    async def deliver() -> None:
        async with pool_of() as pool:
            with pytest.raises(SubmissionError):
                await send(pool, route_to(server.port))
            await send(pool, route_to(server.port))

    with ScriptedServer({"rcpt": ["550 5.1.1 no such user", "250 ok"]}) as server:
        asyncio.run(deliver())

    assert [visit.verbs() for visit in server.visits] == [
        ["EHLO", "MAIL", "RCPT", "BDAT", "RSET", "MAIL", "RCPT", "BDAT", "QUIT"]
    ]


APART = [
    pytest.param({"tenant": "acme"}, {"tenant": "bolt"}, id="two tenants with the same credentials"),
    pytest.param({"version": 1}, {"version": 2}, id="two versions with the same settings"),
    pytest.param({"host": "localhost"}, {"host": "127.0.0.1"}, id="two names of one address"),
    pytest.param({"username": "acme-mailer"}, {"username": "acme-other"}, id="two users"),
    pytest.param({"password": "one"}, {"password": "two"}, id="two passwords"),
]


@pytest.mark.parametrize(("one", "other"), APART)
def test_connections_are_never_shared_across_routes(
    one: dict[str, str], other: dict[str, str], certificates: Certificates
) -> None:
    async def deliver() -> None:
        pool = SmtpPool(client_options(limits=LIMITS, ca_file=certificates.ca_file))
        routes = [route_to(server.port, tls=TlsMode.IMPLICIT, **choice) for choice in (one, other)]  # type: ignore[arg-type] # by name
        connections = [await send(pool, route) for route in (*routes, *routes)]
        assert connections[0] is connections[2]
        assert connections[1] is connections[3]
        assert connections[0] is not connections[1]
        await pool.close()

    context = certificates.server_context(Certificate.GOOD)
    with ScriptedServer({"auth": "235 in"}, tls=TlsMode.IMPLICIT, context=context) as server:
        asyncio.run(deliver())

    assert len(server.visits) == 2


def test_a_replaced_version_ends_with_what_is_idle_and_what_is_lent() -> None:
    async def deliver() -> None:
        async with pool_of() as pool:
            old, new = route_to(server.port, version=1), route_to(server.port, version=2)
            lent, idle = [await pool.take(old, deadline=Deadline.after(10)) for _ in range(2)]
            pool.give_back(idle)
            kept = await send(pool, new)
            await pool.close_key(old.pool_key)
            assert server.visits[1].verbs()[-1] == "QUIT"
            pool.give_back(lent)
            await asyncio.sleep(0.1)
            assert server.visits[0].verbs()[-1] == "QUIT"
            assert kept is await send(pool, new)
            assert idle is not await send(pool, old)

    with ScriptedServer() as server:
        asyncio.run(deliver())


def test_a_closed_pool_keeps_and_lends_nothing() -> None:
    async def deliver() -> None:
        async with pool_of() as pool:
            lent = await pool.take(route_to(server.port), deadline=Deadline.after(10))
            await pool.close()
            pool.give_back(lent)
            with pytest.raises(RuntimeError):
                await pool.take(route_to(server.port), deadline=Deadline.after(10))
            assert not pool._lent
            assert pool._shelves == {}

    with ScriptedServer() as server:
        asyncio.run(deliver())
        assert server.visits[0].is_over.wait(10)


def test_a_route_that_cannot_be_reached_leaves_nothing_in_the_pool() -> None:
    async def deliver() -> None:
        async with pool_of() as pool:
            with pytest.raises(SubmissionError):
                await pool.take(route_to(server.port), deadline=Deadline.after(10))
            assert pool._shelves == {}

    with ScriptedServer({"banner": Close()}) as server:
        asyncio.run(deliver())
