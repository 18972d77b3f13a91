"""An address that only takes forms, opened like a page: reloaded after a refusal, or taken from the history."""

import pytest

from tests.support.portal_app import Browser, Portal, typed

SETTINGS = "/t/acme/email-smtp"


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        (f"{SETTINGS}/save-and-activate", SETTINGS),
        (f"{SETTINGS}/draft", SETTINGS),
        (f"{SETTINGS}/draft/discard", SETTINGS),
        (f"{SETTINGS}/enable", SETTINGS),
        ("/t/acme/audit-log/export", "/t/acme/audit-log"),
        ("/account/sign-ins/end-others", "/account"),
        ("/sign-out", "/"),
    ],
)
def test_it_leads_to_the_page_its_form_is_on(alice: Browser, path: str, leads_to: str) -> None:
    for answer in (alice.get(path), alice.client.head(path, base_url=alice.base_url)):
        assert answer.status_code == 303
        assert answer.headers["Location"] == leads_to


def test_a_refused_form_can_be_reloaded_from_its_address(alice: Browser) -> None:
    refused = alice.post(f"{SETTINGS}/save-and-activate", typed(host=""))
    assert refused.status_code == 422
    page = alice.get(refused.request.path, follow_redirects=True)
    assert page.status_code == 200
    assert page.request.path == SETTINGS


def test_it_tells_a_stranger_nothing(charlie: Browser) -> None:
    for slug in ("acme", "no-such-tenant"):
        answer = charlie.get(f"/t/{slug}/email-smtp/enable")
        assert answer.headers["Location"] == f"/t/{slug}/email-smtp"
        assert charlie.get(answer.headers["Location"]).status_code == 404


def test_what_changes_something_is_never_led_on(alice: Browser) -> None:
    assert alice.post("/t/acme/audit-log").status_code == 405


def test_a_foreign_host_is_refused_before(portal: Portal) -> None:
    answer = portal.app.test_client().get(f"{SETTINGS}/enable", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "Location" not in answer.headers
