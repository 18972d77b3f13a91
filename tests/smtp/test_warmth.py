"""A route that security mail goes over has a connection ready before the next one is handed in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from portal.domain.routing.smtp_route import SmtpRoute, TlsMode
from portal.smtp.deadlines import Deadline, StageLimits
from portal.smtp.pool import SmtpPool
from tests.support.certificates import Certificate, Certificates
from tests.support.scripted_smtp import Close, Pause, Scenario, ScriptedServer, Silence
from tests.support.smtp_routes import ENVELOPE, client_options, route_to

LIMITS = StageLimits(quit=0.3, mail=0.2)
CHECK_AFTER = 0.25  # asked every 0.2 s
MESSAGE = ["MAIL", "RCPT", "BDAT"]


def later(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


@asynccontextmanager
async def warm(
    route: SmtpRoute, *, slots: int = 4, retry: float = 60.0, max_age: float = 300.0, ca_file: str | None = None
) -> AsyncIterator[SmtpPool]:
    """A pool that keeps this route warm for 20 s, in which nothing has been sent yet."""
    pool = SmtpPool(
        client_options(limits=LIMITS, ca_file=ca_file),
        limit=lambda _: slots,
        check_after_idle_seconds=CHECK_AFTER,
        retry_warmth_seconds=retry,
        max_age_seconds=max_age,
    )
    pool.keep_warm(route, later(20))
    try:
        yield pool
    finally:
        await pool.close()


async def send(pool: SmtpPool, route: SmtpRoute) -> None:
    connection = await pool.take(route, deadline=Deadline.after(10))
    try:
        await connection.submit(ENVELOPE, deadline=Deadline.after(10))
    finally:
        pool.give_back(connection)


async def idle(pool: SmtpPool, count: int = 1) -> None:
    """Wait until so many connections are idle."""
    async with asyncio.timeout(10):
        while pool.idle != count:  # noqa: ASYNC110 - the pool tells nobody
            await asyncio.sleep(0.01)


def test_a_message_on_a_warm_route_begins_with_mail_at_once() -> None:
    async def deliver() -> None:
        route = route_to(server.port)
        async with warm(route) as pool:
            await idle(pool)
            await asyncio.sleep(1)
            before = server.visits[0].verbs()
            await send(pool, route)
            assert server.visits[0].verbs() == before + MESSAGE
            assert pool.opened == pool.reused == 1

    with ScriptedServer() as server:
        asyncio.run(deliver())

    asked = server.visits[0].verbs().count("RSET")
    assert 3 <= asked <= 6
    assert len(server.visits) == 1


def test_a_message_that_comes_while_the_server_is_asked_waits_for_the_answer() -> None:
    async def deliver() -> None:
        route = route_to(server.port)
        async with warm(route, slots=1) as pool:
            await idle(pool)
            await idle(pool, 0)
            assert pool.open_connections(route.pool_key) == 1
            await send(pool, route)
            assert pool.opened == 1

    with ScriptedServer({"rset": (Pause(0.1), "250 ok")}) as server:
        asyncio.run(deliver())


ENDS: list[Scenario] = [
    {"rset": ["250 ok", ("421 4.4.2 idle", Close())]},
    {"rset": ["250 ok", Close()]},
    {"rset": ["250 ok", Silence()]},
    {"rset": ["250 ok", "554 too many nonmail commands"]},
    {"rset": [("250 ok", Pause(0.05), "421 4.4.2 idle", Close()), "250 ok"]},
]


@pytest.mark.parametrize("scenario", ENDS)
def test_a_warm_connection_that_ends_is_replaced_before_it_is_needed(scenario: Scenario) -> None:
    async def deliver() -> None:
        route = route_to(server.port)
        async with warm(route, retry=0.4) as pool:
            async with asyncio.timeout(10):
                while pool.opened < 2 or not pool.idle:  # noqa: ASYNC110 - the pool tells nobody
                    await asyncio.sleep(0.01)
            await send(pool, route)
            assert server.visits[-1].verbs()[-3:] == MESSAGE
            assert pool.reused == 1

    with ScriptedServer(scenario) as server:
        asyncio.run(deliver())

    assert len(server.messages) == 1
    assert "MAIL" not in server.visits[0].verbs()


@pytest.mark.parametrize("slots", [1, 2])
def test_an_old_warm_connection_is_replaced_within_the_slots(slots: int) -> None:
    open_at_a_time: list[int] = []

    async def deliver() -> None:
        route = route_to(server.port)
        async with warm(route, slots=slots, retry=0.2, max_age=1.0) as pool:
            await idle(pool)
            ends = later(3)
            while later(0) < ends:
                open_at_a_time.append(pool.open_connections(route.pool_key))
                await asyncio.sleep(0.01)
            assert pool.opened >= 4

    with ScriptedServer() as server:
        asyncio.run(deliver())

    assert max(open_at_a_time) <= slots
    if slots == 2:
        assert min(open_at_a_time) > 0  # the successor is there before the old one goes


def test_a_failing_opening_is_repeated_ever_more_seldom() -> None:
    async def deliver() -> None:
        route = route_to(server.port)
        async with warm(route, retry=0.3) as pool:
            await asyncio.sleep(2)
            assert pool.opened == 0

    with ScriptedServer({"banner": "421 4.3.2 not now"}) as server:
        asyncio.run(deliver())

    assert 2 <= len(server.visits) <= 4  # at 0, 0.3 and 0.9 s, each at a look of every 0.2 s


def test_a_server_that_lets_in_and_closes_at_once_is_not_signed_in_to_again_and_again() -> None:
    async def deliver() -> None:
        async with warm(route_to(server.port), retry=60):
            await asyncio.sleep(1)

    with ScriptedServer({"ehlo": ("250 hello", Pause(0.05), Close())}) as server:
        asyncio.run(deliver())

    assert len(server.visits) == 1


def test_a_refused_password_ends_the_warmth_for_good(certificates: Certificates) -> None:
    async def deliver() -> None:
        route = route_to(server.port, tls=TlsMode.IMPLICIT)
        async with warm(route, retry=0.05, ca_file=certificates.ca_file) as pool:
            await asyncio.sleep(1)
            for _ in range(3):
                pool.keep_warm(route, later(20))
                await asyncio.sleep(0.1)
            assert len(server.visits) == 1
            await pool.close_key(route.pool_key)
            assert pool._shelves == {}

    context = certificates.server_context(Certificate.GOOD)
    with ScriptedServer({"auth": "535 5.7.8 no"}, tls=TlsMode.IMPLICIT, context=context) as server:
        asyncio.run(deliver())


def test_warmth_has_an_end_and_leaves_nothing() -> None:
    async def deliver() -> None:
        route = route_to(server.port)
        async with warm(route) as pool:
            await idle(pool)
            pool.keep_warm(route, later(0.3))
            await asyncio.sleep(0.6)
            asked = server.visits[0].verbs().count("RSET")
            await asyncio.sleep(0.6)
            assert server.visits[0].verbs().count("RSET") == asked
            assert await pool.close_idle(route.pool_key, 0) == 0
            assert pool._shelves == {}
            pool.keep_warm(route, later(-1))
            assert pool._shelves == {}

    with ScriptedServer() as server:
        asyncio.run(deliver())


def test_without_a_slot_nothing_is_kept_warm() -> None:
    async def deliver() -> None:
        async with warm(route_to(server.port), slots=0):
            await asyncio.sleep(0.5)

    with ScriptedServer() as server:
        asyncio.run(deliver())

    assert server.visits == []


def test_slots_are_given_back_and_the_last_connection_is_not_opened_again() -> None:
    slots = 3

    async def deliver() -> None:
        nonlocal slots
        route = route_to(server.port)
        pool = SmtpPool(client_options(limits=LIMITS), limit=lambda _: slots, check_after_idle_seconds=CHECK_AFTER)
        taken = [await pool.take(route, deadline=Deadline.after(10)) for _ in range(3)]
        for connection in taken[:2]:
            pool.give_back(connection)
        pool.keep_warm(route, later(20))
        assert (pool.open_connections(route.pool_key), pool.idle, pool.lent) == (3, 2, 1)
        slots = 1
        assert await pool.close_idle(route.pool_key, keep=1) == 1
        await asyncio.sleep(0.5)
        assert (pool.open_connections(route.pool_key), pool.idle, pool.lent) == (1, 0, 1)
        slots = 0
        pool.give_back(taken[2])
        assert pool.open_connections(route.pool_key) == 0
        await asyncio.sleep(0.5)
        assert pool.opened == 3
        await pool.close()

    with ScriptedServer() as server:
        asyncio.run(deliver())


def test_a_version_that_is_replaced_is_not_warm_any_more() -> None:
    async def deliver() -> None:
        route = route_to(server.port)
        async with warm(route) as pool:
            await idle(pool)
            await pool.close_key(route.pool_key)
            await asyncio.sleep(0.5)
            assert pool._shelves == {}

    with ScriptedServer() as server:
        asyncio.run(deliver())

    assert len(server.visits) == 1
    assert server.visits[0].verbs()[-1] == "QUIT"


def test_closing_ends_what_is_being_opened() -> None:
    async def deliver() -> None:
        async with warm(route_to(server.port)) as pool:
            await asyncio.sleep(0.1)
            assert pool.open_connections(route_to(server.port).pool_key) == 1
        assert pool._shelves == {}

    with ScriptedServer({"banner": Silence()}) as server:
        asyncio.run(deliver())
