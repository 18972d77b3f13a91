"""A demo folder, and the demo's servers over it."""

from collections.abc import Iterator

import pytest

from portal.demo.folder import DemoFolder
from portal.demo.ports import DemoPorts
from portal.demo.switch import is_acme_server_running, is_listening
from tests.support.demo import make_folder, running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> DemoFolder:
    return make_folder(tmp_path_factory.mktemp("instance"))


@pytest.fixture(scope="module")
def ports(folder: DemoFolder) -> DemoPorts:
    return DemoPorts.read(folder.ports)


@pytest.fixture(scope="module")
def mail_servers(folder: DemoFolder, ports: DemoPorts) -> Iterator[DemoPorts]:
    with running("portal.demo.mail_servers", folder, lambda: is_acme_server_running(folder)):
        yield ports


@pytest.fixture(scope="module")
def name_server(folder: DemoFolder, ports: DemoPorts) -> Iterator[int]:
    with running("portal.demo.dns_zone", folder, lambda: is_listening(ports.dns)):
        yield ports.dns
