"""Every page and state, in light on a desk and in dark on a phone: no violation, nothing cut off, a quiet console."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.axe import violations
from tests.support.browser import window
from tests.support.certificates import Certificates
from tests.support.furnishing import furnished_portal
from tests.support.page_catalogue import CATALOGUE
from tests.support.page_state import PageState
from tests.support.page_visits import DARK_PHONE, LIGHT_DESK, Visits, look, pixels_too_wide, visits

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates, browser: Browser) -> Iterator[Visits]:
    with furnished_portal(tmp_path_factory.mktemp("portal"), certificates) as it, visits(browser, it) as opened:
        yield opened


@pytest.mark.parametrize("state", CATALOGUE, ids=lambda state: state.name)
def test_a_page_is_for_everybody(seen: Visits, state: PageState) -> None:
    page = seen.reach(state)
    for how in (LIGHT_DESK, DARK_PHONE):
        look(page, how)
        assert violations(page) == [], how.name
        assert pixels_too_wide(page) == 0, how.name
    assert seen.errors == []


def test_what_is_wrong_with_a_page_is_seen(browser: Browser) -> None:
    with window(browser, "http://127.0.0.1") as page:
        page.set_content(
            "<main><h1 style='color: #aaa'>Grey</h1><img src='data:,'><p style='width: 2000px'>Wide</p></main>"
        )
        found = {problem.partition(":")[0] for problem in violations(page)}
        assert {"color-contrast", "image-alt", "html-has-lang"} <= found
        assert pixels_too_wide(page) > 0
