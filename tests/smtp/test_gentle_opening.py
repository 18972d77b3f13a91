"""A route is opened gently: one sign-in at a time until one succeeds, and a probe that sends no mail."""

import asyncio

import pytest

from portal.domain.routing.smtp_route import SmtpRoute, TlsMode
from portal.smtp.deadlines import Deadline, StageLimits
from portal.smtp.errors import SubmissionError
from portal.smtp.pool import SmtpPool
from tests.support.certificates import Certificate, Certificates
from tests.support.scripted_smtp import Action, Close, Pause, ScriptedServer, Silence
from tests.support.smtp_routes import ENVELOPE, client_options, route_to

LIMITS = StageLimits(quit=0.3, mail=0.2)


async def take_all(pool: SmtpPool, route: SmtpRoute, count: int = 4, seconds: float = 10) -> list[object]:
    """Ask for several at once. Returns connections, given back already, or errors."""

    async def one() -> object:
        connection = await pool.take(route, deadline=Deadline.after(seconds))
        await asyncio.sleep(0.2)
        pool.give_back(connection)
        return connection

    return await asyncio.gather(*(one() for _ in range(count)), return_exceptions=True)


def test_a_refused_password_is_said_once_however_many_wait(certificates: Certificates) -> None:
    async def deliver() -> None:
        route = route_to(server.port, tls=TlsMode.IMPLICIT)
        pool = SmtpPool(client_options(limits=LIMITS, ca_file=certificates.ca_file))
        errors = await take_all(pool, route)
        assert [(str(error), getattr(error, "is_second_hand", None)) for error in errors] == [
            ("auth: 535 5.7.8 no", False),
            *[("auth: 535 5.7.8 no", True)] * 3,
        ]
        assert len({id(error) for error in errors}) == 4
        assert not pool.is_proven(route.pool_key)
        assert pool._shelves == {}
        await pool.close()

    context = certificates.server_context(Certificate.GOOD)
    with ScriptedServer({"auth": "535 5.7.8 no"}, tls=TlsMode.IMPLICIT, context=context) as server:
        asyncio.run(deliver())

    assert len(server.visits) == 1


def test_the_others_follow_once_one_is_in() -> None:
    async def deliver() -> None:
        route = route_to(server.port)
        pool = SmtpPool(client_options(limits=LIMITS))
        taking = asyncio.create_task(take_all(pool, route))
        await asyncio.sleep(0.15)
        assert len(server.visits) == 1
        assert not pool.is_proven(route.pool_key)
        connections = await taking
        assert pool.is_proven(route.pool_key)
        assert len(set(connections)) == 4
        assert (pool.opened, pool.idle) == (4, 4)
        await pool.close()

    with ScriptedServer({"banner": (Pause(0.3), "220 here")}) as server:
        asyncio.run(deliver())


def test_nobody_waits_for_another_beyond_its_own_deadline() -> None:
    async def deliver() -> list[float]:
        route = route_to(server.port)
        pool = SmtpPool(client_options(limits=LIMITS))
        started = asyncio.get_running_loop().time()

        async def taken(seconds: float) -> float:
            with pytest.raises(SubmissionError, match="timed out"):
                await pool.take(route, deadline=Deadline.after(seconds))
            return asyncio.get_running_loop().time() - started

        took = await asyncio.gather(taken(1.0), taken(0.2), taken(0.4))
        await pool.close()
        return list(took)

    with ScriptedServer({"banner": Silence()}) as server:
        took = asyncio.run(deliver())

    assert len(server.visits) == 1
    assert took == pytest.approx([1.0, 0.2, 0.4], abs=0.15)


def test_who_gives_up_early_leaves_the_next_to_try() -> None:
    async def deliver() -> None:
        route = route_to(server.port)
        pool = SmtpPool(client_options(limits=LIMITS))
        impatient = asyncio.create_task(pool.take(route, deadline=Deadline.after(10)))
        await asyncio.sleep(0.05)
        hurried = asyncio.create_task(take_all(pool, route, 1, seconds=5))
        await asyncio.sleep(0.05)
        server.scenario.clear()
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        (connection,) = await hurried
        assert not isinstance(connection, Exception)
        await pool.close()

    with ScriptedServer({"banner": Silence()}) as server:
        asyncio.run(deliver())

    assert len(server.visits) == 2


@pytest.mark.parametrize("noop", ["421 bye", "500 what?", Close(), Silence()])
def test_a_probe_signs_in_and_says_noop_and_tells_what_failed(noop: Action) -> None:
    async def probe() -> None:
        route = route_to(server.port)
        pool = SmtpPool(client_options(limits=LIMITS))
        with pytest.raises(SubmissionError):
            await pool.check(route, deadline=Deadline.after(5))
        assert pool.idle == pool.lent == 0
        server.scenario["noop"] = "250 ok"
        await pool.check(route, deadline=Deadline.after(5))
        assert pool.is_proven(route.pool_key)
        connection = await pool.take(route, deadline=Deadline.after(5))
        await connection.submit(ENVELOPE, deadline=Deadline.after(5))
        pool.give_back(connection)
        await pool.close()

    with ScriptedServer({"noop": noop}) as server:
        asyncio.run(probe())

    assert server.visits[0].verbs()[:2] == ["EHLO", "NOOP"]
    assert server.visits[1].verbs() == ["EHLO", "NOOP", "MAIL", "RCPT", "BDAT", "QUIT"]
