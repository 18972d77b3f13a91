from collections.abc import Iterator
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
    made = Installation.new(tmp_path, ca_file=certificates.ca_file)
    with made.opened() as waypost:
        waypost.accounts.create_tenant("acme", name="Acme", organisation=None, actor=COMMAND_LINE)
    try:
        yield made
    finally:
        made.stop()
