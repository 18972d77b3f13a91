"""The demo's folder and its servers, each a process as in the real demo, on free ports."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from portal.demo import keys
from portal.demo.certificates import make_certificates
from portal.demo.folder import PROJECT, DemoFolder
from portal.demo.ports import DemoPorts, any_free_port


def free_ports() -> DemoPorts:
    return DemoPorts(*(any_free_port() for _ in DemoPorts.names()))


def make_folder(instance: Path) -> DemoFolder:
    """A demo's folder with ports, keys and certificates, as the parent leaves it for its children."""
    folder = DemoFolder(instance / "demo")
    folder.path.mkdir(parents=True)
    folder.ports.write_text(json.dumps(asdict(free_ports())))
    keys.make_dkim_key(folder)
    make_certificates(folder, now=datetime.now(UTC))
    return folder


@contextmanager
def running(module: str, folder: DemoFolder, is_up: Callable[[], bool]) -> Iterator[None]:
    """Run one of the demo's programs; it must end with status 0 when it is told to."""
    environment = {**os.environ, "PORTAL_INSTANCE_DIR": str(folder.path.parent)}
    with subprocess.Popen([sys.executable, "-W", "error", "-m", module], cwd=PROJECT, env=environment) as process:
        try:
            wait_until(lambda: is_up() or process.poll() is not None)
            assert process.poll() is None, f"{module} did not start"
            yield
            process.terminate()
            assert process.wait(timeout=5) == 0
        finally:
            process.kill()


def trusting(folder: DemoFolder) -> ssl.SSLContext:
    """A client's context that trusts the demo's root and nobody else, with the strictest reading of RFC 5280."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_verify_locations(folder.ca_certificate)
    return context


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie, which only waits for somebody to take note of its end."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc/self").exists()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
