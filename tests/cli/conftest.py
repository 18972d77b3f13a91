from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal.domain.audit_events import COMMAND_LINE
from tests.support.certificates import Certificates
from tests.support.installation import Installation


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def installation(tmp_path: Path, certificates: Certificates) -> Iterator[Installation]:
    with _with_acme(Installation.new(tmp_path, ca_file=certificates.ca_file)) as made:
        yield made


@pytest.fixture
def on_either_database(tmp_path: Path, certificates: Certificates, database_url: str) -> Iterator[Installation]:
    """An installation on SQLite, then one on PostgreSQL."""
    with _with_acme(Installation.new(tmp_path, ca_file=certificates.ca_file, database_url=database_url)) as made:
        yield made


@contextmanager
def _with_acme(made: Installation) -> Iterator[Installation]:
    with made.opened() as waypost:
        waypost.accounts.create_tenant("acme", name="Acme", organisation=None, actor=COMMAND_LINE)
    try:
        yield made
    finally:
        made.stop()
