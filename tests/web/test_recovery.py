"""A new password for who has forgotten theirs, by a link in a mail."""

import re
import time
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from portal.crypto.token_hashing import new_token
from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import UserId
from portal.domain.people.roles import Role
from portal.domain.people.visitor import Visitor
from portal.services.recovery import ANSWERED_AFTER
from portal.storage import users
from portal.web import create_app
from tests.support.portal_app import ALICE, CHARLIE, OLGA, OTHER, PASSWORD, Browser, Portal, words_of
from tests.support.signed_in import Mail, audited, mail_to

NEW: Final = "other words in another row"
BOTH: Final = {"new_password": NEW, "again": NEW}


def ask(portal: Portal, email: str) -> TestResponse:
    return portal.browser().post("/recovery", {"email": email})


def links_to(portal: Portal, email: str) -> list[str]:
    """The paths of the links that were mailed, the first first."""
    mails = [mail for mail in mail_to(portal, email) if mail.kind == "account_recovery"]
    return [re.findall(r"http://127\.0\.0\.1:5000(/recovery/\S+)", mail.text)[0] for mail in mails]


@pytest.fixture
def link(portal: Portal) -> str:
    """The path of a link that was mailed to Alice."""
    ask(portal, ALICE)
    [found] = links_to(portal, ALICE)
    return found


def test_a_mailed_link_leads_to_a_new_password(portal: Portal, link: str) -> None:
    browser = portal.browser()
    page = browser.get(link)
    assert (page.status_code, ALICE in page.text) == (200, True)
    answer = browser.post(link, BOTH)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    assert "Your password is changed" in words_of(browser.get("/sign-in"))
    assert portal.browser().sign_in(ALICE, PASSWORD).status_code == 422
    assert browser.sign_in(ALICE, NEW).status_code == 303


def test_the_way_begins_at_the_sign_in_page(portal: Portal) -> None:
    assert 'href="/recovery"' in portal.browser().get("/sign-in").text


def test_the_answer_is_the_same_for_everybody_and_for_nobody(portal: Portal) -> None:
    answers = [ask(portal, email) for email in (ALICE, OLGA, "nobody@acme.example", "no address", "a\0@b.example", "")]
    assert {(answer.status_code, answer.headers["Location"]) for answer in answers} == {(303, "/recovery/sent")}
    assert audited(portal, "user.recovery_asked") == 6


def test_the_answer_takes_as_long_for_nobody_as_for_somebody(portal: Portal) -> None:
    for email in (ALICE, "nobody@acme.example"):
        began = time.monotonic()
        portal.waypost.recovery.ask(email, Visitor("203.0.113.9"))
        assert time.monotonic() - began >= ANSWERED_AFTER


def test_only_the_person_is_written_to(portal: Portal) -> None:
    for email in (ALICE, "nobody@acme.example"):
        ask(portal, email)
    assert mail_to(portal, "nobody@acme.example") == []
    assert len(mail_to(portal, ALICE)) == 1


def test_however_an_address_is_written_it_is_the_same_persons(portal: Portal) -> None:
    ask(portal, f"  {ALICE.upper()} ")
    assert len(links_to(portal, ALICE)) == 1


def test_an_old_link_is_void_and_leads_to_a_new_one(portal: Portal, link: str) -> None:
    portal.clock.passed += timedelta(minutes=61)
    for answer in (portal.browser().get(link), portal.browser().post(link, BOTH)):
        assert answer.status_code == 410
        assert "This link is more than 60 minutes old" in words_of(answer)
        assert 'href="/recovery"' in answer.text
    assert portal.browser().sign_in(ALICE, PASSWORD).status_code == 303


def test_a_link_works_once(portal: Portal, link: str) -> None:
    assert portal.browser().post(link, BOTH).status_code == 303
    again = portal.browser().post(link, {"new_password": PASSWORD, "again": PASSWORD})
    assert again.status_code == 410
    assert "This link was used already" in words_of(again)
    assert portal.browser().sign_in(ALICE, NEW).status_code == 303


@pytest.mark.parametrize("changed", [lambda link: link[:-1], lambda link: link + "x", lambda link: link.swapcase()])
def test_a_link_somebody_has_changed_is_none_of_ours(portal: Portal, link: str, changed: object) -> None:
    assert callable(changed)
    tampered = f"/recovery/{changed(link.rpartition('/')[2])}"
    for answer in (portal.browser().get(tampered), portal.browser().post(tampered, BOTH)):
        assert answer.status_code == 410
        assert "This link is not one of ours." in words_of(answer)


def test_looking_at_a_link_uses_nothing_up(portal: Portal, link: str) -> None:
    for _ in range(3):
        assert portal.browser().get(link).status_code == 200
    assert portal.browser().client.head(link, base_url="http://127.0.0.1:5000").status_code == 200
    assert portal.browser().post(link, BOTH).status_code == 303


def test_a_new_password_makes_the_other_links_void(portal: Portal, link: str) -> None:
    ask(portal, ALICE)
    _, second = links_to(portal, ALICE)
    assert portal.browser().post(second, BOTH).status_code == 303
    assert portal.browser().get(link).status_code == 410


