"""Every address of the portal, with every method, asked by everybody: the answer is what the table of roles says.

The addresses come from the URL map. A new view is walked by itself; without an access rule, or without an example for
a new argument of its address, it fails here.
"""

from pathlib import Path
from typing import Final

import pytest

from portal.demo import inbox_views
from portal.domain.audit_events import COMMAND_LINE
from portal.domain.people.roles import PERMISSIONS, Permission, Role
from portal.web.access import ANYONE, SIGNED_IN, rule_of
from tests.support.portal_app import ALICE, BOB, CHARLIE, OLGA, PASSWORD, Portal, served, user_id
from tests.support.url_map import Address, NoExampleError, addresses, examples
from tests.support.walker import Walker, page_of

ANNA: Final = "anna@acme.example"
MEMBERS: Final = {ALICE: Role.OWNER, ANNA: Role.ADMIN, BOB: Role.VIEWER}
STRANGERS: Final = (CHARLIE, OLGA)
"""The owner of another tenant; and an operator, who is a member of nothing."""

CHANGES_THE_ROUTE: Final = frozenset({Permission.EDIT_EMAIL_SETTINGS, Permission.SWITCH_ROUTE})
CHANGES_NOTHING: Final = frozenset({"email_settings.advise"})
"""Forms that are only read, and answered with a page."""


@pytest.fixture
def peopled(portal: Portal) -> Portal:
    """Acme has an admin, too."""
    accounts = portal.waypost.accounts
    anna = accounts.create_user(ANNA, name="Anna", password=PASSWORD, is_operator=False, actor=COMMAND_LINE)
    accounts.add_member("acme", anna, Role.ADMIN, actor=COMMAND_LINE)
    return portal


def all_addresses(portal: Portal, who: str = ALICE) -> list[Address]:
    """Within Acme, and with what is theirs."""
    return list(addresses(portal.app, examples(portal, portal.acme, user_id(portal, who))))


def silent_views(portal: Portal) -> list[str]:
    """Endpoints that do not say who may open them."""
    return [endpoint for endpoint, view in portal.app.view_functions.items() if rule_of(view) is None]


def test_every_view_says_who_may_open_it(portal: Portal) -> None:
    portal.app.register_blueprint(inbox_views.blueprint)  # the demo's own pages, too
    assert silent_views(portal) == []


def test_a_view_that_says_nothing_is_found_and_opens_for_nobody(portal: Portal) -> None:
    portal.app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    assert silent_views(portal) == ["forgotten"]
    for browser in (portal.browser(), portal.browser(ALICE)):
        answer = browser.get("/forgotten")
        assert answer.status_code == 500
        assert "secret" not in answer.text


def test_an_address_with_an_unknown_argument_is_found(portal: Portal) -> None:
    portal.app.add_url_rule("/t/<slug>/<new_thing>", "new", lambda **_: "")
    with pytest.raises(NoExampleError, match="new_thing"):
        all_addresses(portal)


def test_every_page_of_a_tenant_demands_a_permission(portal: Portal) -> None:
    of_tenants = [address for address in all_addresses(portal) if address.is_of_a_tenant]
    assert len(of_tenants) >= 10
    assert [str(address) for address in of_tenants if address.needs not in set(Permission)] == []


def test_nothing_below_a_tenant_goes_by_another_name(portal: Portal) -> None:
    below = [address for address in all_addresses(portal) if address.path.startswith("/t/")]
    assert [str(address) for address in below if not address.is_of_a_tenant] == []


def test_every_permission_opens_something(portal: Portal) -> None:
    assert {address.needs for address in all_addresses(portal)} >= set(Permission)


def test_who_is_not_signed_in_is_asked_to(portal: Portal) -> None:
    visitor = Walker(portal, None)
    for address in all_addresses(portal):
        answer, part = visitor.open(address), visitor.open(address, headers={"HX-Request": "true"})
        if address.needs == ANYONE:
            assert {answer.status_code, part.status_code}.isdisjoint({401, 403, 500}), address
        else:
            assert answer.status_code == 303, address
            assert answer.headers["Location"].startswith("/sign-in"), address
            assert (part.status_code, part.text) == (401, ""), address


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_may_what_the_table_of_roles_says(peopled: Portal, member: str) -> None:
    walker = Walker(peopled, member)
    for address in all_addresses(peopled, member):
        answer = walker.open(address)
        assert answer.status_code < 500, address
        if address.is_of_a_tenant and address.needs not in PERMISSIONS[MEMBERS[member]]:
            assert answer.status_code == 403, address
            assert f"Your role here is {MEMBERS[member]}" in answer.text, address
        elif "token" in address.rule.arguments:  # an invented one: its page says so in its own words
            assert answer.status_code not in {401, 403}, address
        else:
            assert answer.status_code not in {401, 403, 404}, address


def test_a_viewer_sees_every_page_and_sends_no_form(portal: Portal) -> None:
    """Else a form under a permission to see would pass all the rest."""
    of_tenants = [address for address in all_addresses(portal) if address.is_of_a_tenant]
    seeing = {str(address) for address in of_tenants if address.needs in PERMISSIONS[Role.VIEWER]}
    assert seeing == {str(address) for address in of_tenants if address.method == "GET"}


@pytest.mark.peers
def test_every_address_works_on_postgresql_too(tmp_path: Path, postgresql_url: str) -> None:
    with served(tmp_path, database_url=postgresql_url) as portal:
        alice = Walker(portal, ALICE)
        for address in all_addresses(portal):
            assert alice.open(address).status_code < 500, address
            for odd in ("%00", "%ff", "x" * 300):
                assert alice.open(address, path=address.path.replace("acme", odd)).status_code < 500, address
                last = address.path.rpartition("/")[0]
                assert alice.open(address, path=f"{last}/{odd}").status_code < 500, address


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_stranger_cannot_tell_a_tenant_from_nothing(portal: Portal, stranger: str) -> None:
    walker = Walker(portal, stranger)
    walked = 0
    for address in all_addresses(portal):
        if not address.is_of_a_tenant:
            continue
        for headers in ({}, {"HX-Request": "true"}):
            there = walker.open(address, headers=headers)
            nowhere = walker.open(address, path=address.path.replace("/acme/", "/no-such-tenant/"), headers=headers)
            assert there.status_code == nowhere.status_code == 404, address
            assert page_of(there) == page_of(nowhere), address
            assert sorted(there.headers.keys()) == sorted(nowhere.headers.keys()), address
        walked += 1
    assert walked >= 10


def test_what_is_another_tenants_is_not_found_under_ones_own_name(portal: Portal) -> None:
    alice = Walker(portal, ALICE)
    theirs = examples(portal, portal.other, user_id(portal, CHARLIE), slug="acme")
    invented = theirs | {name: "0" * 26 for name in theirs if name != "slug"}
    walked = 0
    for address, nothing in zip(addresses(portal.app, theirs), addresses(portal.app, invented), strict=True):
        if address.names_an_object:
            there, nowhere = alice.open(address), alice.open(nothing)
            assert there.status_code == nowhere.status_code == 404, address
            assert page_of(there) == page_of(nowhere), address
            walked += 1
    assert walked >= 2


def test_nobody_ends_or_opens_what_is_another_persons(portal: Portal) -> None:
    alice = Walker(portal, ALICE)
    bobs = examples(portal, portal.acme, user_id(portal, BOB))
    invented = bobs | {"sign_in_id": "0" * 26}
    for address, nothing in zip(addresses(portal.app, bobs), addresses(portal.app, invented), strict=True):
        if "sign_in_id" in address.rule.arguments:
            there, nowhere = alice.open(address), alice.open(nothing)
            assert (there.status_code, page_of(there)) == (nowhere.status_code, page_of(nowhere)), address


def test_who_changes_the_route_proves_who_they_are(portal: Portal) -> None:
    """At most ten minutes ago (THREATS 20)."""
    changing = [
        address
        for address in all_addresses(portal)
        if address.method != "GET" and address.needs in CHANGES_THE_ROUTE and address.endpoint not in CHANGES_NOTHING
    ]
    assert len(changing) >= 6
    assert [str(address) for address in changing if not address.is_confirmed] == []


def test_no_address_is_both_a_page_and_a_form_of_one_view(portal: Portal) -> None:
    methods: dict[str, set[str]] = {}
    for address in all_addresses(portal):
        methods.setdefault(address.endpoint, set()).add(address.method)
    assert [endpoint for endpoint, found in methods.items() if len(found) > 1] == []
    assert set().union(*methods.values()) == {"GET", "POST"}


def test_options_tells_strangers_what_it_tells_everybody(portal: Portal) -> None:
    client = portal.app.test_client()
    for address in all_addresses(portal):
        if address.needs not in {ANYONE, SIGNED_IN}:
            answer = client.options(address.path, base_url="http://127.0.0.1:5000")
            assert (answer.status_code, answer.data) == (200, b""), address
