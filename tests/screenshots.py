"""``./run screenshots [--only WORDS] [--readme] [FOLDER]``: pictures of every page and state, light and dark."""

import logging
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import click
import structlog

from tests.support.browser import chromium
from tests.support.certificates import Certificates
from tests.support.furnishing import furnished_portal
from tests.support.page_catalogue import CATALOGUE
from tests.support.page_visits import DARK_PHONE, LIGHT_DESK, LOOKS, Look, Visits, look, visits

_ROOT: Final = Path(__file__).parents[1]
_DARK_DESK: Final = LOOKS[1]
README_PICTURES: Final[dict[str, tuple[str, Look, str | None]]] = {
    "overview.png": ("overview, busy", LIGHT_DESK._replace(height=980), None),
    "test-connection.png": ("test, with a fix", LIGHT_DESK, "#probe"),
    "message.png": ("message, fallen back", _DARK_DESK._replace(height=1040), None),
    "phone.png": ("email settings, failing", DARK_PHONE, None),
}
"""Files in docs/pictures: the state, how it is looked at, and the part of the page to show (None: what fits)."""


@click.command()
@click.option("--only", default="", help="Only the states whose name contains these words.")
@click.option("--readme", is_flag=True, help="Renew the README's pictures in docs/pictures, and nothing else.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=_ROOT / "build" / "screenshots")
def main(only: str, folder: Path, *, readme: bool) -> None:
    """Write a PNG of every page and state of the portal, in light and dark, 1280 and 390 pixels wide."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    written = _readme(_ROOT / "docs" / "pictures") if readme else _all(only, folder)
    click.echo(f"{written} pictures in {_ROOT / 'docs' / 'pictures' if readme else folder}")


def _all(only: str, folder: Path) -> int:
    wanted = [state for state in CATALOGUE if only in state.name]
    if not wanted:
        raise click.UsageError(f"No state is called «{only}». There are: {'; '.join(s.name for s in CATALOGUE)}")
    folder.mkdir(parents=True, exist_ok=True)
    with _visits() as seen:
        for state in wanted:
            page = seen.reach(state)
            for how in LOOKS:
                look(page, how)
                page.screenshot(path=folder / f"{file_name(state.name)}.{how.name}.png", full_page=True)
            click.echo(state.name, err=True)
    return len(wanted) * len(LOOKS)


def _readme(folder: Path) -> int:
    states = {state.name: state for state in CATALOGUE}
    folder.mkdir(parents=True, exist_ok=True)
    with _visits() as seen:
        for file, (name, how, part) in README_PICTURES.items():
            page = seen.reach(states[name])
            look(page, how)
            (page.locator(part) if part else page).screenshot(path=folder / file)
    return len(README_PICTURES)


@contextmanager
def _visits() -> Iterator[Visits]:
    """A furnished portal of its own on free ports, and a browser; both end with the block."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (work / "certificates").mkdir()
        (work / "portal").mkdir()
        it = stack.enter_context(furnished_portal(work / "portal", Certificates(work / "certificates")))
        yield stack.enter_context(visits(stack.enter_context(chromium()), it))


def file_name(state: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", state.lower()).strip("-")


if __name__ == "__main__":
    sys.exit(main())
