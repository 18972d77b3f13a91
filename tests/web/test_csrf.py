"""Every form of the portal is taken from its own pages only. The forms come from the URL map."""

from collections.abc import Iterator
from typing import Final

import pytest
from werkzeug.test import TestResponse

from portal.domain.people.roles import Permission
from portal.storage import audit_log
from tests.support.portal_app import ALICE, Browser, Portal, csrf_token_in, typed, user_id, words_of
from tests.support.url_map import addresses, examples

FOREIGN: Final = [
    {"Origin": "https://evil.example"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "http://127.0.0.1:5000.evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "HX-Request": "true"},
]


def forms(portal: Portal) -> Iterator[str]:
    """The address of every form, filled with what is Alice's, or Acme's."""
    values = examples(portal, portal.acme, user_id(portal, ALICE))
    for address in addresses(portal.app, values):
        if address.method != "GET":
            yield address.path


def unchanged(portal: Portal, answer: TestResponse, before: int, path: str) -> None:
    assert answer.status_code == 400, path
    assert events(portal) == before, path


def events(portal: Portal) -> int:
    with portal.waypost.database.reading() as session:
        return len(audit_log.page(session, portal.acme, most=1000))


def test_no_form_is_taken_without_its_token(portal: Portal, alice: Browser) -> None:
    before = events(portal)
    paths = list(forms(portal))
    assert len(paths) >= 15
    for path in paths:
        answer = alice.post_bare(path, typed())
        unchanged(portal, answer, before, path)
        assert "This form is too old" in words_of(answer), path


def test_whoever_signed_out_meanwhile_is_asked_to_sign_in_and_led_back_to_the_page(
    portal: Portal, alice: Browser
) -> None:
    page = "/t/acme/email-smtp"
    token = csrf_token_in(alice.get(page))
    alice.post("/sign-out")
    before = events(portal)
    answer = alice.post_bare(f"{page}/draft", typed(csrf_token=token), headers={"Referer": alice.base_url + page})
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/sign-in?next={page}"
    assert "You are not signed in, so nothing was changed." in words_of(alice.get(answer.headers["Location"]))
    assert alice.post_bare(f"{page}/tests", typed(), headers={"HX-Request": "true"}).status_code == 401
    assert events(portal) == before


def test_no_form_is_taken_with_another_persons_token(portal: Portal, alice: Browser, charlie: Browser) -> None:
    before = events(portal)
    theirs = csrf_token_in(charlie.get("/t/other/email-smtp"))
    for path in forms(portal):
        unchanged(portal, alice.post_bare(path, typed(csrf_token=theirs)), before, path)


@pytest.mark.parametrize("headers", FOREIGN)
def test_no_form_is_taken_from_another_site(portal: Portal, alice: Browser, headers: dict[str, str]) -> None:
    """Not even with the token, should it ever become known."""
    before = events(portal)
    token = csrf_token_in(alice.get("/t/acme/email-smtp"))
    for path in forms(portal):
        unchanged(portal, alice.post_bare(path, typed(csrf_token=token), headers=headers), before, path)


def test_a_token_is_taken_from_the_form_alone(portal: Portal, alice: Browser) -> None:
    token = csrf_token_in(alice.get("/t/acme/email-smtp"))
    for path in forms(portal):
        assert alice.post_bare(f"{path}?csrf_token={token}", typed()).status_code == 400, path


def test_what_is_no_form_is_refused(portal: Portal, alice: Browser) -> None:
    token = csrf_token_in(alice.get("/t/acme/email-smtp"))
    before = events(portal)
    for path in forms(portal):
        answer = alice.post_bare(path, headers={"X-CSRFToken": token}, json=typed(csrf_token=token))
        assert answer.status_code == 415, path
    assert events(portal) == before


def test_no_address_changes_anything_by_being_opened(portal: Portal, alice: Browser) -> None:
    before = events(portal)
    for address in addresses(portal.app, examples(portal, portal.acme, user_id(portal, ALICE))):
        if address.method == "GET" and address.needs in set(Permission):
            alice.get(address.path, buffered=True)
    assert events(portal) == before
