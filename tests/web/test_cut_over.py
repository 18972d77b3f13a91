"""What the page says while a worker has not confirmed a change of route."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from portal.storage import lanes
from tests.support.portal_app import ALICE, Portal, served, typed, words_of

PAGE = "/t/acme/email-smtp"
NOT_CONFIRMED = "a worker has not confirmed it: until it does, some mail may still leave the old way."


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    """One whose changes of route are waited for a little more than a second."""
    with served(tmp_path, worker_lease_seconds="0.1") as found:
        yield found


def hold_the_lane(portal: Portal) -> None:
    """Be a worker that lives and does not look."""
    now = portal.clock()
    with portal.waypost.database.transaction() as session:
        lanes.touch(session, {portal.acme: now})
        lanes.enter(session, "worker-1", now=now, until=now + timedelta(minutes=1))
        session.flush()
        lanes.take_due(session, "worker-1", now=now, most=1)


def test_a_change_that_no_worker_has_confirmed_is_not_called_done(portal: Portal) -> None:
    alice = portal.browser(ALICE)
    alice.post(f"{PAGE}/draft", typed())
    hold_the_lane(portal)

    alice.post(f"{PAGE}/activate", {"version": "1", "untested": "yes"})

    words = words_of(alice.get(PAGE))
    assert NOT_CONFIRMED in words
    assert "mail goes through it from now on" not in words


def test_a_change_that_holds_is_called_done(portal: Portal) -> None:
    alice = portal.browser(ALICE)
    alice.post(f"{PAGE}/draft", typed())

    alice.post(f"{PAGE}/activate", {"version": "1", "untested": "yes"})

    words = words_of(alice.get(PAGE))
    assert "Version 1 is active: mail goes through it from now on." in words
    assert NOT_CONFIRMED not in words


@pytest.mark.parametrize("switch", ["enable", "disable"])
def test_so_is_a_switch(portal: Portal, switch: str) -> None:
    alice = portal.browser(ALICE)
    alice.post(f"{PAGE}/draft", typed())
    alice.post(f"{PAGE}/activate", {"version": "1", "untested": "yes"})

    assert alice.post(f"{PAGE}/{switch}").status_code == 303
    assert NOT_CONFIRMED not in words_of(alice.get(PAGE))
    hold_the_lane(portal)
    assert alice.post(f"{PAGE}/{'disable' if switch == 'enable' else 'enable'}").status_code == 303

    assert NOT_CONFIRMED in words_of(alice.get(PAGE))
