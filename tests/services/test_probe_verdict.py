"""What a test found, without the token of its own link."""

import pytest

from portal.domain.routing.diagnosis import Diagnosis
from portal.domain.routing.fault import Fault
from portal.domain.secret import MARK
from portal.services.probe_verdict import ProbeVerdict

TOKEN = "QoZHk-cLx-5oJhw7OI-QuUGxijYKiRn2G59ePS-88hA"


@pytest.mark.parametrize(
    "echo",
    [TOKEN, TOKEN[:20], f"{TOKEN[:30]}=", f"https://portal.example/received/{TOKEN} ok"],
    ids=["whole", "cut", "folded", "within a link"],
)
def test_a_server_that_echoes_the_message_does_not_show_the_token_to_others(echo: str) -> None:
    stage = {"stage": "dot", "ok": True, "seconds": 0.1, "code": 250, "reply": f"took {echo}", "note": echo}
    found = ProbeVerdict(0.1, (stage,), Fault.OK, Diagnosis("Title", "Happened."), f"S: 250 took {echo}\nS: 221 bye")
    shown = found.without(TOKEN)
    assert TOKEN[:12] not in f"{shown.to_json()} {shown.transcript}"
    assert MARK in shown.transcript
    assert shown.transcript.endswith("\nS: 221 bye")
