"""After a security mail a connection is kept in order, so that the next one costs what its conversation costs."""

import time

import pytest

from portal.domain.routing.smtp_route import TlsMode
from tests.support.certificates import Certificate, Certificates
from tests.support.installation import eventually
from tests.support.onlookers import open_visits, times_said
from tests.support.scripted_smtp import ONE_FLIGHT, PIPELINED, STEPWISE, Close, ScriptedServer, Visit
from tests.support.story import Story

UPKEEP = 4.5
"""Seconds after which an idle connection that is kept warm has been asked whether it is in order."""


def since(visit: Visit, place: int) -> list[str]:
    return visit.verbs()[place:]


def test_the_next_security_mail_begins_with_mail_on_the_open_connection(acme: Story) -> None:
    server = acme.acme_has_a_server()
    acme.settled(acme.send("otp"))
    (visit,) = server.visits

    time.sleep(UPKEEP)
    eventually(lambda: visit.verbs()[-1] in {"RSET", "NOOP"}, what="the connection to be looked after")
    said = len(visit.commands)
    report = acme.settled(acme.send("otp"))

    assert (report["state"], report["via"]) == ("sent", "tenant")
    assert since(visit, said) == ["MAIL", "RCPT", "BDAT"]
    assert server.visits == [visit]


def test_when_the_server_has_closed_it_meanwhile_another_one_is_there_already(acme: Story) -> None:
    server = acme.acme_has_a_server()
    acme.settled(acme.send("otp"))

    server.scenario["rset"] = server.scenario["noop"] = ("421 4.4.2 idle for too long", Close())
    eventually(lambda: len(server.visits) == 2 and open_visits(server) == 1, what="a new connection")
    server.scenario.clear()
    second = server.visits[1]
    eventually(lambda: "AUTH" in second.verbs(), what="it to be signed in")
    time.sleep(0.2)
    said = len(second.commands)
    report = acme.settled(acme.send("otp"))

    assert [attempt["class"] for attempt in report["attempts"]] == ["OK"]
    assert [verb for verb in since(second, said) if verb != "RSET"] == ["MAIL", "RCPT", "BDAT"]
    assert len(server.visits) == 2
    assert times_said(server, "AUTH") == 2


@pytest.mark.parametrize(
    ("offers", "turns"), [(ONE_FLIGHT, 1), (PIPELINED, 2), (STEPWISE, 4)], ids=["chunking", "pipelining", "neither"]
)
def test_on_a_warm_connection_a_message_costs_as_few_round_trips_as_the_server_allows(
    acme: Story, certificates: Certificates, offers: tuple[str, ...], turns: int
) -> None:
    context = certificates.server_context(Certificate.GOOD)
    with ScriptedServer(tls=TlsMode.STARTTLS, context=context, offers=offers) as server:
        acme.acme_uses(server.port)
        acme.settled(acme.send("otp"))
        before = server.visits[0].turns

        for _ in range(3):
            acme.settled(acme.send("otp"))

        assert server.visits[0].turns - before == 3 * turns
        assert len(server.visits) == 1
