"""Somebody who looks at the states of the catalogue: signed in once for each person, in one browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from playwright.sync_api import Browser, Page, expect

from tests.support.browser import console_errors
from tests.support.furnished_portal import FurnishedPortal
from tests.support.page_state import PageState
from tests.support.portal_app import PASSWORD


class Look(NamedTuple):
    """How a page is looked at."""

    name: str
    colours: Literal["light", "dark"]
    width: int
    height: int


LIGHT_DESK: Final = Look("light-1280", "light", 1280, 900)
DARK_PHONE: Final = Look("dark-390", "dark", 390, 844)
LOOKS: Final = (LIGHT_DESK, Look("dark-1280", "dark", 1280, 900), Look("light-390", "light", 390, 844), DARK_PHONE)

_TOO_WIDE: Final = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Visits:
    """Pages of a furnished portal, one for each person.

    Attributes:
        errors: What the browser's console has said since the last state was asked for.
    """

    browser: Browser
    it: FurnishedPortal
    errors: list[str] = field(default_factory=list)
    _pages: dict[str | None, tuple[Page, list[str]]] = field(default_factory=dict)

    def reach(self, state: PageState) -> Page:
        """The page in this state."""
        page, self.errors = self._page_of(state.who)
        self.errors.clear()
        if state.who is None:
            page.context.clear_cookies()
        look(page, LIGHT_DESK)
        page.goto(state.address(self.it))
        state.act(page)
        expect(page.locator("body")).to_contain_text(state.shows)
        if state.fails:
            self.errors.clear()
        return page

    def _page_of(self, who: str | None) -> tuple[Page, list[str]]:
        if who not in self._pages:
            context = self.browser.new_context(base_url=self.it.address, timezone_id="Europe/Berlin")
            context.set_default_timeout(15_000)
            page = context.new_page()
            self._pages[who] = page, console_errors(page)
            if who:
                _sign_in(page, who)
        return self._pages[who]

    def close(self) -> None:
        for page, _ in self._pages.values():
            page.context.close()


@contextmanager
def visits(browser: Browser, it: FurnishedPortal) -> Iterator[Visits]:
    opened = Visits(browser, it)
    try:
        yield opened
    finally:
        opened.close()


def look(page: Page, how: Look) -> None:
    page.emulate_media(color_scheme=how.colours, reduced_motion="reduce")
    page.set_viewport_size({"width": how.width, "height": how.height})


def pixels_too_wide(page: Page) -> int:
    """By how much the page has to be scrolled sideways."""
    too_wide: int = page.evaluate(_TOO_WIDE)
    return too_wide


def _sign_in(page: Page, who: str) -> None:
    page.goto("/sign-in")
    page.locator("#email").fill(who)
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("#account-menu")).to_be_visible()
