"""What people see when something goes wrong."""

import re

import pytest
from flask import abort
from sqlalchemy import text
from structlog.testing import capture_logs
from werkzeug.exceptions import TooManyRequests

from portal.storage.database import StorageError
from portal.web.access import anyone
from portal.web.error_pages import REFUSALS
from tests.support.portal_app import ALICE, Browser, Portal, words_of


def break_with(portal: Portal, error: Exception) -> None:
    def broken() -> str:
        raise error

    portal.app.add_url_rule("/broken", "broken", anyone(broken))


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (ZeroDivisionError("the secret is 4711"), 500, "Something went wrong on our side"),
        (StorageError("the disk is 4711"), 503, "The database does not answer"),
    ],
)
def test_a_defect_shows_a_reference_that_is_logged_and_nothing_else(
    portal: Portal, error: Exception, status: int, sentence: str
) -> None:
    break_with(portal, error)
    with capture_logs() as logged:
        page = portal.browser().get("/broken")
    assert page.status_code == status
    assert sentence in words_of(page)
    assert "4711" not in page.text
    assert "Traceback" not in page.text
    found = re.search(r'<code id="reference">([0-9a-f]{8})</code>', page.text)
    assert found
    assert [entry["reference"] for entry in logged] == [found[1]]


def test_a_page_that_is_not_there_says_so(alice: Browser) -> None:
    page = alice.get("/no/such/page")
    assert page.status_code == 404
    assert "There is no such page" in words_of(page)


def test_a_wrong_method_gets_a_page_too(alice: Browser) -> None:
    page = alice.client.delete("/t/acme/email-smtp", base_url=alice.base_url)
    assert page.status_code == 405
    assert "Traceback" not in page.text


def test_a_form_that_is_too_large_is_refused(alice: Browser) -> None:
    page = alice.post("/t/acme/email-smtp/draft", {"host": "x" * 300_000})
    assert page.status_code == 413


def test_an_error_page_carries_the_security_headers(alice: Browser) -> None:
    assert "Content-Security-Policy" in alice.get("/no/such/page").headers


@pytest.fixture
def refusing(portal: Portal) -> Portal:
    """A portal with a page that answers with the status in its address."""

    def refused(status: int) -> str:
        abort(status)

    portal.app.add_url_rule("/refused/<int:status>", "refused", anyone(refused))
    return portal


@pytest.mark.parametrize("status", sorted(REFUSALS))
def test_every_refusal_says_what_it_means_in_our_own_words(refusing: Portal, status: int) -> None:
    page = refusing.browser(ALICE).get(f"/refused/{status}")
    assert page.status_code == status
    assert f"Error {status} {REFUSALS[status].title} {REFUSALS[status].sentence}" in words_of(page)
    assert "reference" not in words_of(page).lower()


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504])
def test_every_failure_has_a_reference_that_is_in_the_log(refusing: Portal, status: int) -> None:
    with capture_logs() as logged:
        page = refusing.browser().get(f"/refused/{status}")
    assert page.status_code == status
    assert [entry["reference"] for entry in logged if "reference" in entry] == re.findall(r"\b[0-9a-f]{8}\b", page.text)


def test_the_log_names_the_page_and_not_what_stands_in_its_address(portal: Portal) -> None:
    def broken(token: str) -> str:
        raise ZeroDivisionError(len(token))

    portal.app.add_url_rule("/recover/<token>", "broken", anyone(broken))
    with capture_logs() as logged:
        portal.browser().get("/recover/a-secret-token")
    assert [entry["path"] for entry in logged] == ["/recover/<token>"]


def test_who_is_signed_in_keeps_the_menus(refusing: Portal) -> None:
    assert "Your account" in words_of(refusing.browser(ALICE).get("/refused/404"))
    assert "Your account" not in words_of(refusing.browser().get("/refused/404"))


@pytest.mark.parametrize("path", ["/refused/400", "/refused/415", "/refused/500"])
def test_menus_are_kept_from_strangers_and_from_failures(refusing: Portal, path: str) -> None:
    assert "Your account" not in words_of(refusing.browser(ALICE).get(path))


def test_an_error_page_comes_without_menus_when_the_database_is_away(refusing: Portal) -> None:
    alice = refusing.browser(ALICE)
    with refusing.waypost.database.transaction() as session:
        session.execute(text("ALTER TABLE sign_ins RENAME TO sign_ins_gone"))
    page = alice.get("/refused/404")
    assert page.status_code == 404
    assert "There is no such page" in words_of(page)
    assert "Your account" not in words_of(page)


def test_what_the_status_demands_besides_is_said(refusing: Portal) -> None:
    def later() -> str:
        raise TooManyRequests("Wait for an hour.", retry_after=3600)

    refusing.app.add_url_rule("/later", "later", anyone(later))
    answer = refusing.browser(ALICE).get("/later")
    assert answer.headers["Retry-After"] == "3600"
    assert "Wait for an hour." in words_of(answer)
    answer = refusing.browser(ALICE).client.delete("/t/acme/email-smtp", base_url=refusing.waypost.settings.base_url)
    assert "GET" in answer.headers["Allow"]


def test_a_part_of_a_page_gets_a_sentence(refusing: Portal) -> None:
    part = refusing.browser(ALICE).get("/refused/404", headers={"HX-Request": "true"})
    assert part.status_code == 404
    assert "<html" not in part.text
    assert "There is no such page." in words_of(part)


@pytest.mark.parametrize(
    ("path", "links"),
    [("/t/acme", ["/t/acme"]), ("//evil.example", ["/evil.example"]), ("/\\evil.example", []), ("/a\tb", [])],
)
def test_a_failed_page_may_be_tried_again_and_leads_nowhere_else(portal: Portal, path: str, links: list[str]) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    portal.app.before_request(broken)
    client, base_url = portal.app.test_client(), portal.waypost.settings.base_url
    page = client.get("/", base_url=base_url, environ_overrides={"PATH_INFO": path})
    assert page.status_code == 500
    assert re.findall(r'<a class="btn btn-primary" href="([^"]*)">Try again', page.text) == links
