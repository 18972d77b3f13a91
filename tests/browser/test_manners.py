"""How pages behave towards their readers: keyboard, colours, clock; with and without scripts."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import window
from tests.support.email_smtp_page import PATH, sign_in
from tests.support.portal_app import ALICE
from tests.support.served_story import ServedStory
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

BRIGHTNESS = """() => {
  const colour = getComputedStyle(document.body).backgroundColor;
  const first = Number(colour.match(/[\\d.]+/)[0]);  // red of rgb(), lightness of oklch()
  return colour.startsWith("rgb") ? first / 255 : first;
}"""


def opened_by_alice(page: Page, path: str = PATH) -> None:
    page.goto(path)
    sign_in(Visitor(page), ALICE)
    expect(page.locator("#account-menu")).to_be_visible()


def test_the_first_stop_of_the_keyboard_leads_past_the_menus(browser: Browser, it: ServedStory) -> None:
    with window(browser, it.address) as page:
        opened_by_alice(page)
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("menu", ["#tenant-switcher", "#account-menu"])
def test_escape_closes_a_menu_and_leads_back_to_its_button(browser: Browser, it: ServedStory, menu: str) -> None:
    with window(browser, it.address) as page:
        opened_by_alice(page)
        button = page.locator(menu)
        button.focus()
        page.keyboard.press("Enter")
        first = page.locator(f"details:has({menu}) .menu-list a").first
        expect(first).to_be_visible()
        page.keyboard.press("Tab")
        expect(first).to_be_focused()
        page.keyboard.press("Escape")
        expect(first).to_be_hidden()
        expect(button).to_be_focused()


def test_a_menu_closes_when_something_else_is_clicked(browser: Browser, it: ServedStory) -> None:
    with window(browser, it.address) as page:
        opened_by_alice(page)
        page.locator("#account-menu").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        page.locator("h1").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_hidden()


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_menus_open_and_problems_get_the_focus(browser: Browser, it: ServedStory, *, scripts: bool) -> None:
    with window(browser, it.address, java_script_enabled=scripts) as page:
        opened_by_alice(page, "/account")
        page.locator("#account-menu").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        page.get_by_role("button", name="Change the password").click()
        wrong = page.locator("[aria-invalid=true]").first
        expect(wrong).to_be_focused()
        problem = page.locator(".invalid-feedback").first.inner_text().strip()
        expect(wrong).to_have_accessible_description(re.compile(f"^{re.escape(problem)}"))


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_dark_follows_the_system(browser: Browser, it: ServedStory, *, scripts: bool) -> None:
    with window(browser, it.address, java_script_enabled=scripts) as page:
        page.goto("/sign-in")
        page.emulate_media(color_scheme="light")
        bright = page.evaluate(BRIGHTNESS)
        page.emulate_media(color_scheme="dark")
        dark = page.evaluate(BRIGHTNESS)
        assert bright > 0.9
        assert dark < 0.3


def test_times_are_in_the_readers_zone_from_the_first_page_after_the_sign_in_on(
    browser: Browser, it: ServedStory
) -> None:
    now = datetime.now(UTC)
    with window(browser, it.address, timezone_id="Asia/Tokyo") as page:
        opened_by_alice(page, "/t/acme/audit-log")
        time = page.locator("main time").first
        expect(time).to_contain_text("JST")
        shown = datetime.fromisoformat(time.get_attribute("datetime") or "")
        assert abs((shown - now).total_seconds()) < 3600
        cookie = next(one for one in page.context.cookies() if one["name"] == "zone")
        assert (cookie["sameSite"], cookie["path"], cookie["value"]) == ("Lax", "/", "Asia/Tokyo")


def test_nothing_moves_for_those_who_asked_for_that(browser: Browser, it: ServedStory) -> None:
    moving = """() => [...document.querySelectorAll("*")].filter((element) => {
      const style = getComputedStyle(element);
      return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0;
    }).length"""
    with window(browser, it.address, reduced_motion="reduce") as page:
        opened_by_alice(page)
        assert page.evaluate(moving) == 0
