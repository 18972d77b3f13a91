"""The switch that unplugs Acme's mail server, to see what its mail does then."""

import socket
import time
from collections.abc import Callable
from typing import Final

from portal.demo.folder import DemoFolder
from portal.demo.hosts import LOOPBACK
from portal.demo.ports import DemoPorts

_PATIENCE_SECONDS: Final = 3.0


def stop_acme_server(folder: DemoFolder | None = None) -> None:
    """Pull the plug; return once the server refuses connections, or after three seconds."""
    folder = folder or DemoFolder.of_this_installation()
    folder.acme_server_stopped.touch()
    _wait_until(lambda: not is_acme_server_running(folder))


def start_acme_server(folder: DemoFolder | None = None) -> None:
    """Put the plug back; return once the server takes connections, or after three seconds."""
    folder = folder or DemoFolder.of_this_installation()
    folder.acme_server_stopped.unlink(missing_ok=True)
    _wait_until(lambda: is_acme_server_running(folder))


def is_acme_server_running(folder: DemoFolder | None = None) -> bool:
    """Whether the server takes connections now, whatever the switch says."""
    folder = folder or DemoFolder.of_this_installation()
    return is_listening(DemoPorts.read(folder.ports).acme_starttls)


def is_listening(port: int) -> bool:
    """Whether somebody takes connections on this port of loopback."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


def _wait_until(arrived: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not arrived() and time.monotonic() < end:
        time.sleep(0.05)
