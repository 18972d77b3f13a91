"""NSD, the authoritative name server, as a private instance on loopback."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

from tests.support.programs import need

_CONFIGURATION: Final = """\
server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{folder}"
  xfrdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  zonelistfile: "{folder}/zone.list"
  logfile: "{folder}/nsd.log"
remote-control:
  control-enable: no
zone:
  name: "{origin}"
  zonefile: "zone"
"""
_SOA: Final = "$TTL 60\n@ SOA ns hostmaster {serial} 60 60 60 60\n@ NS ns\nns A 127.0.0.1\n"


class Nsd:
    """A running server.

    Attributes:
        address: Where it listens.
        origin: Its one zone, e.g. ``"evil.example"``.
    """

    def __init__(self, program: Path, origin: str, folder: Path) -> None:
        self.address: tuple[str, int] = ("127.0.0.1", _free_port())
        self.origin = origin
        self._command: list[str | Path] = [program, "-d", "-c", folder / "nsd.conf"]
        self._zone_file = folder / "zone"
        self._serial = 0
        self._process: subprocess.Popen[bytes] | None = None
        configuration = _CONFIGURATION.format(port=self.address[1], folder=folder, origin=origin)
        (folder / "nsd.conf").write_text(configuration)

    def serve(self, records: str) -> None:
        """Serve these records instead of those before. Names are relative to the origin.

        By a new process and not by a reload, during which the old one goes on answering for a while.
        """
        self.stop()
        self._serial += 1
        self._zone_file.write_text(_SOA.format(serial=self._serial) + records + "\n")
        self._process = subprocess.Popen(self._command, start_new_session=True)
        _until_served(self.address, self.origin, self._serial)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        self._process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # its children, should they outlive it
        self._process = None


@contextmanager
def running_nsd(origin: str, records: str, folder: Path) -> Iterator[Nsd]:
    """Serve one zone, with files in ``folder``; skips when nsd is not installed."""
    (program,) = need("nsd")
    server = Nsd(program, origin, folder)
    try:
        server.serve(records)
        yield server
    finally:
        server.stop()


def _until_served(address: tuple[str, int], origin: str, serial: int) -> None:
    query = dns.message.make_query(origin, dns.rdatatype.SOA)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            answer = dns.query.udp(query, address[0], port=address[1], timeout=0.2).answer
        except (dns.exception.Timeout, OSError):
            continue
        if answer and answer[0][0].serial == serial:
            return
        time.sleep(0.02)
    raise TimeoutError(f"NSD does not serve {origin}, serial {serial}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
