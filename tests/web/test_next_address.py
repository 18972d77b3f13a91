"""Where the portal sends somebody on: never to another site, however the address is written (THREATS 22)."""

from typing import Final
from urllib.parse import urljoin, urlsplit

import pytest

from portal.web.login import inner_path
from tests.support.portal_app import ALICE, PASSWORD, Browser, Portal

TRICKS: Final = [
    "https://evil.example",
    "http:evil.example",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/ /evil.example\r\nSet-Cookie: a=b",
    "javascript:alert(1)",
    "data:text/html,evil",
    "/%0d%0aLocation:%20https://evil.example\r\n",
    "/\u2028//evil.example",
    "evil.example",
    "@evil.example",
    ".evil.example",
    "https:/evil.example",
    "http://127.0.0.1:5000@evil.example",
    "/..//evil.example",
    "/.//evil.example",
    "/t/..//../evil.example//",
]
FRONT_DOOR: Final = "/"


def lands_on(browser: Browser, location: str) -> str:
    """Where a browser goes for it: relative to where it is, tabs and line breaks left out, backslashes turned."""
    read = location.replace("\t", "").replace("\n", "").replace("\r", "").replace("\\", "/").strip()
    return urlsplit(urljoin(f"{browser.base_url}/sign-in", read)).netloc


@pytest.mark.parametrize("trick", TRICKS)
def test_signing_in_leads_nowhere_else(portal: Portal, trick: str) -> None:
    browser = portal.browser()
    answer = browser.post("/sign-in", {"email": ALICE, "password": PASSWORD}, query_string={"next": trick})
    assert answer.status_code == 303
    assert lands_on(browser, answer.headers["Location"]) == "127.0.0.1:5000"
    assert "Set-Cookie: a=b" not in str(answer.headers)


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_is_left_for_what_writes_the_header_to_disarm(portal: Portal, trick: str) -> None:
    kept = inner_path(trick)
    assert kept is None or lands_on(portal.browser(), kept) == "127.0.0.1:5000"


@pytest.mark.parametrize("trick", TRICKS)
def test_who_is_signed_in_already_is_led_nowhere_else(alice: Browser, trick: str) -> None:
    answer = alice.get("/sign-in", query_string={"next": trick})
    assert answer.status_code == 302
    assert lands_on(alice, answer.headers["Location"]) == "127.0.0.1:5000"


@pytest.mark.parametrize("inner", ["/t/acme/audit-log", "/t/acme/audit-log?event=mail&from=2026-11-20", "/account"])
def test_an_address_of_ours_is_followed(portal: Portal, inner: str) -> None:
    answer = portal.browser().post("/sign-in", {"email": ALICE, "password": PASSWORD}, query_string={"next": inner})
    assert answer.headers["Location"] == inner


@pytest.mark.parametrize("trick", TRICKS)
def test_the_form_repeats_no_foreign_address(portal: Portal, trick: str) -> None:
    """What the sign-in page sends its form to stays with us, too."""
    page = portal.browser().get("/sign-in", query_string={"next": trick})
    assert page.status_code == 200
    assert 'action="http' not in page.text
    assert 'action="//' not in page.text


@pytest.mark.parametrize("referrer", ["https://evil.example/", "//evil.example", "http://127.0.0.1:5000.evil.example/"])
def test_no_page_leads_back_to_a_foreign_one(portal: Portal, referrer: str) -> None:
    answer = portal.browser().post("/t/acme/email-smtp/disable", headers={"Referer": referrer})
    assert answer.status_code == 303
    assert "evil" not in answer.headers["Location"]
