"""Lanes that change hands while mail comes: whoever is first, nothing is stranded, and nobody waits in a ring.

On PostgreSQL only. On SQLite one transaction writes after the other, whatever happens.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from portal.domain.ids import TenantId
from portal.storage import lanes
from portal.storage.database import Database
from portal.storage.lanes import LaneRow
from tests.support.stored_mail import put_messages, put_tenant

pytestmark = pytest.mark.peers

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ME, OTHER = "me", "other"

Act = Callable[[Session], object]
Holder = Callable[[Session, Sequence[TenantId]], object]


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    """Two workers are alive in it."""
    opened = Database.at(postgresql_url)
    with opened.transaction() as session:
        for worker in (ME, OTHER):
            lanes.enter(session, worker, now=NOW, until=NOW + 15 * SECOND)
    yield opened
    opened.close()


def let_go(session: Session, tenants: Sequence[TenantId]) -> None:
    lanes.let_go(session, ME, tenants, now=NOW)


def look(session: Session, _tenants: Sequence[TenantId]) -> None:
    lanes.due_of(session, ME, now=NOW)


def die(session: Session, _tenants: Sequence[TenantId]) -> None:
    lanes.bury(session, ME, now=NOW)


def at_once(database: Database, first: Act, second: Act) -> None:
    """The first has written and not committed when the second comes, which then has to wait, or has not."""

    def come_second() -> None:
        with database.transaction() as session:
            second(session)

    with ThreadPoolExecutor(1) as thread:
        with database.transaction() as session:
            first(session)
            session.flush()
            coming = thread.submit(come_second)
            wait([coming], timeout=0.3)
        coming.result(20)


@pytest.mark.parametrize("holder", [let_go, look, die], ids=lambda act: act.__name__)
@pytest.mark.parametrize("sender_is_first", [True, False], ids=["sender first", "holder first"])
def test_mail_that_comes_while_its_lane_changes_hands_is_found(
    database: Database,
    holder: Holder,
    sender_is_first: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    with database.transaction() as session:
        acme = put_tenant(session, "acme", NOW)
        lanes.touch(session, {acme: NOW})
        session.flush()
        lanes.take_due(session, ME, now=NOW, most=1)
    acts: list[Act] = [
        lambda session: put_messages(session, acme, NOW),
        lambda session: holder(session, [acme]),
    ]

    at_once(database, *(acts if sender_is_first else reversed(acts)))

    with database.reading() as session:
        lane = session.get_one(LaneRow, acme)
    assert lane.due_at == NOW, "nobody will look at the lane again"
    assert lane.worker == (ME if holder is look else None)


def test_two_who_take_at_the_same_time_share_without_waiting(database: Database) -> None:
    with database.transaction() as session:
        tenants = [put_tenant(session, f"t{number}", NOW) for number in range(4)]
        lanes.touch(session, {tenant: NOW + number * SECOND for number, tenant in enumerate(tenants)})
    later = NOW + 9 * SECOND

    with database.transaction() as one:
        first = lanes.take_due(one, ME, now=later, most=2)
        with database.transaction() as two:
            second = lanes.take_due(two, OTHER, now=later, most=9)

    assert (set(first), set(second)) == ({*tenants[:2]}, {*tenants[2:]})


@pytest.mark.parametrize("holder", [let_go, look, die], ids=lambda act: act.__name__)
def test_senders_of_several_tenants_mail_and_holders_never_wait_for_each_other_in_a_ring(
    database: Database, holder: Holder
) -> None:
    with database.transaction() as session:
        tenants = sorted(put_tenant(session, f"t{number}", NOW) for number in range(2))
        # The index of a worker's lanes has them the other way round than their names.
        due = {tenant: NOW - number * SECOND for number, tenant in enumerate(tenants)}
        lanes.touch(session, due)
        session.flush()
        lanes.take_due(session, ME, now=NOW, most=9)
        lanes.touch(session, due)

    def hold() -> None:
        with database.transaction() as session:
            holder(session, tenants)

    with ThreadPoolExecutor(1) as thread:
        with database.transaction() as session:  # what touch() does, one lane after the other
            lanes.touch(session, {tenants[0]: NOW})
            holding = thread.submit(hold)
            wait([holding], timeout=0.3)
            lanes.touch(session, {tenants[1]: NOW})
        holding.result(20)
