"""Nothing of another tenant is ever shown: a tenant full of a word that stands nowhere else, and every page of ours."""

from typing import Final

import pytest
from sqlalchemy import delete

from portal.domain.audit_events import COMMAND_LINE, Actor, AuditAction, AuditEvent
from portal.domain.people.roles import Role
from portal.storage import audit_log
from portal.storage.organisations import TenantRow
from portal.storage.users import MembershipRow
from tests.support.portal_app import ALICE, BOB, OLGA, PASSWORD, Portal, typed, user_id
from tests.support.url_map import addresses, examples
from tests.support.walker import Walker

CANARY: Final = "canary-9f3e"
EMAIL: Final = f"{CANARY}@example.com"
QUESTIONS: Final = (
    ("audit-log", "person", "{user}"),
    ("audit-log", "network", "192.0.2.77"),
    ("audit-log", "event", "mail"),
    ("messages", "search", CANARY),
    ("messages", "search", "{message_id}"),
    ("overview", "tenant", CANARY),
)


@pytest.fixture
def theirs(portal: Portal) -> dict[str, str]:
    """A tenant, its owner, its settings, test, message and events; the ids of all of them."""
    waypost = portal.waypost
    accounts = waypost.accounts
    tenant = accounts.create_tenant(CANARY, name=f"{CANARY} Ltd", organisation=f"{CANARY} Org", actor=COMMAND_LINE)
    user = accounts.create_user(EMAIL, name=CANARY, password=PASSWORD, is_operator=False, actor=COMMAND_LINE)
    accounts.add_member(CANARY, user, Role.OWNER, actor=COMMAND_LINE)
    given = {name: value for name, value in typed().items() if value and name != "password"}
    given |= {"host": f"{CANARY}.example.com", "from_address": EMAIL, "from_name": CANARY, "username": CANARY}
    actor = Actor(user, "192.0.2.77")
    version = waypost.email_settings.save_draft(tenant, given | {"password": CANARY}, actor=actor)
    waypost.email_settings.activate(tenant, version, actor=actor, untested=True)
    with waypost.database.transaction() as session:
        facts = {"reply": f"550 {CANARY}", "message": "m" * 26}
        audit_log.append(session, AuditEvent(AuditAction.EMAIL_SEND_FAILED, portal.clock(), actor, tenant, facts))
    return examples(portal, tenant, user) | {"tenant": tenant, "user": user}


def marks(theirs: dict[str, str]) -> set[str]:
    """What would betray them, wherever it stood."""
    ids = {theirs[name] for name in ("tenant", "user", "probe_id", "message_id", "sign_in_id")}
    return ids | {CANARY, "192.0.2.77"}


@pytest.mark.parametrize("person", [ALICE, BOB, OLGA, None])
def test_no_page_shows_anything_of_them(portal: Portal, theirs: dict[str, str], person: str | None) -> None:
    walker = Walker(portal, person)
    ours = examples(portal, portal.acme, user_id(portal, person or ALICE))
    for address in addresses(portal.app, ours):
        page = walker.open(address).text
        assert [mark for mark in marks(theirs) if mark in page] == [], address


@pytest.mark.parametrize(("page", "parameter", "value"), QUESTIONS)
def test_no_question_brings_it_up(
    portal: Portal, theirs: dict[str, str], page: str, parameter: str, value: str
) -> None:
    asked = value.format_map(theirs)
    answer = portal.browser(ALICE).get(f"/t/acme/{page}", query_string={parameter: asked})
    assert answer.status_code == 200
    assert [mark for mark in marks(theirs) - {asked} if mark in answer.text] == []


def test_their_own_pages_are_full_of_it(portal: Portal, theirs: dict[str, str]) -> None:
    """Else the tests above could not fail."""
    walker = Walker(portal, EMAIL)
    own = theirs | {"slug": CANARY}
    silent = [
        str(address)
        for address in addresses(portal.app, own)
        if address.is_of_a_tenant and address.method == "GET" and CANARY not in walker.open(address).text
    ]
    assert [path for path in silent if not path.endswith(("/receipt", ".txt"))] == []


def test_a_version_of_theirs_does_not_become_ours(portal: Portal, theirs: dict[str, str]) -> None:
    assert theirs["tenant"]
    answer = portal.browser(ALICE).post("/t/acme/email-smtp/activate", {"version": "1", "untested": "yes"})
    assert answer.status_code == 303
    with portal.waypost.database.reading() as session:
        acme = session.get_one(TenantRow, portal.acme)
        assert (acme.active_version, acme.smtp_enabled) == (None, False)


def test_whoever_leaves_a_tenant_sees_it_no_more(portal: Portal) -> None:
    bob = portal.browser(BOB)
    assert bob.get("/t/acme/email-smtp").status_code == 200
    with portal.waypost.database.transaction() as session:
        session.execute(delete(MembershipRow).where(MembershipRow.user_id == user_id(portal, BOB)))
    assert bob.get("/t/acme/email-smtp").status_code == 404
    assert "Acme" not in bob.get("/", follow_redirects=True).text
