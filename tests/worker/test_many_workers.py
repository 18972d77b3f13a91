"""Workers beside each other: nothing is sent twice, and each has its share."""

from collections import Counter
from pathlib import Path
from typing import Final

from portal.storage.messages import MessageState
from tests.support.certificates import Certificates
from tests.support.installation import eventually
from tests.support.scripted_smtp import Pause
from tests.support.workplace import Behaviour, workplace

WORKERS: Final = 4
MESSAGES: Final = 1200
SLOW: Final = Behaviour({"bdat": (Pause(0.05), "250 2.0.0 ok")})
A_LEASE_THAT_A_BUSY_MACHINE_RENEWS: Final = "10"


def test_four_workers_send_each_message_once_and_all_of_them_work(
    tmp_path: Path, certificates: Certificates, database_url: str
) -> None:
    with workplace(
        tmp_path,
        certificates,
        database_url,
        SLOW,
        tenants=15,
        guests=5,
        worker_connections="5",
        worker_lease_seconds=A_LEASE_THAT_A_BUSY_MACHINE_RENEWS,
    ) as place:
        names = {place.start_worker().name for _ in range(WORKERS)}

        messages = place.hand_in(MESSAGES)
        eventually(place.all_final, seconds=90, what="four workers to send them")

        assert place.arrived() == Counter(messages)
        assert set(place.states().values()) == {MessageState.SENT}
        assert set(place.sent_by()) == names
