"""Workers that are killed, frozen or told to stop."""

import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from portal.storage.messages import MessageState
from tests.support.certificates import Certificates
from tests.support.installation import eventually
from tests.support.scripted_smtp import STEPWISE, Gate, Pause
from tests.support.workplace import Behaviour, WorkerProcess, workplace

CONNECTIONS: Final = 8
SLOW: Final = Behaviour({"bdat": (Pause(0.03), "250 2.0.0 ok")})
_CHANCE: Final = random.SystemRandom()
A_LEASE_THAT_A_BUSY_MACHINE_RENEWS: Final = "4"


@dataclass(frozen=True)
class Ordeal:
    kills: int
    messages: int
    seconds: float


SHORT: Final = Ordeal(kills=6, messages=360, seconds=120)
LONG: Final = Ordeal(kills=50, messages=3000, seconds=900)


@pytest.fixture
def ordeal(request: pytest.FixtureRequest) -> Ordeal:
    return LONG if request.config.getoption("--endurance") else SHORT


@pytest.mark.endurance
def test_none_is_lost_when_one_of_two_workers_is_killed_again_and_again(
    ordeal: Ordeal, tmp_path: Path, certificates: Certificates, database_url: str
) -> None:
    at_risk: Counter[str] = Counter()
    deadline = time.monotonic() + ordeal.seconds
    with workplace(
        tmp_path,
        certificates,
        database_url,
        SLOW,
        tenants=4,
        guests=2,
        worker_connections=str(CONNECTIONS),
        worker_lease_seconds=A_LEASE_THAT_A_BUSY_MACHINE_RENEWS,
    ) as place:
        messages: list[str] = []
        workers: list[WorkerProcess] = [place.start_worker(), place.start_worker()]

        for kill in range(ordeal.kills):
            before, each = place.copies(), ordeal.messages // ordeal.kills
            messages += place.hand_in(each)
            enough = before + _CHANCE.randrange(each // 2)
            eventually(
                lambda enough=enough: place.copies() > enough,  # type: ignore[misc] # mypy cannot infer a lambda with a default
                seconds=deadline - time.monotonic(),
                what=f"kill {kill}",
            )
            victim = workers.pop(_CHANCE.randrange(2))
            killed = victim.kill()
            workers.append(place.start_worker())
            # PostgreSQL may have been about to commit what the victim had asked for.
            at_risk.update(killed | place.in_hand(of=victim.name))
            assert len(killed) <= CONNECTIONS
        eventually(place.all_final, seconds=deadline - time.monotonic(), what="the rest to be sent")

        arrived, states = place.arrived(), place.states()
        set_aside = {message for message, state in states.items() if state is MessageState.QUARANTINED}
        assert {m for m, state in states.items() if state is not MessageState.SENT} == set_aside
        assert {message for message in set_aside if at_risk[message] < 3} == set()
        assert set(messages) - set(arrived) - set_aside == set()
        assert {m: copies for m, copies in arrived.items() if copies > 1 + at_risk[m]} == {}
        assert at_risk, "no kill met a worker at work"


def test_a_stopped_worker_waits_for_final_replies_and_hands_back_what_it_has_not_said(
    tmp_path: Path, certificates: Certificates
) -> None:
    """Three messages for a server that answers the dot after 14 s, three for one that says nothing after MAIL."""
    dot, mail = Gate(), Gate()
    late = Behaviour({"dot": (dot, Pause(14), "250 2.0.0 ok")})
    mute = Behaviour({"mail": (mail, "250 2.1.0 ok")}, STEPWISE)
    url = f"sqlite:///{tmp_path}/waypost.db"
    with workplace(tmp_path, certificates, url, late, mute, tenants=2, route_connections="1") as place:
        slow, stuck = (place.hand_in(3, slugs=[slug]) for slug in place.slugs)
        worker = place.start_worker()
        assert dot.is_reached.wait(20)
        assert mail.is_reached.wait(20)
        dot.is_open.set()

        began = time.monotonic()
        status = worker.stop(within=28)

        assert status == 0
        assert 13 < time.monotonic() - began < 25
        states, untouched = place.states(), [*slow[1:], *stuck[1:]]
        assert (states[slow[0]], states[stuck[0]]) == (MessageState.SENT, MessageState.WAITING)
        assert {(states[message], place.row(message).begun) for message in untouched} == {(MessageState.QUEUED, 0)}
        assert place.row(stuck[0]).interrupted == 0
        assert place.workers() == set()

        for server in place.servers:
            server.scenario.clear()
        place.start_worker()
        eventually(place.all_final, seconds=30, what="the rest to be sent")
        assert place.arrived() == Counter([*slow, *stuck])


def test_a_worker_frozen_past_its_lease_sends_nothing_again_and_works_on_under_a_new_name(
    tmp_path: Path, certificates: Certificates, database_url: str
) -> None:
    with workplace(tmp_path, certificates, database_url, SLOW, worker_connections=str(CONNECTIONS)) as place:
        messages = place.hand_in(100)
        frozen = place.start_worker()
        eventually(lambda: place.copies() >= 10, what="the first ten")

        at_risk = frozen.freeze()
        assert at_risk
        other = place.start_worker()
        eventually(place.all_final, seconds=40, what="the other worker to send all")
        frozen.thaw()
        eventually(lambda: not {frozen.name, other.name} >= place.workers(), what="the thawed worker to start over")

        arrived = place.arrived()
        assert set(arrived) == set(messages)
        assert {message for message, copies in arrived.items() if copies > 1} <= at_risk
        assert len(at_risk) <= CONNECTIONS
        assert max(arrived.values()) <= 2

        assert other.stop(within=20) == 0
        more = place.hand_in(10)
        eventually(place.all_final, seconds=30, what="the thawed worker to go on")
        assert {message: place.arrived()[message] for message in more} == dict.fromkeys(more, 1)
        assert {str(place.row(message).worker) for message in more}.isdisjoint({frozen.name, other.name})
