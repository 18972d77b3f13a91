"""axe-core, run inside a page with every rule it has on by default, best practices too."""

from functools import cache
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

_FILE: Final = Path(__file__).parents[1] / "data" / "axe" / "axe.min.js"
_RUN: Final = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"


@cache
def _source() -> str:
    return _FILE.read_text("utf-8")


def violations(page: Page) -> list[str]:
    """What is wrong with the page as it is now: the rule, the element, and what to do.

    The script comes in by the debugger's door: our own policy would refuse it as a part of the page.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_source())
    found: list[dict[str, Any]] = page.evaluate(_RUN)
    return [
        f"{rule['id']}: {node['html'][:200]} ({' '.join(node['failureSummary'].split())})"
        for rule in found
        for node in rule["nodes"]
    ]
