"""Datagrams between the processes that share a SQLite file: each worker has a Unix socket in a folder beside it.

Sending never waits and never fails: a worker that misses a datagram finds the work when it looks by itself.
"""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Engine

SHORTEST_QUEUE: Final = 10
"""How many datagrams Linux lets wait at a socket at least before it refuses more (``net.unix.max_dgram_qlen``)."""

_LONGEST_ADDRESS: Final = 103  # bytes of a Unix socket's path: 107 on Linux, 103 on the BSDs
_LONGEST_NAME: Final = 33  # a worker's name, and the dot before it

_log = structlog.get_logger()


def folder_beside(engine: Engine) -> Path | None:
    """Where the sockets of a SQLite file's workers are, or None for a database without a file."""
    file = engine.url.database
    if engine.dialect.name != "sqlite" or not file or file.startswith((":memory:", "file:")):
        return None
    return Path(f"{os.path.realpath(file)}.wake")  # however the file is called, its sockets are in one folder


def send(folder: Path, datagrams: Sequence[bytes]) -> None:
    """Send these to every worker that listens, as far as that is possible at once."""
    try:
        with _brief(folder) as path, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            for listener in Path(path).iterdir():
                if not listener.name.startswith("."):
                    _send_to(sender, listener, datagrams)
    except FileNotFoundError:
        return  # no worker has ever listened here
    except OSError as error:
        _log.warning("workers could not be woken and will look by themselves", error=error.strerror)


def _send_to(sender: socket.socket, listener: Path, datagrams: Sequence[bytes]) -> None:
    try:
        for datagram in datagrams:
            sender.sendto(datagram, str(listener))
    except BlockingIOError:
        return  # its queue is full, from which it knows that it may have missed some
    except FileNotFoundError:
        return  # its worker has stopped this moment
    except ConnectionRefusedError:
        listener.unlink(missing_ok=True)  # its worker was killed


@contextmanager
def listening_socket(folder: Path, name: str) -> Iterator[socket.socket]:
    """A worker's socket, which does not block; it is gone when the block ends.

    Raises:
        OSError: It cannot be made here.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    with _brief(folder) as path, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.setblocking(False)
        # Under a name that senders leave alone first: for an instant a socket being bound looks like a dead worker's.
        unborn = Path(path, f".{name}")
        listener.bind(str(unborn))
        born = unborn.rename(Path(path, name))
        try:
            yield listener
        finally:
            born.unlink(missing_ok=True)


@contextmanager
def _brief(folder: Path) -> Iterator[str]:
    """A path to the folder that leaves room for a socket's name. A long one goes through /proc, where there is one."""
    if len(os.fsencode(folder)) + 1 + _LONGEST_NAME <= _LONGEST_ADDRESS:
        yield str(folder)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
