"""A worker killed at each step of a conversation: what the next one does about the message."""

import signal
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from portal.storage.messages import MessageState
from tests.support.certificates import Certificates
from tests.support.database_locks import writes_blocked
from tests.support.installation import eventually
from tests.support.scripted_smtp import ONE_FLIGHT, STEPWISE, Gate
from tests.support.workplace import Behaviour, Workplace, workplace

MAY_HAVE_BEEN_SENT: Final = "a copy of it may have been sent already"
MORE_THAN_SOCKETS_HOLD: Final = ("x" * 70 + "\n") * 120_000


@dataclass(frozen=True)
class Kill:
    """Where the worker is killed, and how many copies of the message the server has when another has sent it.

    Attributes:
        at: The server's step at which it waits while that happens.
        says: What it says once the worker is dead: a server that has all of a message takes it.
        before_commit: The server says it to the living worker, which is killed before it can write that down.
    """

    at: str
    copies: int
    says: str = "250 2.0.0 ok"
    offers: Sequence[str] = STEPWISE
    text: str = "x"
    before_commit: bool = False


NOT_HANDED_OVER: Final = {
    "connect": Kill("banner", copies=1),
    "EHLO": Kill("ehlo", copies=1),
    "TLS": Kill("handshake", copies=1),
    "EHLO in TLS": Kill("ehlo_tls", copies=1),
    "AUTH": Kill("auth", copies=1),
    "MAIL": Kill("mail", copies=1),
    "RCPT": Kill("rcpt", copies=1),
    "DATA": Kill("data", copies=1),
    "mid-body": Kill("body", copies=1, text=MORE_THAN_SOCKETS_HOLD),
}
HANDED_OVER: Final = {
    "after the dot": Kill("dot", copies=2),
    "after BDAT LAST": Kill("dot", copies=2, offers=ONE_FLIGHT),
    "after a dot that is refused": Kill("dot", copies=1, says="451 4.3.0 later"),
    "after the 250": Kill("dot", copies=2, before_commit=True),
    "after the 250 to BDAT LAST": Kill("dot", copies=2, offers=ONE_FLIGHT, before_commit=True),
}


def test_a_message_that_was_not_handed_over_is_sent_once(
    tmp_path: Path, certificates: Certificates, database_url: str
) -> None:
    killed_at_each_step(NOT_HANDED_OVER, tmp_path, certificates, database_url)


def test_a_message_is_sent_twice_where_nobody_could_note_that_it_was_taken(
    tmp_path: Path, certificates: Certificates, database_url: str
) -> None:
    killed_at_each_step(HANDED_OVER, tmp_path, certificates, database_url)


def killed_at_each_step(kills: dict[str, Kill], folder: Path, certificates: Certificates, database_url: str) -> None:
    """Each kill has a tenant, a server and two messages of its own, one of which is being sent."""
    gates = {name: Gate() for name in kills}
    behaviours = [Behaviour({kill.at: (gates[name], kill.says)}, kill.offers) for name, kill in kills.items()]
    copies: dict[str, tuple[int, int]] = {}
    with workplace(folder, certificates, database_url, *behaviours, tenants=len(kills), route_connections="1") as place:
        worker = place.start_worker()
        for (name, kill), slug, server in zip(kills.items(), place.slugs, place.servers, strict=True):
            sending, waiting = place.hand_in(2, slugs=[slug], text=kill.text)
            assert gates[name].is_reached.wait(20), name

            with writes_blocked(database_url) if kill.before_commit else nullcontext():
                if kill.before_commit:
                    gates[name].is_open.set()
                    eventually(lambda server=server: server.messages, what="the server to take it")  # type: ignore[misc] # mypy cannot infer a lambda with a default
                    time.sleep(0.3)  # the 250 is on its way
                killed = worker.kill()
            assert killed == {sending}, name

            server.scenario.clear()
            gates[name].is_open.set()
            place.bury(worker)
            worker = place.start_worker()
            eventually(place.all_final, what=f"everything to be sent after a kill at {name}")
            arrived = place.arrived()
            copies[name] = (arrived[sending], arrived[waiting])
            assert decisions_say_so(place, sending), name
            assert not decisions_say_so(place, waiting), name

        assert set(place.states().values()) == {MessageState.SENT}
    assert copies == {name: (kill.copies, 1) for name, kill in kills.items()}


def decisions_say_so(place: Workplace, message: str) -> bool:
    return any(MAY_HAVE_BEEN_SENT in sentence for sentence in place.report(message)["decision"])


def test_a_worker_killed_while_it_says_goodbye_has_left_nothing_open(
    tmp_path: Path, certificates: Certificates, database_url: str
) -> None:
    goodbye = Gate()
    with workplace(tmp_path, certificates, database_url, Behaviour({"quit": (goodbye, "221 bye")})) as place:
        worker = place.start_worker()
        messages = place.hand_in(3)
        eventually(place.all_final, what="three messages")

        worker.process.send_signal(signal.SIGTERM)
        assert goodbye.is_reached.wait(20)
        assert worker.kill() == set()

        place.bury(worker)
        place.start_worker()
        messages += place.hand_in(1)
        eventually(place.all_final, what="the fourth")
        assert place.arrived() == dict.fromkeys(messages, 1)
