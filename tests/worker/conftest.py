from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import Certificates
from tests.support.story import Story, story


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def acme(tmp_path: Path, certificates: Certificates) -> Iterator[Story]:
    with story(tmp_path, certificates) as it:
        yield it
