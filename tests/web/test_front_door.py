"""Where one arrives after signing in, and where the tenant switcher leads."""

from typing import Final

import pytest

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.people.roles import Role
from tests.support.portal_app import ALICE, BOB, Portal, user_id

PAGE: Final = "/t/acme/overview"


def test_one_arrives_at_the_overview_of_the_tenant_one_looked_at_last(portal: Portal) -> None:
    alice = portal.browser(ALICE)
    portal.waypost.accounts.create_tenant("zebra", name="Zebra", organisation="Acme", actor=COMMAND_LINE)
    portal.waypost.accounts.add_member("zebra", user_id(portal, ALICE), Role.OWNER, actor=COMMAND_LINE)
    assert alice.get("/").headers["Location"] == PAGE
    alice.get("/t/zebra/audit-log")
    assert alice.get("/").headers["Location"] == "/t/zebra/overview"
    alice.get("/t/other/overview")  # 404: she is no member
    assert alice.get("/").headers["Location"] == "/t/zebra/overview"


def test_a_page_of_no_tenant_leads_back_to_the_pages_of_the_one_looked_at_last(portal: Portal) -> None:
    alice = portal.browser(ALICE)
    portal.waypost.accounts.add_member("other", user_id(portal, ALICE), Role.VIEWER, actor=COMMAND_LINE)
    alice.get("/t/other/overview")
    account = alice.get("/account").text
    for page in ("overview", "email-smtp", "messages", "audit-log"):
        assert f'<a href="/t/other/{page}"' in account


def test_a_tenant_one_is_no_member_of_any_more_is_not_gone_back_to(portal: Portal) -> None:
    bob = portal.browser(BOB)
    with bob.client.session_transaction(base_url=bob.base_url) as session:
        session["last_tenant"] = "other"
    assert bob.get("/").headers["Location"] == PAGE


@pytest.mark.parametrize(
    ("page", "leads_to"),
    [
        ("overview", "overview"),
        ("email-smtp", "email-smtp"),
        ("messages?q=ada", "messages"),
        ("audit-log", "audit-log"),
    ],
)
def test_another_tenant_is_shown_on_the_same_kind_of_page(portal: Portal, page: str, leads_to: str) -> None:
    portal.waypost.accounts.add_member("other", user_id(portal, ALICE), Role.OWNER, actor=COMMAND_LINE)
    assert f'href="/t/other/{leads_to}"' in portal.browser(ALICE).get(f"/t/acme/{page}").text
