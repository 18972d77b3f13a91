from collections.abc import Iterator

import pytest

from tests.support.postfix import Postfix, running_postfix


@pytest.fixture(scope="session")
def postfix() -> Iterator[Postfix]:
    with running_postfix() as server:
        yield server
