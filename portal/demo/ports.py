"""Which ports the demo's servers listen on."""

import json
import socket
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

from portal.demo.folder import write_whole
from portal.demo.hosts import LOOPBACK


@dataclass(frozen=True, slots=True)
class DemoPorts:
    """The preferred ports are the defaults. Every port is a TCP port; ``dns`` is the UDP port of that number too."""

    acme_starttls: int = 2587
    acme_tls: int = 2465
    platform_starttls: int = 2588
    dns: int = 5354

    @classmethod
    def read(cls, path: Path) -> Self:
        """The ports of the running demo.

        Raises:
            OSError: There is no such file: the demo has never been started.
            ValueError: The file was not written by ``choose()``.
        """
        stored = json.loads(path.read_text())
        if not isinstance(stored, dict) or not all(isinstance(port, int) for port in stored.values()):
            raise ValueError(f"{path.name} is not a list of ports")
        return cls(**{name: port for name, port in stored.items() if name in cls.names()})

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(field.name for field in fields(cls))

    @classmethod
    def choose(cls, path: Path) -> Self:
        """The ports of the last start, or the preferred ones; a free one in place of each that is taken.

        The choice is remembered in ``path``: settings saved in the demo name these ports.
        """
        try:
            wanted = cls.read(path)
        except (OSError, ValueError):
            wanted = cls()
        chosen = cls(**{name: port if is_free(port) else any_free_port() for name, port in asdict(wanted).items()})
        write_whole(path, json.dumps(asdict(chosen), indent=2).encode() + b"\n")
        return chosen


def is_free(port: int) -> bool:
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                if kind is socket.SOCK_STREAM:
                    # Connections of the last run linger in TIME_WAIT; they do not keep a server from listening.
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((LOOPBACK, port))
    except OSError:
        return False
    return True


def any_free_port() -> int:
    """A port free for TCP and UDP alike.

    Raises:
        OSError: Twenty ports in a row were free for TCP only.
    """
    for _ in range(20):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if is_free(port):
            return port
    raise OSError("no free port on loopback")
