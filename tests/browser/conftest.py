"""Every story is told twice: in a browser with JavaScript, and in one without."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import chromium, window
from tests.support.certificates import Certificates
from tests.support.served_story import ServedStory, served_story
from tests.support.visitor import Newcomer, Visitor

expect.set_options(timeout=20_000)  # milliseconds; a slow machine is no defect of the portal


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def it(tmp_path: Path, certificates: Certificates) -> Iterator[ServedStory]:
    with served_story(tmp_path, certificates) as told:
        yield told


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def newcomer(request: pytest.FixtureRequest, browser: Browser, it: ServedStory) -> Iterator[Newcomer]:
    """Somebody else each time, in a browser of their own."""
    with ExitStack() as stack:

        def come() -> Visitor:
            page = stack.enter_context(window(browser, it.address, java_script_enabled=request.param))
            return Visitor(page, has_scripts=request.param)

        yield come


@pytest.fixture
def visitor(newcomer: Newcomer) -> Visitor:
    return newcomer()
