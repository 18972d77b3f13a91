"""Nobody's mail waits because of what another has queued, or of how another's server behaves."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from portal.domain.audit_events import COMMAND_LINE
from tests.support.certificates import Certificates
from tests.support.installation import eventually
from tests.support.neighbours import hand_in, neighbour
from tests.support.onlookers import open_visits, peak_of
from tests.support.scripted_smtp import Pause, Scenario, ScriptedServer, Silence
from tests.support.story import Story, running_worker, story

HELD_FOR = 0.3
SLOW: Scenario = {"bdat": (Pause(HELD_FOR), "250 2.0.0 ok")}
ADA = "ada@dest.example"
RATHER_SLOW: Scenario = {"bdat": (Pause(0.05), "250 2.0.0 ok")}
SWALLOWS_EVERYTHING: Scenario = {"banner": Silence()}


def names(server: ScriptedServer) -> list[str]:
    """Whom the server has taken mail for, in the order it came."""
    return [message.recipient for message in server.messages]


def test_a_tenants_long_digest_does_not_delay_another_tenant(acme: Story, certificates: Certificates) -> None:
    own = acme.acme_has_a_server(RATHER_SLOW)
    with neighbour(acme, certificates, "blue") as blue:
        hand_in(acme.waypost, "acme", 400)
        eventually(lambda: len(own.messages) >= 20, what="the digest to be under way")

        for _ in range(10):
            blue.send()
        eventually(lambda: len(blue.server.messages) == 10, seconds=3, what="the neighbour's mail")

        assert len(own.messages) < 400


def test_over_the_shared_route_tenants_take_turns(tmp_path: Path, certificates: Certificates) -> None:
    with story(tmp_path, certificates, RATHER_SLOW, platform_connections="2") as acme:
        acme.waypost.accounts.create_tenant("blue", name="Blue", organisation=None, actor=COMMAND_LINE)
        hand_in(acme.waypost, "acme", 150)
        eventually(lambda: len(acme.platform.messages) >= 10, what="the digest to be under way")

        hand_in(acme.waypost, "blue", 5, "digest", to=ADA)
        taken_before = len(acme.platform.messages)
        eventually(lambda: names(acme.platform).count(ADA) == 5, what="the neighbour's mail")

        last = max(place for place, name in enumerate(names(acme.platform)) if name == ADA)
        assert last - taken_before <= 20  # one of the one, one of the other, and what was read before


def test_a_security_mail_overtakes_its_own_tenants_digest_and_finds_a_free_connection(acme: Story) -> None:
    server = acme.acme_has_a_server(SLOW)
    hand_in(acme.waypost, "acme", 60)
    eventually(lambda: len(server.messages) >= 4, what="the digest to be under way")

    waited = []
    for _ in range(4):
        codes, began = names(server).count(ADA), time.monotonic()
        acme.send("otp", to=ADA)
        eventually(lambda codes=codes: names(server).count(ADA) > codes, seconds=5, what="the code")  # type: ignore[misc] # mypy cannot infer a lambda with a default
        waited.append(time.monotonic() - began)

    assert len(server.messages) < 64
    assert max(waited) < 2 * HELD_FOR


def test_servers_that_swallow_everything_do_not_delay_the_others(tmp_path: Path, certificates: Certificates) -> None:
    """Although there are fewer seats than messages for the dead servers."""
    with story(tmp_path, certificates, worker_connections="10") as acme, ExitStack() as stack:
        dead = [stack.enter_context(neighbour(acme, certificates, f"dead{n}", SWALLOWS_EVERYTHING)) for n in range(3)]
        alive = [stack.enter_context(neighbour(acme, certificates, f"alive{n}")) for n in range(7)]
        for tenant in dead:
            hand_in(acme.waypost, tenant.slug, 20, "reminder")
        eventually(lambda: all(tenant.server.visits for tenant in dead), what="the dead servers to be asked")

        for _ in range(5):
            for tenant in alive:
                tenant.send()
        eventually(lambda: all(len(tenant.server.messages) == 5 for tenant in alive), seconds=5, what="the living")

        assert [open_visits(tenant.server) for tenant in dead] == [1, 1, 1]
        assert [len(tenant.server.visits) for tenant in dead] == [1, 1, 1]


@pytest.mark.parametrize("most", [1, 3])
def test_a_server_never_sees_more_connections_than_a_route_may_have(
    tmp_path: Path, certificates: Certificates, most: int
) -> None:
    with story(tmp_path, certificates, route_connections=str(most)) as acme, running_worker(acme.waypost):
        server = acme.acme_has_a_server(RATHER_SLOW)
        with peak_of(lambda: open_visits(server)) as peak:
            hand_in(acme.waypost, "acme", 30)
            for _ in range(5):
                acme.send("otp")
            eventually(lambda: len(server.messages) == 35, what="all of it")

        assert peak.value == most


def test_the_platforms_server_never_sees_more_connections_than_all_workers_together_may_have(
    tmp_path: Path, certificates: Certificates
) -> None:
    with (
        story(tmp_path, certificates, RATHER_SLOW, platform_connections="5") as acme,
        running_worker(acme.waypost),
        peak_of(lambda: open_visits(acme.platform)) as peak,
    ):
        slugs = [f"tenant{number}" for number in range(6)]
        for slug in slugs:
            acme.waypost.accounts.create_tenant(slug, name=slug, organisation=None, actor=COMMAND_LINE)
        for _ in range(3):
            for slug in slugs:
                hand_in(acme.waypost, slug, 20, "reminder")
                acme.waypost.sender.send(slug, kind="otp", to=ADA, subject="Code", text="123456")
            time.sleep(0.5)
        eventually(lambda: len(acme.platform.messages) == 3 * 6 * 21, what="all of it")

        assert 1 < peak.value <= 5


def test_even_when_most_servers_swallow_everything_the_living_are_served_at_once(
    tmp_path: Path, certificates: Certificates
) -> None:
    with story(tmp_path, certificates, worker_connections="10") as acme, ExitStack() as stack:
        dead = [stack.enter_context(neighbour(acme, certificates, f"dead{n}", SWALLOWS_EVERYTHING)) for n in range(8)]
        alive = [stack.enter_context(neighbour(acme, certificates, f"alive{n}")) for n in range(4)]
        for tenant in dead:
            hand_in(acme.waypost, tenant.slug, 5, "reminder")
        eventually(lambda: sum(len(tenant.server.visits) for tenant in dead) >= 5, what="the dead to be asked")

        for tenant in alive:
            tenant.send()
            eventually(lambda server=tenant.server: len(server.messages) == 1, seconds=3, what="the living")  # type: ignore[misc] # mypy cannot infer a lambda with a default
