from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import TenantId
from portal.wiring import Waypost
from tests.support.installation import Installation


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Installation:
    """On SQLite and on PostgreSQL: the services promise the same on both."""
    return Installation.new(tmp_path, database_url=database_url)


@pytest.fixture
def waypost(installation: Installation) -> Iterator[Waypost]:
    with installation.opened() as opened:
        yield opened


@pytest.fixture
def acme(waypost: Waypost) -> TenantId:
    return waypost.accounts.create_tenant("acme", name="Acme", organisation=None, actor=COMMAND_LINE)
