"""Who may see and not touch, and who may not even see."""

from typing import Final

import pytest
from playwright.sync_api import APIResponse, expect

from tests.support.email_smtp_page import PATH, EmailSmtpPage, sign_in
from tests.support.portal_app import BOB, CHARLIE, typed
from tests.support.served_story import HOST, ServedStory
from tests.support.visitor import Newcomer, Visitor

pytestmark = pytest.mark.browser

USABLE: Final = ":is(button, input:not([type=hidden]), select, textarea):enabled"
PAGES: Final = ("/t/acme/overview", "/t/acme/messages", "/t/acme/audit-log", f"{PATH}/tests", PATH)


def acts(it: ServedStory) -> list[str]:
    """Where a form can be sent to that does something within Acme."""
    rules = [rule for rule in it.app.url_map.iter_rules() if rule.rule.startswith("/t/<slug>/")]
    posts = [rule.rule for rule in rules if "POST" in (rule.methods or ())]
    return [path.replace("<slug>", "acme").replace("<probe_id>", "0" * 26) for path in posts]


def post_by_hand(visitor: Visitor, it: ServedStory, path: str) -> APIResponse:
    """What somebody sends who writes a form of their own: from the right place, with the right token."""
    token = visitor.page.locator("input[name=csrf_token]").first.get_attribute("value")
    assert token
    fields: dict[str, str | float | bool] = {
        **typed(host="evil.example"),
        "version": "1",
        "untested": "yes",
        "csrf_token": token,
    }
    return visitor.page.request.post(path, form=fields, headers={"Origin": it.address}, max_redirects=0)


def test_a_viewer_sees_how_mail_goes_and_can_touch_nothing(it: ServedStory, newcomer: Newcomer) -> None:
    server = it.mail_server()
    it.acme_uses(server)
    bob = newcomer()
    page = EmailSmtpPage(bob).opened_by(BOB)

    page.says_state("Active, delivering")
    page.says_where_mail_goes(HOST)
    bob.reads("You are a viewer here")
    expect(bob.page.locator(f"main {USABLE}")).to_have_count(0)
    for path in PAGES:
        bob.opens(path)
        expect(bob.page.get_by_role("heading", level=1)).to_be_visible()
        expect(bob.page.locator(f"main form[method=post] {USABLE}")).to_have_count(0)

    answers = {path: post_by_hand(bob, it, path).status for path in acts(it)}
    assert answers == dict.fromkeys(answers, 403)
    assert f"{PATH}/disable" in answers

    page.open()
    page.says_state("Active, delivering")
    page.says_where_mail_goes(HOST)
    assert server.mails == []
    assert not it.portal.has_said(server.password)


def test_a_stranger_finds_nothing(it: ServedStory, newcomer: Newcomer) -> None:
    it.acme_uses(it.mail_server())
    charlie = newcomer()
    charlie.opens("/")
    sign_in(charlie, CHARLIE)
    charlie.reads("Other")

    assert {charlie.page.request.get(path).status for path in PAGES} == {404}
    assert {post_by_hand(charlie, it, path).status for path in acts(it)} == {404}
    assert not it.portal.has_said(HOST)
