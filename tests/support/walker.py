"""Somebody who opens every address of the portal, one after the other."""

import re
from datetime import timedelta
from typing import Any

from werkzeug.test import TestResponse

from tests.support.portal_app import PASSWORD, Browser, Portal, csrf_token_in
from tests.support.url_map import Address


class Walker:
    """A browser that is signed in whenever it asks, also after it has opened the address that signs out.

    Args:
        email: Whose browser it is; None for a visitor who is not signed in.
    """

    def __init__(self, portal: Portal, email: str | None) -> None:
        self._portal = portal
        self._email = email
        self._browser, self._token = self._new()

    def open(self, address: Address, *, path: str | None = None, headers: dict[str, str] | None = None) -> TestResponse:
        """Ask as the address's method says; a form is sent empty, with its token.

        Args:
            path: In place of the address's own.
        """
        if self._email and self._browser.get("/sign-in").status_code == 200:
            self._browser, self._token = self._new()
        asked: dict[str, Any] = {"method": address.method, "base_url": self._browser.base_url, "headers": headers or {}}
        if address.method != "GET":
            asked["data"] = {"csrf_token": self._token}
        return self._browser.client.open(path or address.path, **asked, buffered=True)

    def _new(self) -> tuple[Browser, str]:
        # An hour later: signing in is limited, and a walker signs in more often than people do.
        self._portal.clock.passed += timedelta(hours=1)
        browser = self._portal.browser()
        if self._email:
            assert browser.sign_in(self._email, PASSWORD).status_code == 303
        return browser, csrf_token_in(browser.get("/sign-in", follow_redirects=True))


def page_of(answer: TestResponse) -> str:
    """The page without its token, which is another one each second."""
    return re.sub(r'(name="csrf_token"[^>]*value=)"[^"]+"', r"\1", answer.text)
