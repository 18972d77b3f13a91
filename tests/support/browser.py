"""Debian's Chromium, driven by Playwright, one browser for a module.

``sync_playwright()`` keeps an event loop running in its thread: it is closed with the module, so that tests that call
``asyncio.run()`` may follow in the same process.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.support.programs import do_without

_QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_REFUSAL: Final = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")


@contextmanager
def chromium() -> Iterator[Browser]:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not program:
        do_without("chromium")
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*_QUIET, *as_root])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def window(browser: Browser, base_url: str, **options: Any) -> Iterator[Page]:
    """A page with cookies of its own. An error in its console, such as a breach of the CSP, fails the test."""
    context = browser.new_context(base_url=base_url, **options)
    context.set_default_timeout(15_000)
    page = context.new_page()
    errors = console_errors(page)
    try:
        yield page
        assert errors == []
    finally:
        context.close()


def console_errors(page: Page) -> list[str]:
    """A list that every error in the page's console is added to.

    That the portal refused something (4xx) is no error of the page: the browser says it of every such answer.
    """
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        is_refusal = _REFUSAL.match(message.text) and "/static/" not in message.location["url"]
        if message.type == "error" and not is_refusal:
            errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors
