"""Proving once more who one is, before something that matters."""

from datetime import timedelta
from html import unescape
from re import findall
from typing import Final

import pytest
from flask import render_template_string, request
from flask.typing import ResponseReturnValue

from portal.domain.people.roles import Permission
from portal.storage.users import Membership
from portal.web import confirmation
from portal.web.access import needs_permission
from portal.web.confirmation import confirmed, is_confirmed
from tests.support.portal_app import ALICE, BOB, PASSWORD, Browser, Portal, words_of
from tests.support.signed_in import audited

SWITCH: Final = "/t/acme/switch"
SECRET: Final = "/t/acme/secret"
LATER: Final = timedelta(minutes=10, seconds=1)


@needs_permission(Permission.SWITCH_ROUTE)
@confirmed(to="turn the lights off")
def switch(here: Membership) -> ResponseReturnValue:
    return f"done in {here.tenant.slug} with {request.form.getlist('lamp')}"


def ask_in_the_form(here: Membership) -> ResponseReturnValue:
    page = '<form>{% include "confirmation/field.html" %}</form>'
    return render_template_string(page), 403, {"X-Tenant": here.tenant.slug}


@needs_permission(Permission.SWITCH_ROUTE)
@confirmed(to="keep a secret", on_stale=ask_in_the_form)
def secret(here: Membership) -> ResponseReturnValue:
    return f"kept in {here.tenant.slug}, and asked again: {not confirmation.is_fresh()}"


form = needs_permission(Permission.SWITCH_ROUTE)(ask_in_the_form)


@pytest.fixture(autouse=True)
def views(portal: Portal) -> None:
    portal.app.add_url_rule("/t/<slug>/switch", "switch", switch, methods=["POST"])
    portal.app.add_url_rule("/t/<slug>/secret", "secret", secret, methods=["POST"])
    portal.app.add_url_rule("/t/<slug>/form", "form", form)


@pytest.fixture
def stale(portal: Portal, alice: Browser) -> Browser:
    """Alice's browser, more than ten minutes after she has signed in."""
    portal.clock.passed += LATER
    return alice


def test_for_ten_minutes_the_sign_in_is_proof_enough(portal: Portal, alice: Browser) -> None:
    portal.clock.passed += timedelta(minutes=9, seconds=50)
    assert alice.post(SWITCH).text.startswith("done")


def test_after_that_the_password_is_asked_for_and_completes_what_was_begun(stale: Browser) -> None:
    asked = stale.post(SWITCH, {"lamp": 'h"all'})
    assert asked.status_code == 403
    assert "To turn the lights off, enter your password. Nothing has been changed yet." in words_of(asked)
    assert f'action="{SWITCH}"' in asked.text

    carried = dict(findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', asked.text))
    fields = {name: unescape(value) for name, value in carried.items()}
    assert stale.post_bare(SWITCH, {**fields, "confirm_password": PASSWORD}).text == "done in acme with ['h\"all']"


def test_the_proof_lasts_for_ten_minutes_more(portal: Portal, stale: Browser) -> None:
    assert stale.post(SWITCH, {"confirm_password": PASSWORD}).status_code == 200
    portal.clock.passed += timedelta(minutes=9)
    assert stale.post(SWITCH).status_code == 200
    portal.clock.passed += timedelta(minutes=2)
    assert stale.post(SWITCH).status_code == 403


def test_a_wrong_password_proves_nothing_and_stands_nowhere(portal: Portal, stale: Browser) -> None:
    answer = stale.post(SWITCH, {"confirm_password": "wrong-and-typed"})
    assert answer.status_code == 403
    assert "This is not the password you sign in to Waypost with." in words_of(answer)
    assert "wrong-and-typed" not in answer.text
    assert stale.post(SWITCH).status_code == 403
    assert audited(portal, "user.confirmation_refused") == 1


def test_each_proof_is_in_the_audit_log(portal: Portal, stale: Browser) -> None:
    stale.post(SWITCH, {"confirm_password": PASSWORD})
    assert audited(portal, "user.confirmed") == 1


def test_a_password_that_was_sent_along_is_not_carried_through_a_page(stale: Browser) -> None:
    answer = stale.post(SWITCH, {"password": "of-the-server", "new_password": "of-the-server, too", "lamp": "hall"})
    assert "of-the-server" not in answer.text
    assert 'value="hall"' in answer.text


def test_a_form_with_a_secret_is_shown_again_with_the_question_in_it(stale: Browser) -> None:
    asked = stale.post(SECRET, {"password": "of-the-server"})
    assert (asked.status_code, asked.headers["X-Tenant"]) == (403, "acme")
    assert 'name="confirm_password"' in asked.text
    assert "Enter the password you sign in to Waypost with." in words_of(asked)
    assert stale.post(SECRET, {"confirm_password": PASSWORD}).text == "kept in acme, and asked again: False"


def test_the_question_is_not_in_the_form_of_somebody_who_has_proven_it(portal: Portal, alice: Browser) -> None:
    assert "confirm_password" not in alice.get("/t/acme/form").text
    portal.clock.passed += LATER
    assert "confirm_password" in alice.get("/t/acme/form").text


def test_wrong_passwords_are_limited_and_shut_nobody_else_out(portal: Portal, stale: Browser) -> None:
    for _ in range(10):
        assert "not the password" in words_of(stale.post(SWITCH, {"confirm_password": "wrong"}))
    refused = stale.post(SWITCH, {"confirm_password": PASSWORD})
    assert refused.status_code == 403
    assert "Too many wrong passwords. Try again in 2 minutes." in words_of(refused)
    assert portal.browser(ALICE).post(SWITCH).status_code == 200


def test_a_script_is_led_to_the_question_too(stale: Browser) -> None:
    answer = stale.post(SWITCH, headers={"HX-Request": "true"})
    assert answer.headers["HX-Retarget"] == "body"


def test_a_role_is_looked_at_first(portal: Portal) -> None:
    bob = portal.browser(BOB)
    portal.clock.passed += LATER
    assert "which does not allow" in words_of(bob.post(SWITCH, {"confirm_password": PASSWORD}))
    assert audited(portal, "user.confirmed") == 0


def test_a_view_shows_that_it_demands_proof(portal: Portal) -> None:
    assert is_confirmed(portal.app.view_functions["switch"])
    assert not is_confirmed(portal.app.view_functions["sign_in.sign_out"])
