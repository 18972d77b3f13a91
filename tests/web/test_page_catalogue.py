"""The catalogue of pages, against the portal as it is."""

from collections import Counter

from portal.demo import inbox_views
from tests.support.page_catalogue import CATALOGUE, NO_PAGES
from tests.support.portal_app import Portal


def test_every_page_is_in_the_catalogue(portal: Portal) -> None:
    """A new view for GET fails here until somebody has said how to look at it, or why there is nothing to see."""
    portal.app.register_blueprint(inbox_views.blueprint)
    read = {rule.endpoint for rule in portal.app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    shown = {state.covers for state in CATALOGUE if state.covers}

    assert shown | NO_PAGES.keys() == read
    assert shown & NO_PAGES.keys() == set()


def test_every_state_has_a_name_of_its_own() -> None:
    names = Counter(state.name for state in CATALOGUE)
    assert [name for name, count in names.items() if count > 1] == []
