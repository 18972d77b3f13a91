"""Samples go to who asks for them, and not too many (THREATS 25)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from portal.domain.audit_events import Actor, AuditAction
from portal.services.samples import TooManySamplesError
from portal.storage import organisations
from portal.storage.audit_log import AuditRow
from portal.storage.messages import MessageRow
from portal.storage.organisations import TenantRow
from portal.wiring import Waypost
from tests.support.furnished import Opened, StoppedClock, furnished
from tests.support.handed_in import stored
from tests.support.installation import Installation

ADA = "ada@acme.example"


@pytest.fixture
def opened(tmp_path: Path, database_url: str) -> Iterator[Opened]:
    with furnished(Installation.new(tmp_path, database_url=database_url)) as found:
        yield found


def tenant(waypost: Waypost, slug: str = "acme") -> TenantRow:
    with waypost.database.reading() as session:
        found = organisations.tenant_by_slug(session, slug)
        assert found
        return found


def ask(waypost: Waypost, person: str, *, times: int, slug: str = "acme") -> None:
    for _ in range(times):
        waypost.samples.send(tenant(waypost, slug), to=ADA, actor=Actor(person, "192.0.2.1"))


def test_a_sample_is_an_ordinary_notification_to_the_person(opened: Opened) -> None:
    waypost, _ = opened
    message = waypost.samples.send(tenant(waypost), to=ADA, actor=Actor("ada"))
    with waypost.database.reading() as session:
        row = session.get_one(MessageRow, message)
        assert (row.to_address, row.kind, row.state) == (ADA, "notification", "queued")


def test_a_person_is_told_when_the_next_one_is_possible(opened: Opened) -> None:
    waypost, clock = opened
    ask(waypost, "ada", times=5)
    with pytest.raises(TooManySamplesError, match=r"5 samples in 10 minutes .* for you\. .* possible in 2 min\."):
        ask(waypost, "ada", times=1)
    assert stored(waypost) == 5
    ask(waypost, "bob", times=1)
    clock.now += timedelta(minutes=2)
    ask(waypost, "ada", times=1)
    assert stored(waypost) == 7


def test_many_people_of_a_tenant_share_its_limit_and_other_tenants_have_their_own(opened: Opened) -> None:
    waypost, clock = opened
    for number in range(4):
        ask(waypost, f"person-{number}", times=5)
    with pytest.raises(TooManySamplesError, match="for this tenant"):
        ask(waypost, "ada", times=1)
    ask(waypost, "ada", times=5, slug="other")  # the refusal took nothing from the person's own five
    assert refusals(waypost, clock) == [({"limit": "samples of a tenant"}, "ada", "192.0.2.1")]


def refusals(waypost: Waypost, clock: StoppedClock) -> list[tuple[object, str, str | None]]:
    with waypost.database.reading() as session:
        rows = session.query(AuditRow).filter_by(action=AuditAction.SAMPLE_REFUSED).all()
        assert all(row.at == clock.now for row in rows)
        return [(row.facts, row.actor, row.network) for row in rows]
