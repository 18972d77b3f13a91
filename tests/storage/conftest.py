from collections.abc import Iterator

import pytest

from portal.storage import migrations
from portal.storage.database import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """With every table; the test runs on SQLite and on PostgreSQL."""
    opened = Database.at(database_url)
    migrations.upgrade(opened)
    yield opened
    opened.close()
