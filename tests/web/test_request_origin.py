"""Requests that are not ours, and what browsers are told."""

from pathlib import Path

import pytest

from tests.support.portal_app import ALICE, Browser, served, words_of

DISABLE = "/t/acme/email-smtp/disable"


@pytest.mark.parametrize("origin", ["http://127.0.0.1:5001", "https://127.0.0.1:5000", "http://localhost:5000"])
def test_a_form_from_another_port_or_name_of_this_machine_is_refused(alice: Browser, origin: str) -> None:
    answer = alice.post(DISABLE, headers={"Origin": origin})
    assert answer.status_code == 400
    assert "This request came from another site." in words_of(answer)


def test_our_own_form_is_taken(alice: Browser) -> None:
    assert alice.post(DISABLE, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303


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


@pytest.mark.parametrize("path", ["/sign-in", "/t/acme/email-smtp", "/t/acme/audit-log"])
def test_pages_need_no_inline_script_or_style(alice: Browser, path: str) -> None:
    text = alice.get(path, follow_redirects=True).text
    assert " style=" not in text
    assert "<style" not in text
    assert "<script>" not in text
    assert " onclick=" not in text
    assert "https://" not in text
