"""Requests that are not ours, and what browsers are told."""

from pathlib import Path

import pytest

from tests.support.portal_app import ALICE, Browser, Portal, csrf_token_in, served, words_of

DISABLE = "/t/acme/email-smtp/disable"


def test_a_form_without_its_token_is_refused(alice: Browser) -> None:
    answer = alice.post_bare(DISABLE)
    assert answer.status_code == 400
    assert "Nothing was changed." in words_of(answer)


def test_another_persons_token_is_refused(alice: Browser, charlie: Browser) -> None:
    theirs = csrf_token_in(charlie.get("/t/other/email-smtp"))
    assert alice.post_bare(DISABLE, {"csrf_token": theirs}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:5001"},
        {"Origin": "https://127.0.0.1:5000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_page_is_refused_even_with_a_token(alice: Browser, headers: dict[str, str]) -> None:
    answer = alice.post(DISABLE, headers=headers)
    assert answer.status_code == 400
    assert "This request came from another site." in words_of(answer)


def test_our_own_form_is_taken(alice: Browser) -> None:
    assert alice.post(DISABLE, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303


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


def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(tmp_path: Path) -> None:
    for hops, expected in ((0, "127.0.0.1"), (1, "203.0.113.9")):
        folder = tmp_path / str(hops)
        folder.mkdir()
        with served(folder, trusted_proxies=str(hops)) as portal:
            alice = portal.browser(ALICE)
            alice.post("/t/acme/email-smtp/draft", DRAFT, headers={"X-Forwarded-For": "203.0.113.9"})
            assert f"from {expected}" in words_of(alice.get("/t/acme/audit-log"))


DRAFT = {
    "host": "smtp.acme.example",
    "port": "587",
    "security": "starttls",
    "from_address": "no-reply@acme.example",
    "signing": "own_server",
    "fallback": "always",
    "auth": "auto",
}


def test_pages_cannot_be_framed_scripted_or_kept(alice: Browser) -> None:
    headers = alice.get("/t/acme/email-smtp").headers
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/sign-in", "/t/acme/email-smtp", "/t/acme/audit-log"])
def test_pages_need_no_inline_script_or_style(alice: Browser, path: str) -> None:
    text = alice.get(path, follow_redirects=True).text
    assert " style=" not in text
    assert "<style" not in text
    assert "<script>" not in text
    assert " onclick=" not in text
    assert "https://" not in text
