"""What a request calls the portal's host: refused when it is not ours, and never believed (THREATS 22)."""

from pathlib import Path
from typing import Final

import pytest

from tests.support.portal_app import ALICE, PASSWORD, Browser, Portal, served
from tests.support.signed_in import mail_to

LIES: Final = [
    {"X-Forwarded-Host": "evil.example"},
    {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "444"},
    {"Forwarded": "host=evil.example;proto=https"},
    {"X-Original-Host": "evil.example", "X-Host": "evil.example", "X-Forwarded-Server": "evil.example"},
    {"X-Original-URL": "/t/other", "X-Rewrite-URL": "/t/other"},
]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:5000", "127.0.0.1@evil.example"]
)
def test_a_foreign_host_header_is_refused_and_not_repeated(portal: Portal, host: str) -> None:
    answer = portal.app.test_client().get("/sign-in", headers={"Host": host})
    assert answer.status_code == 400
    assert "evil" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8123", "localhost:5000"])
def test_on_loopback_every_loopback_name_and_port_is_our_own(portal: Portal, host: str) -> None:
    assert portal.app.test_client().get("/sign-in", headers={"Host": host}).status_code == 200


def test_in_production_only_the_portals_own_name_is(tmp_path: Path) -> None:
    with served(tmp_path, base_url="https://portal.example") as portal:
        client = portal.app.test_client()
        statuses = {
            host: client.get("/sign-in", headers={"Host": host}).status_code
            for host in ("portal.example", "localhost", "127.0.0.1:5000", "www.portal.example")
        }
    assert statuses == {"portal.example": 200, "localhost": 400, "127.0.0.1:5000": 400, "www.portal.example": 400}


@pytest.mark.parametrize("headers", LIES)
def test_what_a_header_says_beside_it_changes_no_address(portal: Portal, headers: dict[str, str]) -> None:
    browser = portal.browser()
    fields = {"email": ALICE, "password": PASSWORD}
    answers = [
        browser.get("/t/acme/email-smtp", headers=headers),
        browser.post("/sign-in", fields, headers=headers),
        browser.get("/t/acme/email-smtp/enable", headers=headers),
        browser.get("/t/acme/email-smtp", headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [303, 303, 303, 200]
    for answer in answers:
        assert "evil" not in f"{answer.headers}{answer.text}"
        assert answer.headers.get("Location", "/").startswith("/")


@pytest.mark.parametrize("headers", LIES)
def test_a_mailed_link_leads_to_the_portals_own_address(portal: Portal, headers: dict[str, str]) -> None:
    """Whoever asks for somebody else's new password says which host it is asked of."""
    assert portal.browser().post("/recovery", {"email": ALICE}, headers=headers).status_code == 303
    [mail] = mail_to(portal, ALICE)
    assert "http://127.0.0.1:5000/recovery/" in mail.text
    assert "evil" not in mail.text


def test_nor_does_it_lead_to_another_name_of_the_machine(portal: Portal) -> None:
    visitor = Browser(portal.app.test_client(), "http://localhost:8123")
    assert visitor.post("/recovery", {"email": ALICE}).status_code == 303
    [mail] = mail_to(portal, ALICE)
    assert "http://127.0.0.1:5000/recovery/" in mail.text
    assert "localhost" not in mail.text


def test_a_forwarded_host_counts_only_behind_a_trusted_proxy_and_only_if_it_is_ours(tmp_path: Path) -> None:
    settings = {"base_url": "https://portal.example", "trusted_proxies": "1"}
    with served(tmp_path, **settings) as portal:
        client = portal.app.test_client()
        statuses = {
            host: client.get("/sign-in", headers={"Host": "10.0.0.7", "X-Forwarded-Host": host}).status_code
            for host in ("portal.example", "evil.example")
        }
    assert statuses == {"portal.example": 200, "evil.example": 400}
