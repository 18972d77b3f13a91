"""Messages whose conversations end without anybody knowing how."""

from pathlib import Path
from typing import Final

import pytest

from portal.domain.ids import MessageId
from portal.storage.messages import MessageState
from tests.support.certificates import Certificates
from tests.support.installation import eventually
from tests.support.scripted_smtp import Close, Deed, Gate
from tests.support.workplace import Behaviour, Workplace, workplace


def test_a_message_that_three_workers_died_of_is_set_aside_and_its_neighbours_are_sent(
    tmp_path: Path, certificates: Certificates, database_url: str
) -> None:
    with workplace(tmp_path, certificates, database_url, Behaviour(), route_connections="1") as place:
        poison, *neighbours = place.hand_in(5)
        for _ in range(3):
            gate = Gate()
            place.server.scenario["body"] = gate
            worker = place.start_worker()
            assert gate.is_reached.wait(20)
            assert worker.kill() == {poison}
            place.bury(worker)
        place.server.scenario.clear()

        place.start_worker()
        eventually(place.all_final, what="the neighbours to be sent")

        assert place.states() == {poison: MessageState.QUARANTINED} | dict.fromkeys(neighbours, MessageState.SENT)
        assert place.arrived() == dict.fromkeys(neighbours, 1)
        report = place.report(poison)
        assert "three times a worker stopped" in report["decision"][-1]
        (event,) = [event for event in place.audited(place.row(poison).tenant_id) if event.get("message") == poison]
        assert (event["action"], event["state"]) == ("email.send_failed", "quarantined")


CUT: Final = "the server hangs up"
KILLED: Final = "the worker is killed"


@pytest.mark.parametrize(
    "ends",
    [(CUT, KILLED, KILLED), (KILLED, CUT, KILLED), (KILLED, KILLED, CUT), (CUT, CUT, KILLED)],
    ids=", ".join,
)
def test_of_one_message_there_are_never_more_than_three_copies(
    ends: tuple[str, ...], tmp_path: Path, certificates: Certificates
) -> None:
    """Three times all of it has been said, and nobody has heard what became of it."""
    url = f"sqlite:///{tmp_path}/waypost.db"
    with workplace(tmp_path, certificates, url, Behaviour()) as place:
        (message,) = place.hand_in(1)
        worker = place.start_worker()
        gates = [Gate() for _ in ends]
        polite: Deed = "250 2.0.0 ok"
        following: list[Deed] = [*((gate, Close()) for gate in gates), polite]
        place.server.scenario["dot"] = following[0]

        for end, gate, after in zip(ends, gates, following[1:], strict=True):
            eventually(lambda gate=gate: hurried(place, message) and gate.is_reached.is_set(), what=end)  # type: ignore[misc] # mypy cannot infer a lambda with a default
            place.server.scenario["dot"] = after
            if end == KILLED:
                assert worker.kill() == {message}
                place.bury(worker)
                worker = place.start_worker()
            gate.is_open.set()
        eventually(lambda: hurried(place, message) and place.all_final(), what="somebody to set it aside")

        said = [command for visit in place.server.visits for command in visit.commands if command.startswith("BDAT")]
        assert len(said) == 3
        assert place.states()[message] is (MessageState.FAILED if ends[-1] == CUT else MessageState.QUARANTINED)
        assert place.copies() == 0


def hurried(place: Workplace, message: MessageId) -> bool:
    """Have it tried at once, should it wait."""
    if place.states()[message] is MessageState.WAITING:
        place.make_due(message)
    return True
