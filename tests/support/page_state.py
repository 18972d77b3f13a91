"""A state of a page: who opens which address, what they do there, and what it says when the state is reached."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.support.furnished_portal import FurnishedPortal
from tests.support.portal_app import ALICE

Act = Callable[[Page], None]
Before = Callable[[FurnishedPortal], str]


def nothing(_: Page) -> None:
    """The state is there as soon as the page is."""


def no_id(_: FurnishedPortal) -> str:
    """Nothing has to happen before."""
    return ""


@dataclass(frozen=True)
class PageState:
    """One picture.

    Attributes:
        name: Of the picture and of the test: the page, then its state.
        covers: The endpoint whose page it is; "" for error pages, which are nobody's.
        path: Where it is opened; ``{failed message}`` stands for a name in the furnished portal.
        shows: Words that are on the page in this state.
        who: Who is signed in; None for nobody.
        act: What they do on the page.
        before: What has to happen just before; the id it returns stands for ``{it}`` in the path.
        fails: Whether the portal fails to show the page, which the browser's console tells, too.
    """

    name: str
    covers: str
    path: str
    shows: str
    who: str | None = ALICE
    act: Act = nothing
    before: Before = no_id
    fails: bool = False

    def address(self, it: FurnishedPortal) -> str:
        return self.path.format_map({"it": self.before(it)} | it.names)


def presses(button: str) -> Act:
    return lambda page: page.get_by_role("button", name=button, exact=True).first.click()


def unfolds(words: str) -> Act:
    return lambda page: page.locator("summary", has_text=words).first.click()


def types(**fields: str) -> Act:
    """Fill in fields by their ids."""

    def act(page: Page) -> None:
        for name, text in fields.items():
            page.locator(f"#{name}").fill(text)

    return act


def does(*acts: Act) -> Act:
    """One after the other."""

    def act(page: Page) -> None:
        for one in acts:
            one(page)

    return act
