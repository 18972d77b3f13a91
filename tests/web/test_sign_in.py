"""Signing in, staying signed in, signing out."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from portal.settings import BadSettingsError
from portal.web import create_app
from portal.web.login import inner_path
from tests.support.portal_app import ALICE, CHARLIE, OLGA, PASSWORD, Portal, csrf_token_in, served, words_of
from tests.support.signed_in import cookie_of, mail_to

PAGE = "/t/acme/email-smtp"


def test_the_right_password_leads_to_the_front_door(portal: Portal) -> None:
    browser = portal.browser()
    assert browser.sign_in(ALICE, PASSWORD).headers["Location"] == "/"
    assert browser.get("/").headers["Location"].startswith("/t/acme/")


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


def test_a_page_that_looks_again_by_itself_keeps_nobody_signed_in(portal: Portal) -> None:
    browser = portal.browser(ALICE)
    for _ in range(3):
        assert browser.get(PAGE, headers={"HX-Request": "true"}).status_code == 200
        portal.clock.passed += timedelta(minutes=10, seconds=5)
    assert browser.get(PAGE, headers={"HX-Request": "true"}).status_code == 401


def test_an_operator_without_a_tenant_reads_what_to_do(portal: Portal) -> None:
    words = words_of(portal.browser(OLGA).get("/"))
    assert "./run tenant create" in words


def test_the_header_lists_ones_own_tenants_with_organisation_and_role(portal: Portal) -> None:
    words = words_of(portal.browser(CHARLIE).get("/t/other/email-smtp"))
    assert "Other Other · Owner" in words
    assert "Acme" not in words


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(portal: Portal) -> None:
    cookies = portal.browser().sign_in(ALICE, PASSWORD).headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"waypost", "waypost-known"}
    for cookie in cookies:
        assert {"HttpOnly", "Path=/"} <= set(cookie.split("; "))
        assert {"SameSite=Lax", "SameSite=Strict"} & set(cookie.split("; "))


def test_under_https_the_cookie_carries_the_host_prefix(tmp_path: Path) -> None:
    with served(tmp_path, base_url="https://portal.example") as portal:
        cookies = portal.browser().sign_in(ALICE, PASSWORD).headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-waypost", "__Host-waypost-known"}
    for cookie in cookies:
        assert "Secure" in cookie.split("; ")
        assert "Domain" not in cookie


def test_a_cookie_planted_before_signing_in_is_worth_nothing_after_it(portal: Portal) -> None:
    attacker = portal.browser()
    attacker.get("/sign-in")
    planted = cookie_of(attacker)
    victim = portal.browser()
    victim.client.set_cookie("waypost", planted, domain="127.0.0.1")
    assert victim.sign_in(ALICE, PASSWORD).status_code == 303
    assert cookie_of(victim) != planted
    assert attacker.get("/account").status_code == 303


def test_signing_in_over_anothers_session_ends_in_ones_own(portal: Portal) -> None:
    """Somebody plants the cookie of their own sign-in, to have the victim work in their account."""
    charlie, victim = portal.browser(CHARLIE), portal.browser()
    victim.client.set_cookie("waypost", cookie_of(charlie), domain="127.0.0.1")
    token = csrf_token_in(victim.get("/account"))
    victim.post_bare("/sign-in", {"csrf_token": token, "email": ALICE, "password": PASSWORD})
    assert ALICE in words_of(victim.get("/account"))
    assert charlie.get("/account").status_code == 303


@pytest.mark.parametrize(
    ("passed", "sentence"),
    [
        (timedelta(minutes=31), "You were signed out after 30 minutes without activity. Sign in to go on."),
        (timedelta(hours=13), "You were signed out because you signed in more than 12 hours ago."),
    ],
)
def test_who_was_signed_out_is_told_why_once_and_led_back(portal: Portal, passed: timedelta, sentence: str) -> None:
    browser = portal.browser(ALICE)
    portal.clock.passed += passed
    answer = browser.get(PAGE)
    assert answer.headers["Location"] == f"/sign-in?next={PAGE}"
    assert sentence in words_of(browser.get(answer.headers["Location"]))
    assert "signed out" not in words_of(browser.get(PAGE, follow_redirects=True))
    assert browser.sign_in(ALICE, PASSWORD, path=answer.headers["Location"]).headers["Location"] == PAGE


def test_who_was_signed_out_from_another_browser_is_told_that(portal: Portal) -> None:
    browser = portal.browser(ALICE)
    portal.browser(ALICE).post("/account/sign-ins/end-others")
    words = words_of(browser.get(PAGE, follow_redirects=True))
    assert "You are not signed in any more: your sign-in was ended." in words


@pytest.mark.parametrize(
    ("referrer", "there"),
    [
        ("http://127.0.0.1:5000/t/acme/audit-log?event=x", "/sign-in?next=/t/acme/audit-log?event%3Dx"),
        ("http://127.0.0.1:5000/", "/sign-in"),
        ("https://evil.example/t/acme", "/sign-in"),
        ("//evil.example/", "/sign-in"),
        ("http://127.0.0.1:5000//evil.example/", "/sign-in"),
        ("http://[", "/sign-in"),
        (None, "/sign-in"),
    ],
)
def test_a_form_sent_too_late_leads_back_to_the_page_it_stood_on(
    portal: Portal, referrer: str | None, there: str
) -> None:
    browser = portal.browser(ALICE)
    token = csrf_token_in(browser.get("/account"))
    portal.clock.passed += timedelta(minutes=31)
    headers = {"Referer": referrer} if referrer else {}
    answer = browser.post_bare("/t/acme/email-smtp/disable", {"csrf_token": token}, headers=headers)
    assert (answer.status_code, answer.headers["Location"]) == (303, there)
    assert "without activity. Nothing was changed. Sign in to go on." in words_of(browser.get("/sign-in"))


def test_too_many_tries_get_the_same_words_for_known_and_unknown_addresses(portal: Portal) -> None:
    answers = []
    for email in (ALICE, "nobody@acme.example"):
        stranger = portal.browser()
        for _ in range(10):
            assert stranger.sign_in(email, "wrong").status_code == 422
        answers.append(stranger.sign_in(email, "wrong"))
    assert [answer.status_code for answer in answers] == [429, 429]
    first, second = (words_of(answer) for answer in answers)
    assert first == second
    assert "Too many tries to sign in to this account or from your network. Try again in 2 minutes." in first
    assert 60 < int(answers[0].headers["Retry-After"]) <= 90


def test_others_wrong_passwords_keep_nobody_out_of_the_browser_they_use(portal: Portal) -> None:
    mine = portal.browser(ALICE)
    mine.post("/sign-out")
    stranger = portal.browser()
    for _ in range(10):
        stranger.sign_in(ALICE, "wrong")
    assert stranger.sign_in(ALICE, PASSWORD).status_code == 429
    assert mine.sign_in(ALICE, PASSWORD).status_code == 303


def test_nor_of_the_one_in_which_they_have_set_a_new_password(portal: Portal) -> None:
    stranger, new = portal.browser(), "other words in another row"
    for _ in range(10):
        stranger.sign_in(ALICE, "wrong")
    stranger.post("/recovery", {"email": ALICE})
    found = re.search(r"/recovery/\S+", mail_to(portal, ALICE)[0].text)
    assert found
    stranger.post(found[0], {"new_password": new, "again": new})
    assert stranger.sign_in(ALICE, new).status_code == 303


@pytest.mark.parametrize("forged", ["", "x", "WyJhIiwiYiJd.awETfA.L9E7etak1zAT8zA8iGDXwAFDOd4"])
def test_a_forged_sign_of_a_known_browser_helps_nobody(portal: Portal, forged: str) -> None:
    stranger = portal.browser()
    stranger.client.set_cookie("waypost-known", forged, domain="127.0.0.1")
    for _ in range(10):
        assert stranger.sign_in(ALICE, "wrong").status_code == 422
    assert portal.browser().sign_in(ALICE, PASSWORD).status_code == 429


def test_the_portal_does_not_start_where_its_pages_would_show_its_insides(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    with pytest.raises(BadSettingsError, match="FLASK_DEBUG"):
        create_app(portal.waypost)
