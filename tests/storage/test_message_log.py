"""The log of a tenant's messages: what a search finds, and that it never looks at more than it says."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from portal.domain.ids import MessageId, TenantId
from portal.storage import message_log, migrations
from portal.storage.database import Database
from portal.storage.message_log import Found, Search, Way
from portal.storage.messages import MessageState
from portal.storage.traffic import Outcome
from tests.support.query_plans import query_plans
from tests.support.stored_mail import put_messages, put_tenant

NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
SENT: Final[dict[str, Any]] = {"state": MessageState.SENT, "via": "tenant", "because": "tenant_route"}

STORIES: Final[dict[str, dict[str, Any]]] = {
    "own": SENT | {"to_address": "Ada.Lovelace@dest.example"},
    "fell back": SENT | {"via": "platform", "because": "unhealthy", "to_address": "100%_sure@dest.example"},
    "platform": SENT | {"via": "platform", "because": "turned_off", "kind": "otp"},
    "failed": {"state": MessageState.FAILED, "via": "tenant", "because": "tenant_route"},
    "fallback failed": {"state": MessageState.FAILED, "via": "platform", "because": "fell_back"},
    "expired": {"state": MessageState.EXPIRED, "kind": "otp"},
    "waiting": {"state": MessageState.WAITING},
    "queued": {"to_address": "bob@elsewhere.example"},
}
"""One message each, a minute apart, the first one the oldest."""


@pytest.fixture
def acme(database: Database) -> TenantId:
    with database.transaction() as session:
        tenant = put_tenant(session, "acme", NOON)
        for number, message in enumerate(STORIES.values()):
            put_messages(session, tenant, NOON + number * MINUTE, **message)
        put_messages(session, put_tenant(session, "other", NOON), NOON, to_address="ada.lovelace@dest.example")
    return tenant


@pytest.fixture
def three_at_most(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The bound, set so low that a few messages reach it."""
    with monkeypatch.context() as patched:
        patched.setattr(message_log, "MOST_LOOKED_AT", 3)
        yield


def page(database: Database, acme: TenantId, search: Search, **more: Any) -> Found:
    with database.reading() as session:
        return message_log.page(session, acme, search, **more)


def stories_of(found: Found) -> list[str]:
    names = list(STORIES)
    return [names[(row.created_at - NOON) // MINUTE] for row in found.rows]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        (Search(), [*reversed(STORIES)]),
        (Search(recipient="ada.lovelace@dest.example"), ["own"]),
        (Search(recipient="LOVELACE"), ["own"]),
        (Search(recipient="elsewhere"), ["queued"]),
        (Search(recipient="%"), ["fell back"]),
        (Search(recipient="100%_"), ["fell back"]),
        (Search(recipient="_ove"), []),
        (Search(outcomes=frozenset({Outcome.SENT})), ["platform", "own"]),
        (Search(outcomes=frozenset({Outcome.SENT, Outcome.FALLBACK})), ["platform", "fell back", "own"]),
        (Search(outcomes=frozenset({Outcome.FAILED})), ["expired", "fallback failed", "failed"]),
        (Search(outcomes=frozenset({Outcome.WAITING})), ["queued", "waiting"]),
        (Search(kind="otp"), ["expired", "platform"]),
        (Search(way=Way.OWN), ["failed", "own"]),
        (Search(way=Way.PLATFORM), ["platform"]),
        (Search(way=Way.FALLBACK), ["fallback failed", "fell back"]),
        (Search(since=NOON + 6 * MINUTE), ["queued", "waiting"]),
        (Search(kind="otp", outcomes=frozenset({Outcome.FAILED})), ["expired"]),
        (Search(kind="otp", since=NOON + 3 * MINUTE), ["expired"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",  # a set's text differs between processes
)
def test_a_search_finds_what_fits_newest_first(
    database: Database, acme: TenantId, search: Search, found: list[str]
) -> None:
    assert stories_of(page(database, acme, search)) == found


@pytest.mark.parametrize("search", [Search(), Search(recipient="example")], ids=["all", "searched"])
@pytest.mark.parametrize("most", [1, 3, 7, 8, 9])
def test_turning_pages_shows_every_message_once(database: Database, acme: TenantId, search: Search, most: int) -> None:
    seen, before = [], None
    while True:
        found = page(database, acme, search, before=before, most=most)
        assert len(found.rows) <= most
        seen += stories_of(found)
        before = found.older
        if before is None:
            break
    assert seen == [*reversed(STORIES)]


@pytest.mark.usefixtures("three_at_most")
def test_a_search_that_stops_early_says_how_far_it_came_and_goes_on_from_there(
    database: Database, acme: TenantId
) -> None:
    rare = Search(recipient="lovelace")
    pages: list[tuple[list[str], datetime | None]] = []
    before: MessageId | None = None
    while True:
        found = page(database, acme, rare, before=before)
        pages.append((stories_of(found), found.looked_back_to))
        before = found.older
        if before is None:
            break
    assert pages == [([], NOON + 5 * MINUTE), ([], NOON + 2 * MINUTE), (["own"], None)]


@pytest.mark.usefixtures("three_at_most")
def test_what_needs_no_search_is_not_bounded(database: Database, acme: TenantId) -> None:
    assert len(page(database, acme, Search()).rows) == len(STORIES)


def test_a_search_goes_along_the_index_and_sorts_nothing(tmp_path: Path) -> None:
    database = Database.at(f"sqlite:///{tmp_path}/waypost.db")
    migrations.upgrade(database)
    search = Search("ada", frozenset(Outcome), "otp", Way.OWN, NOON)
    with query_plans(database) as steps:
        page(database, TenantId("acme"), search, before="0" * 26)
    database.close()

    expected = "ix_messages_tenant_newest (tenant_id=? AND id>? AND id<?)"
    assert len(steps) == 2
    assert [step for step in steps if expected not in step] == []
    assert "COVERING" in steps[0]
