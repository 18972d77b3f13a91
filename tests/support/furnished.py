"""Installations with two tenants, and a clock that stands still: one for each example of a property test."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from portal.domain.audit_events import COMMAND_LINE
from portal.wiring import Waypost
from tests.support.installation import Installation

START: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
SLUGS: Final = ("acme", "other")
_SERVER: Final = {"host": "127.0.0.1", "port": 587, "security": "starttls", "from_address": "mail@acme.example"}


class StoppedClock:
    """A time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


Opened = tuple[Waypost, StoppedClock]


@contextmanager
def furnished(installation: Installation) -> Iterator[Opened]:
    """The installation, opened, and in it Acme, which has a server, and the other tenant, which has none."""
    clock = StoppedClock()
    with installation.opened(clock) as waypost:
        acme, _ = [waypost.accounts.create_tenant(s, name=s, organisation=None, actor=COMMAND_LINE) for s in SLUGS]
        version = waypost.email_settings.save_draft(acme, _SERVER, actor=COMMAND_LINE)
        waypost.email_settings.activate(acme, version, actor=COMMAND_LINE, untested=True)
        yield waypost, clock


def furnished_copies(folder: Path) -> Callable[[], AbstractContextManager[Opened]]:
    """The same on SQLite, again and again from the start, and the migrations are run once."""
    installation = Installation.new(folder)
    with furnished(installation):
        pass
    file = folder / "waypost.db"
    template = file.read_bytes()

    @contextmanager
    def opened() -> Iterator[Opened]:
        for left in folder.glob("waypost.db*"):
            left.unlink()
        file.write_bytes(template)
        clock = StoppedClock()
        with installation.opened(clock) as waypost:
            yield waypost, clock

    return opened
