"""What the Email SMTP page's own script adds: everything else on that page works without it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import chromium, window
from tests.support.email_smtp_page import PATH, EmailSmtpPage, sign_in
from tests.support.portal_app import ALICE, SMTP_PASSWORD, Portal, served, typed
from tests.support.portal_server import address_of, reserved_port, serving
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    with (
        reserved_port() as listener,
        served(tmp_path, base_url=address_of(listener)) as found,
        serving(found.app, listener),
    ):
        yield found


@pytest.fixture
def page(browser: Browser, portal: Portal) -> Iterator[Page]:
    """Alice's, on the Email SMTP page of Acme, which has nothing set up yet."""
    with window(browser, portal.waypost.settings.base_url) as opened:
        EmailSmtpPage(Visitor(opened)).opened_by(ALICE)
        yield opened


def choose(page: Page, provider: str) -> None:
    page.get_by_label("Provider", exact=True).select_option(provider)
    page.get_by_role("button", name="Fill in").click()


def value(page: Page, label: str) -> str:
    return page.get_by_label(label, exact=True).input_value()


def test_a_preset_is_filled_in_without_losing_what_is_typed(page: Page) -> None:
    page.get_by_label("From address", exact=True).fill("no-reply@acme.example")
    page.get_by_label("Password or API key").fill(SMTP_PASSWORD)
    choose(page, "SendGrid")
    assert [value(page, label) for label in ("Host", "Port", "Username")] == ["smtp.sendgrid.net", "587", "apikey"]
    assert value(page, "From address") == "no-reply@acme.example"
    assert value(page, "Password or API key") == SMTP_PASSWORD
    expect(page.get_by_role("status").filter(has_text="Filled in for SendGrid. Nothing is saved yet.")).to_be_visible()
    expect(page.get_by_role("link", name="SendGrid dashboard")).to_be_visible()

    choose(page, "Fastmail")
    assert page.get_by_role("radio", name="SSL/TLS").is_checked()
    assert [value(page, label) for label in ("Host", "Port", "Username")] == ["smtp.fastmail.com", "465", ""]
    expect(page.get_by_role("link", name="SendGrid dashboard")).to_have_count(0)

    choose(page, "Amazon SES")
    assert page.evaluate("window.getSelection().toString()") == "{region}"
    page.keyboard.type("eu-west-1")
    assert value(page, "Host") == "email-smtp.eu-west-1.amazonaws.com"


def test_what_is_odd_is_said_while_it_is_typed_and_taken_back(page: Page) -> None:
    page.get_by_label("Host", exact=True).fill("smtp.acme.example")
    page.get_by_label("Port", exact=True).fill("25")
    warning = page.get_by_text("Port 25 is usually for servers talking to each other")
    expect(warning).to_be_visible()
    page.get_by_label("Port", exact=True).fill("587")
    expect(warning).to_have_count(0)
    page.get_by_label("From address", exact=True).fill("acme@gmail.com")
    expect(page.get_by_text("Mail from this address will mostly not arrive")).to_be_visible()
    assert "from_address-advice" in (page.locator("#from_address").get_attribute("aria-describedby") or "")


def test_the_password_field_says_when_the_stored_one_cannot_be_kept(portal: Portal, page: Page) -> None:
    portal.browser(ALICE).post(f"{PATH}/draft", typed())
    page.reload()
    password = page.get_by_label("Password or API key")
    page.get_by_label("Host", exact=True).fill("smtp.other.example")
    expect(page.get_by_text("Type the password again")).to_be_visible()
    expect(password).to_have_attribute("aria-required", "true")
    page.get_by_label("Host", exact=True).fill("smtp.acme.example")
    expect(password).to_have_attribute("aria-required", "false")
    page.get_by_role("radio", name="SSL/TLS").check()
    assert value(page, "Port") == "465"
    expect(password).to_have_attribute("aria-required", "true")


@pytest.mark.parametrize(
    ("pasted", "host", "port", "encryption"),
    [
        ("smtps://smtp.acme.example:465", "smtp.acme.example", "465", "SSL/TLS"),
        ("smtps://smtp.acme.example/", "smtp.acme.example", "465", "SSL/TLS"),
        ("smtp.acme.example:2525", "smtp.acme.example", "2525", "STARTTLS"),
        ("https://acme.example", "https://acme.example", "587", "STARTTLS"),
    ],
)
def test_what_is_pasted_into_the_host_goes_into_its_fields(
    page: Page, pasted: str, host: str, port: str, encryption: str
) -> None:
    page.get_by_label("Host", exact=True).fill(pasted)
    page.get_by_label("Host", exact=True).blur()
    assert (value(page, "Host"), value(page, "Port")) == (host, port)
    assert page.get_by_role("radio", name=encryption).is_checked()


@pytest.mark.parametrize("button", ["Save draft", "Test connection"])
def test_a_sign_in_that_ends_while_typing_costs_only_the_password(
    browser: Browser, portal: Portal, button: str
) -> None:
    with browser.new_context(base_url=portal.waypost.settings.base_url) as context:
        page = context.new_page()
        visitor = Visitor(page)
        EmailSmtpPage(visitor).opened_by(ALICE)
        page.get_by_label("Host", exact=True).fill("smtp.acme.example")
        page.get_by_role("radio", name="SSL/TLS").check()
        page.get_by_label("Password or API key").fill(SMTP_PASSWORD)
        portal.clock.passed += timedelta(hours=13)
        page.get_by_role("button", name=button).click()
        sign_in(visitor, ALICE)
        expect(page.get_by_role("heading", level=1).filter(has_not_text="Sign in")).to_be_visible()
        page.goto(PATH)

        expect(page.get_by_text("This browser tab still has what you typed, without the password.")).to_be_visible()
        assert SMTP_PASSWORD not in page.evaluate("JSON.stringify(sessionStorage)")
        page.get_by_role("button", name="Put it back").click()
        assert (value(page, "Host"), value(page, "Port")) == ("smtp.acme.example", "465")
        assert page.get_by_role("radio", name="SSL/TLS").is_checked()
        assert value(page, "Password or API key") == ""
        page.reload()
        expect(page.get_by_text("This browser tab still has")).to_be_hidden()


def test_an_answered_form_is_not_offered_again(page: Page) -> None:
    page.get_by_label("Host", exact=True).fill("not a host")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#problems")).to_be_visible()
    page.get_by_label("Host", exact=True).fill("smtp.acme.example")
    page.get_by_label("From address", exact=True).fill("no-reply@acme.example")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Version 1 is saved as a draft.")).to_be_visible()
    page.goto("/t/acme/audit-log")
    page.goto(PATH)
    expect(page.get_by_text("This browser tab still has")).to_be_hidden()
