"""Every page says who may open it, and nobody else does."""

from collections.abc import Iterator
from typing import Final

import pytest
from werkzeug.routing import Rule

from portal.demo import inbox_views
from portal.domain.people.roles import PERMISSIONS, Permission, Role
from portal.web.access import ANYONE, SIGNED_IN, rule_of
from tests.support.portal_app import ALICE, BOB, CHARLIE, OLGA, Browser, Portal, words_of

ROLES: Final = {ALICE: Role.OWNER, BOB: Role.VIEWER}
NOWHERE: Final = {"slug": "acme", "probe_id": "0" * 26, "message_id": "0" * 26, "filename": "app.css"}


def pages(portal: Portal) -> Iterator[tuple[Rule, str, str]]:
    """Every rule of the URL map with a method and an address of it within Acme."""
    urls = portal.app.url_map.bind("127.0.0.1")
    for rule in portal.app.url_map.iter_rules():
        arguments = {name: NOWHERE[name] for name in rule.arguments}
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method, urls.build(rule.endpoint, arguments, method=method)


def status_of(browser: Browser, method: str, path: str) -> int:
    answer = browser.post(path) if method == "POST" else browser.get(path)
    return answer.status_code


def test_every_view_says_who_may_open_it(portal: Portal) -> None:
    silent = [endpoint for endpoint, view in portal.app.view_functions.items() if rule_of(view) is None]
    assert silent == []


def test_the_demos_own_pages_say_so_too(portal: Portal) -> None:
    portal.app.register_blueprint(inbox_views.blueprint)
    demos = {name: rule_of(view) for name, view in portal.app.view_functions.items() if name.startswith("inbox.")}
    assert demos
    assert set(demos.values()) == {ANYONE}


def test_a_view_that_says_nothing_opens_for_nobody(portal: Portal) -> None:
    portal.app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    answer = portal.browser(ALICE).get("/forgotten")
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_every_page_of_a_tenant_demands_a_permission(portal: Portal) -> None:
    rules = {
        rule.rule: rule_of(portal.app.view_functions[rule.endpoint])
        for rule in portal.app.url_map.iter_rules()
        if "slug" in rule.arguments
    }
    assert rules
    assert all(isinstance(rule, Permission) for rule in rules.values()), rules


def test_who_is_not_signed_in_is_asked_to(portal: Portal) -> None:
    visitor = portal.browser()
    for rule, method, path in pages(portal):
        if rule_of(portal.app.view_functions[rule.endpoint]) == ANYONE:
            continue
        answer = visitor.post(path) if method == "POST" else visitor.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["Location"].startswith("/sign-in"), path


@pytest.mark.parametrize("stranger", [CHARLIE, OLGA])
def test_a_stranger_finds_nothing_in_the_tenant(portal: Portal, stranger: str) -> None:
    browser = portal.browser(stranger)
    walked = 0
    for rule, method, path in pages(portal):
        if "slug" in rule.arguments:
            walked += 1
            assert status_of(browser, method, path) == 404, path
    assert walked >= 10


@pytest.mark.parametrize("member", [ALICE, BOB])
def test_a_member_may_what_the_table_of_roles_says(portal: Portal, member: str) -> None:
    browser = portal.browser(member)
    for rule, method, path in pages(portal):
        needed = rule_of(portal.app.view_functions[rule.endpoint])
        if needed in {ANYONE, SIGNED_IN} or "slug" not in rule.arguments:
            continue
        status = status_of(browser, method, path)
        assert (status != 403) is (needed in PERMISSIONS[ROLES[member]]), (path, status)
        assert status < 500, path


def test_a_refused_member_reads_why(bob: Browser) -> None:
    answer = bob.post("/t/acme/email-smtp/disable")
    assert answer.status_code == 403
    assert "Your role here is viewer, which does not allow to switch the tenant's server on and off." in words_of(
        answer
    )


def test_a_stranger_cannot_tell_a_tenant_from_nothing(charlie: Browser) -> None:
    there, not_there = charlie.get("/t/acme/email-smtp"), charlie.get("/t/no-such-tenant/email-smtp")
    assert there.status_code == not_there.status_code == 404
    assert there.text == not_there.text
