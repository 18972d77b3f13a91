"""What people see when something goes wrong."""

import re

import pytest
from structlog.testing import capture_logs

from portal.storage.database import StorageError
from portal.web.access import anyone
from tests.support.portal_app import Browser, Portal, words_of


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
    page = alice.get("/sign-out")
    assert page.status_code == 405
    assert "Traceback" not in page.text


def test_a_form_that_is_too_large_is_refused(alice: Browser) -> None:
    page = alice.post("/t/acme/email-smtp/draft", {"host": "x" * 300_000})
    assert page.status_code == 413


def test_an_error_page_carries_the_security_headers(alice: Browser) -> None:
    assert "Content-Security-Policy" in alice.get("/no/such/page").headers
