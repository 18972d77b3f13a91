"""Signing in, staying signed in, signing out."""

from datetime import timedelta
from pathlib import Path

import pytest

from portal.web.login import inner_path
from tests.support.portal_app import ALICE, CHARLIE, OLGA, PASSWORD, Portal, csrf_token_in, served, words_of

PAGE = "/t/acme/email-smtp"


def test_the_right_password_leads_to_the_first_tenants_settings(portal: Portal) -> None:
    browser = portal.browser()
    assert browser.sign_in(ALICE, PASSWORD).headers["Location"] == "/"
    assert browser.get("/").headers["Location"] == PAGE


def test_a_wrong_password_and_an_unknown_address_look_alike(portal: Portal) -> None:
    answers = [portal.browser().sign_in(email, "wrong") for email in (ALICE, "nobody@acme.example")]
    assert [answer.status_code for answer in answers] == [422, 422]
    first, second = (words_of(answer) for answer in answers)
    assert first == second
    assert "Email address or password is not right." in first


def test_the_typed_address_stays_and_the_password_does_not(portal: Portal) -> None:
    answer = portal.browser().sign_in(ALICE, "typed-and-wrong")
    assert f'value="{ALICE}"' in answer.text
    assert "typed-and-wrong" not in answer.text


def test_signing_in_leads_back_to_where_one_wanted_to_go(portal: Portal) -> None:
    visitor = portal.browser()
    asked = visitor.get("/t/acme/audit-log?event=email.send_failed").headers["Location"]
    answer = visitor.sign_in(ALICE, PASSWORD, path=asked)
    assert answer.headers["Location"] == "/t/acme/audit-log?event=email.send_failed"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "evil.example",
        "",
    ],
)
def test_nobody_is_sent_elsewhere(portal: Portal, elsewhere: str) -> None:
    assert inner_path(elsewhere) is None
    visitor = portal.browser()
    token = csrf_token_in(visitor.get("/sign-in"))
    fields = {"email": ALICE, "password": PASSWORD, "csrf_token": token}
    answer = visitor.post_bare("/sign-in", fields, query_string={"next": elsewhere})
    assert answer.headers["Location"] == "/"


def test_signing_out_ends_the_sign_in_itself_not_only_the_cookie(portal: Portal) -> None:
    browser = portal.browser(ALICE)
    cookie = browser.client.get_cookie("waypost", domain="127.0.0.1")
    assert cookie is not None
    assert browser.post("/sign-out").status_code == 303
    browser.client.set_cookie("waypost", cookie.value, domain="127.0.0.1")
    assert browser.get(PAGE).status_code == 303


def test_signing_in_gives_a_session_that_nobody_could_have_planted(portal: Portal) -> None:
    browser = portal.browser()
    browser.get("/sign-in")
    with browser.client.session_transaction(base_url=browser.base_url) as planted:
        planted["typed"] = {"probe": "1", "fields": {}}
        before = planted["csrf_token"]
    browser.sign_in(ALICE, PASSWORD)
    with browser.client.session_transaction(base_url=browser.base_url) as session:
        assert "typed" not in session
        assert session.get("csrf_token") != before


@pytest.mark.parametrize(("pause", "signed_in"), [(29, True), (31, False)])
def test_a_sign_in_ends_after_half_an_hour_without_activity(portal: Portal, pause: int, *, signed_in: bool) -> None:
    browser = portal.browser(ALICE)
    portal.clock.passed += timedelta(minutes=pause)
    assert (browser.get(PAGE).status_code == 200) is signed_in


def test_a_sign_in_ends_after_twelve_hours_whatever_one_does(portal: Portal) -> None:
    browser = portal.browser(ALICE)
    for _ in range(12 * 3 - 1):
        portal.clock.passed += timedelta(minutes=20)
        assert browser.get(PAGE).status_code == 200
    portal.clock.passed += timedelta(minutes=21)
    assert browser.get(PAGE).status_code == 303


def test_a_script_that_looks_again_after_the_end_has_the_page_led_to_the_sign_in(portal: Portal) -> None:
    browser = portal.browser(ALICE)
    portal.clock.passed += timedelta(hours=1)
    answer = browser.get(PAGE, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.text, answer.headers["HX-Refresh"]) == (401, "", "true")


def test_an_operator_without_a_tenant_reads_what_to_do(portal: Portal) -> None:
    words = words_of(portal.browser(OLGA).get("/"))
    assert "./run tenant create" in words


def test_the_header_lists_ones_own_tenants_with_organisation_and_role(portal: Portal) -> None:
    words = words_of(portal.browser(CHARLIE).get("/t/other/email-smtp"))
    assert "Other Other · Owner" in words
    assert "Acme" not in words


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(portal: Portal) -> None:
    cookie = portal.browser().sign_in(ALICE, PASSWORD).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


def test_under_https_the_cookie_carries_the_host_prefix(tmp_path: Path) -> None:
    with served(tmp_path, base_url="https://portal.example") as portal:
        cookie = portal.browser().sign_in(ALICE, PASSWORD).headers["Set-Cookie"]
    assert cookie.startswith("__Host-waypost=")
    assert "Secure" in cookie.split("; ")
    assert "Domain" not in cookie
