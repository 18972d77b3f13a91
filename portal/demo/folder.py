"""Where the demo keeps its things."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

PROJECT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """``<instance>/demo``: everything a second start finds again.

    Parent, mail servers, name server and pages are processes of their own; what they share lies here.
    """

    path: Path

    @classmethod
    def of_this_installation(cls) -> Self:
        """The folder in ``PORTAL_INSTANCE_DIR``, or in the project's own ``instance``."""
        return cls(Path(os.environ.get("PORTAL_INSTANCE_DIR") or PROJECT / "instance").resolve() / "demo")

    @property
    def database(self) -> Path:
        return self.path / "waypost.db"

    @property
    def inbox(self) -> Path:
        return self.path / "inbox"

    @property
    def ports(self) -> Path:
        return self.path / "ports.json"

    @property
    def ca_certificate(self) -> Path:
        """The only certificate in it is the demo's root: what ``PORTAL_CA_FILE`` names."""
        return self.path / "ca.pem"

    def server_certificate(self, hostname: str) -> Path:
        """A chain and its private key in one PEM file."""
        return self.path / f"{hostname}.pem"

    @property
    def dkim_key(self) -> Path:
        return self.path / "platform-dkim.pem"

    @property
    def acme_server_stopped(self) -> Path:
        """While this file exists, Acme's mail server is down (``portal.demo.switch``)."""
        return self.path / "acme-server.stopped"

    @property
    def settings(self) -> Path:
        """The demo's settings as shell assignments, for those who want to run commands on its database."""
        return self.path / "demo.env"

    @property
    def running(self) -> Path:
        """Locked by the parent while the demo runs."""
        return self.path / "running"


def write_whole(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file so that nobody ever reads half of it, and only those ``mode`` allows read it at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
