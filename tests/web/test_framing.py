"""No page of the portal can be put into a frame of another site's, whatever the answer is (THREATS 22)."""

from typing import Final

import pytest
from werkzeug.test import TestResponse

from portal.storage.database import StorageError
from portal.web.access import anyone
from tests.support.portal_app import ALICE, BOB, CHARLIE, Browser, Portal, typed, user_id
from tests.support.url_map import addresses, examples
from tests.support.walker import Walker

SETTINGS: Final = "/t/acme/email-smtp"


def cannot_be_framed(answer: TestResponse) -> None:
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    is_static = answer.request.path.startswith("/static/") and answer.status_code == 200
    assert is_static or answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("person", [None, ALICE, BOB, CHARLIE])
def test_no_address_can(portal: Portal, person: str | None) -> None:
    walker = Walker(portal, person)
    statuses = set()
    for address in addresses(portal.app, examples(portal, portal.acme, user_id(portal, person or ALICE))):
        answer = walker.open(address)
        cannot_be_framed(answer)
        statuses.add(answer.status_code)
    assert {200, 303} <= statuses


def test_no_refusal_can(portal: Portal, alice: Browser) -> None:
    answers = {
        303: alice.get(f"{SETTINGS}/enable"),
        400: alice.post_bare(f"{SETTINGS}/draft", typed()),
        403: portal.browser(BOB).post(f"{SETTINGS}/disable"),
        404: alice.get("/no/such/page"),
        405: alice.client.delete(SETTINGS, base_url=alice.base_url),
        413: alice.post(f"{SETTINGS}/draft", {"host": "x" * 300_000}),
        415: alice.post_bare(f"{SETTINGS}/draft", json={"host": "x"}),
        422: alice.post(f"{SETTINGS}/draft", typed(host="")),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        cannot_be_framed(answer)
    cannot_be_framed(portal.app.test_client().get("/sign-in", headers={"Host": "evil.example"}))
    cannot_be_framed(portal.browser().get(SETTINGS, headers={"HX-Request": "true"}))
    cannot_be_framed(alice.client.options(SETTINGS, base_url=alice.base_url))
    cannot_be_framed(alice.client.head(SETTINGS, base_url=alice.base_url))


@pytest.mark.parametrize("error", [ZeroDivisionError("a defect"), StorageError("the disk is full")])
def test_no_defect_can(portal: Portal, error: Exception) -> None:
    def broken() -> str:
        raise error

    portal.app.add_url_rule("/broken", "broken", anyone(broken))
    answer = portal.browser().get("/broken")
    assert answer.status_code >= 500
    cannot_be_framed(answer)
