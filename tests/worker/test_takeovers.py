"""A message between two workers, one of which does not know yet that it is taken for dead; and between two routes."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import MessageId, TenantId
from portal.domain.routing.fault import Fault
from portal.storage import organisations
from portal.storage.messages import MessageRow, MessageState
from tests.support.furnished import Opened, furnished
from tests.support.installation import Installation
from tests.support.simulated_worker import LEASE, SimulatedWorker


class Takeover:
    """One message of Acme's, which the first of two workers has begun."""

    def __init__(self, opened: Opened, new_worker: Callable[[], SimulatedWorker]) -> None:
        self.waypost, self.clock = opened
        self.message = self.waypost.sender.send("acme", kind="reminder", to="bob@dest.example", subject="Hi", text="Hi")
        self.first, self.second = new_worker(), new_worker()
        self.first.take()
        self.first.begin(self.first.waiting[0])

    @property
    def row(self) -> MessageRow:
        with self.waypost.database.reading() as session:
            return session.get_one(MessageRow, MessageId(self.message))

    @property
    def acme(self) -> TenantId:
        with self.waypost.database.reading() as session:
            tenant = organisations.tenant_by_slug(session, "acme")
            assert tenant is not None
            return TenantId(tenant.id)

    def first_falls_silent(self) -> None:
        """For longer than its lease; the second one lives on."""
        for _ in range(3):
            self.clock.now += LEASE / 2
            self.second.renew()


@pytest.fixture
def it(tmp_path: Path, database_url: str) -> Iterator[Takeover]:
    installation = Installation.new(tmp_path, database_url=database_url)
    with furnished(installation) as opened, ThreadPoolExecutor(1) as executor:
        yield Takeover(opened, lambda: SimulatedWorker(opened[0], executor, lambda _step, _written: None))


def test_while_its_lease_lasts_a_worker_says_what_it_has_begun(it: Takeover) -> None:
    assert it.first.say(it.first.begun[0])
    assert it.first.hear(it.first.said[0], Fault.OK)
    assert (it.row.state, it.row.begun, it.row.tries) == (MessageState.SENT, 1, 1)


def test_after_its_lease_a_worker_says_nothing_more(it: Takeover) -> None:
    it.clock.now += LEASE

    assert not it.first.say(it.first.begun[0])
    assert it.row.state == MessageState.WAITING


def test_what_somebody_else_has_begun_meanwhile_is_neither_said_nor_ended_by_the_first(it: Takeover) -> None:
    it.first.say(it.first.begun[0])
    it.first_falls_silent()
    it.second.take()
    it.second.begin(it.second.waiting[0])
    assert (it.row.begun, it.row.interrupted) == (2, 1)

    assert not it.first.hear(it.first.said[0], Fault.RCPT_PERM)
    assert it.second.say(it.second.begun[0])
    assert it.second.hear(it.second.said[0], Fault.OK)

    assert (it.row.state, it.row.tries) == (MessageState.SENT, 1)


def test_a_late_outcome_is_kept_while_nobody_has_begun_anew_and_what_was_read_before_it_is_void(it: Takeover) -> None:
    it.first.say(it.first.begun[0])
    it.first_falls_silent()
    it.second.take()  # and reads it, as interrupted

    assert it.first.hear(it.first.said[0], Fault.RCPT_TEMP)
    it.second.begin(it.second.waiting[0])

    assert it.second.begun == []
    assert (it.row.state, it.row.begun, it.row.tries, it.row.interrupted) == (MessageState.WAITING, 1, 1, 0)


def test_a_worker_that_has_started_over_does_not_say_what_it_began_before_and_has_read_again(it: Takeover) -> None:
    it.first_falls_silent()
    it.first.renew()  # taken for dead: it has another name now
    it.first.take()
    again = it.first.waiting[0]

    assert not it.first.say(it.first.begun[0])
    assert again.interrupted == 1


def test_a_worker_that_does_not_know_yet_that_it_was_buried_takes_nothing(it: Takeover) -> None:
    it.first_falls_silent()
    it.first.take()
    it.second.take()

    assert it.acme in it.second.lanes
    assert [journey.id for journey in it.second.waiting] == [it.message]


def test_a_lone_worker_that_was_silent_too_long_reads_its_lanes_anew_before_it_says_anything(it: Takeover) -> None:
    it.clock.now += 2 * LEASE
    settings = replace(it.waypost.email_settings, cut_over_seconds=0.0)
    assert settings.disable(it.acme, actor=COMMAND_LINE)  # it is certain: the only worker's lease has run out

    it.first.renew()

    assert not it.first.say(it.first.begun[0])


def test_after_a_worker_has_acknowledged_a_new_route_it_begins_nothing_on_the_old_one(it: Takeover) -> None:
    settings = replace(it.waypost.email_settings, cut_over_seconds=0.0)
    assert not settings.disable(it.acme, actor=COMMAND_LINE)

    it.first.take()  # it was touched, and is read anew

    assert settings.disable(it.acme, actor=COMMAND_LINE)
    assert not it.first.say(it.first.begun[0])
    it.first.read(it.first.lanes[it.acme])
    assert it.first.waiting[0].route.tenant_id is None


def test_a_message_whose_workers_keep_dying_is_begun_three_times_and_then_set_aside(it: Takeover) -> None:
    for _ in range(3):
        it.clock.now += 2 * LEASE
        it.second.renew()  # too late
        it.second.renew()  # as a new worker, which buries the old ones
        it.second.take()
        for journey in list(it.second.waiting):
            it.second.begin(journey)
    assert (it.row.begun, it.row.state) == (3, MessageState.SENDING)

    assert it.second.end(it.second.ending[0])
    assert it.row.state == MessageState.QUARANTINED
