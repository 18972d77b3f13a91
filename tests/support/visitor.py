"""Somebody at a browser, who reads labels, types and clicks; the clicks are counted.

alice = Visitor(page)
alice.opens("/sign-in")
alice.types("Email address", "alice@acme.example")
alice.presses("Sign in")
alice.reads_heading("Overview")
assert alice.clicks == 1
"""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect


@dataclass
class Visitor:
    """What a person does; each act waits until the page offers it.

    Attributes:
        has_scripts: Whether the browser runs JavaScript.
        clicks: Every click and Enter so far. Typing is none.
    """

    page: Page
    has_scripts: bool = True
    clicks: int = 0

    def opens(self, path: str) -> None:
        """Go to an address of the portal, as from a bookmark or a link in a mail."""
        self.page.goto(path)

    def reloads(self) -> None:
        self.page.reload()

    def presses(self, button: str) -> None:
        self._click(self.page.get_by_role("button", name=button, exact=True))

    def follows(self, link: str) -> None:
        self._click(self.page.get_by_role("link", name=link, exact=True).first)

    def chooses(self, option: str) -> None:
        """One of several options; a click only where another one is chosen."""
        radio = self.radio(option)
        if not radio.is_checked():
            self.clicks += 1
            radio.check()

    def radio(self, option: str) -> Locator:
        return self.page.get_by_role("radio", name=option, exact=True)

    def types(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def presses_enter(self, label: str) -> None:
        """In the field of this label."""
        self.clicks += 1
        self.page.get_by_label(label, exact=True).press("Enter")

    def has_typed(self, label: str, text: str) -> None:
        """Wait until this stands in the field."""
        expect(self.page.get_by_label(label, exact=True)).to_have_value(text)

    def reads(self, words: str) -> None:
        """Wait until these words are on the page to be seen."""
        expect(self.page.locator("body")).to_contain_text(words, use_inner_text=True)

    def reads_heading(self, words: str) -> None:
        expect(self.page.get_by_role("heading", name=words).first).to_be_visible()

    def _click(self, target: Locator) -> None:
        self.clicks += 1
        target.click()


Newcomer = Callable[[], Visitor]
"""Whoever is called in sits at a browser of their own."""
