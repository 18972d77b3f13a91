from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.domain.routing.smtp_route import TlsMode
from tests.support.certificates import Certificate, Certificates
from tests.support.portal_app import ALICE, BOB, CHARLIE, Browser, Portal, served
from tests.support.scripted_smtp import ScriptedServer


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    with served(tmp_path) as found:
        yield found


@pytest.fixture
def alice(portal: Portal) -> Browser:
    return portal.browser(ALICE)


@pytest.fixture
def bob(portal: Portal) -> Browser:
    return portal.browser(BOB)


@pytest.fixture
def charlie(portal: Portal) -> Browser:
    return portal.browser(CHARLIE)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def server(certificates: Certificates) -> Iterator[ScriptedServer]:
    """Acme's own mail server; a test may still change its scenario."""
    context = certificates.server_context(Certificate.GOOD)
    with ScriptedServer(tls=TlsMode.STARTTLS, context=context) as found:
        yield found


@pytest.fixture
def connected(tmp_path: Path, certificates: Certificates, server: ScriptedServer) -> Iterator[Portal]:
    """A portal that may reach that server."""
    folder = tmp_path / "connected"
    folder.mkdir()
    with served(folder, ca_file=certificates.ca_file, allowed_smtp_ports=f"25,465,587,{server.port}") as found:
        yield found