def test_a_new_password_ends_every_sign_in_and_nobody_elses(portal: Portal, link: str) -> None:
    signed_in, other = portal.browser(ALICE), portal.browser(CHARLIE)
    portal.browser().post(link, BOTH)
    assert signed_in.get("/account").status_code == 303
    assert other.get("/account").status_code == 200


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"new_password": "short", "again": "short"}, "Use at least 10 characters"),
        ({"new_password": NEW, "again": "other words in another roe"}, "This is not the same as above."),
        ({}, "Use at least 10 characters"),
    ],
)
def test_a_password_that_cannot_be_used_leaves_the_link_good(
    portal: Portal, link: str, typed: dict[str, str], sentence: str
) -> None:
    answer = portal.browser().post(link, typed)
    assert answer.status_code == 422
    assert sentence in words_of(answer)
    assert NEW not in answer.text
    assert portal.browser().post(link, BOTH).status_code == 303


def test_the_person_is_told_of_a_new_password_and_from_where(portal: Portal, link: str) -> None:
    portal.browser().post(link, BOTH)
    [alert] = [mail for mail in mail_to(portal, ALICE) if mail.kind == "account_alert"]
    assert "was changed at" in alert.text
    assert "from 127.0.0.1 by the link we mailed you" in alert.text
    assert "http://127.0.0.1:5000/recovery" in alert.text
    assert audited(portal, "user.password_changed") == 1


def test_nobody_is_bombed_with_mail_and_nobody_is_told_that_there_was_enough(portal: Portal) -> None:
    answers = [ask(portal, ALICE) for _ in range(6)]
    assert {answer.status_code for answer in answers} == {303}
    assert len(links_to(portal, ALICE)) == 3
    portal.clock.passed += timedelta(minutes=21)
    ask(portal, ALICE)
    assert len(links_to(portal, ALICE)) == 4


def test_a_network_that_asks_too_often_is_told_when_to_ask_again(portal: Portal) -> None:
    for number in range(20):
        assert ask(portal, f"somebody-{number}@dest.example").status_code == 303
    known, unknown = ask(portal, ALICE), ask(portal, "nobody@dest.example")
    assert [known.status_code, unknown.status_code] == [429, 429]
    assert int(known.headers["Retry-After"]) == pytest.approx(180, abs=5)
    assert "from your network. Try again in 3 minutes." in words_of(known)
    assert words_of(known).replace(ALICE, "") == words_of(unknown).replace("nobody@dest.example", "")
    assert mail_to(portal, ALICE) == []


def test_the_link_begins_with_our_own_address_whatever_a_request_calls_its_host(portal: Portal) -> None:
    browser = Browser(portal.app.test_client(), "http://localhost:8123")
    assert browser.post("/recovery", {"email": ALICE}).status_code == 303
    [mail] = mail_to(portal, ALICE)
    assert "localhost" not in mail.text
    assert links_to(portal, ALICE)


def test_a_mail_about_an_account_never_goes_through_a_tenants_own_server(portal: Portal) -> None:
    """The admins of any tenant Alice is in could read the link at their server, and take her other tenants over."""
    with portal.waypost.database.reading() as session:
        alice = users.user_by_email(session, ALICE)
        assert alice is not None
    portal.waypost.accounts.add_member(OTHER, UserId(alice.id), Role.VIEWER, actor=COMMAND_LINE)
    ask(portal, ALICE)
    [mail] = mail_to(portal, ALICE)
    assert (mail.kind, mail.is_for_the_platforms_route_only) == ("account_recovery", True)


def test_who_is_in_no_tenant_gets_no_mail_and_reads_what_to_do(portal: Portal) -> None:
    assert ask(portal, OLGA).status_code == 303
    assert mail_to(portal, OLGA) == []
    assert "./run user set-password" in words_of(portal.browser().get("/recovery/sent"))


def test_who_has_no_password_yet_chooses_the_first_one_like_that(portal: Portal) -> None:
    accounts = portal.waypost.accounts
    accounts.create_user(
        "erik@acme.example",
        name="",
        password=None,
        is_operator=False,
        actor=COMMAND_LINE,
        member_of={"acme": Role.VIEWER},
    )
    ask(portal, "erik@acme.example")
    [link] = links_to(portal, "erik@acme.example")
    assert portal.browser().post(link, BOTH).status_code == 303
    assert portal.browser().sign_in("erik@acme.example", NEW).status_code == 303


def test_a_link_is_in_no_page_and_in_no_cookie(portal: Portal, link: str) -> None:
    browser, token = portal.browser(), link.rpartition("/")[2]
    answers = [browser.get(link), browser.post(link, {"new_password": "x"}), browser.post(link, BOTH)]
    for answer in answers:
        assert token not in answer.text
        assert token not in str(answer.headers)


def test_a_link_is_in_no_log_when_the_page_fails(portal: Portal, capsys: pytest.CaptureFixture[str]) -> None:
    with portal.waypost.database.transaction() as session:
        session.execute(text("DROP TABLE one_time_tokens"))
    link = f"/recovery/{new_token()}"
    assert portal.browser().get(link).status_code == 503
    printed = capsys.readouterr()
    assert "a page could not reach the database" in printed.out + printed.err
    assert link not in printed.out + printed.err


def test_links_survive_a_restart_of_the_portal(portal: Portal, link: str) -> None:
    other = Browser(create_app(portal.waypost).test_client(), "http://127.0.0.1:5000")
    assert other.get(link).status_code == 200


def test_a_mail_is_of_the_shape_people_can_read(portal: Portal, link: str) -> None:
    [mail] = mail_to(portal, ALICE)
    assert isinstance(mail, Mail)
    assert mail.subject == "Your new password at Northwind"
    for words in (f"for {ALICE} at Northwind", "works once, within 60 minutes", "came from 127.0.0.1", link):
        assert words in mail.text
