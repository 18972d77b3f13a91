"""Every page answers every question in its address, however odd: on PostgreSQL, which is stricter than SQLite."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.support.portal_app import ALICE, served, user_id
from tests.support.url_map import addresses, examples

ODD: Final = ("\0", "a\0b", "-1", "9" * 40, "é" * 400, "%", "' OR 1=1 --", "2026-02-31", "fe80::1%\0", "\ud7ff")


@pytest.mark.peers
def test_no_parameter_breaks_a_page(tmp_path: Path, postgresql_url: str) -> None:
    with served(tmp_path, database_url=postgresql_url) as portal:
        alice = portal.browser(ALICE)
        pages = addresses(portal.app, examples(portal, portal.acme, user_id(portal, ALICE)))
        asked = 0
        for path in (page.path for page in pages if page.method == "GET"):
            fields = set(re.findall(r'name="(\w+)"', alice.get(path, buffered=True).text))
            names = fields | {"before", "next"}
            for value in ODD:
                answer = alice.get(path, query_string=dict.fromkeys(names, value), buffered=True)
                assert answer.status_code < 500, (path, value)
                asked += 1
        assert asked > 100
