"""The demo as ``./run`` starts it: parent, servers, worker and pages, ended and started again."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from portal.demo.folder import PROJECT, DemoFolder
from portal.demo.switch import is_acme_server_running
from tests.support.demo import free_ports, is_running, wait_until


class Demo:
    """A demo that has said its welcome."""

    def __init__(self, process: "subprocess.Popen[str]", welcome: str) -> None:
        self.process = process
        self.welcome = welcome
        [self.address] = re.findall(r"^Waypost's demo is up: (http://127\.0\.0\.1:\d+)$", welcome, re.MULTILINE)

    def children(self) -> dict[str, int]:
        """Process ids by module."""
        command = ["ps", "-ww", "-eo", "pid=,ppid=,args="]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows = re.findall(r"^ *(\d+) +(\d+) .* portal\.demo\.child (\S+)", listed, re.MULTILINE)
        return {module: int(pid) for pid, parent, module in rows if int(parent) == self.process.pid}

    def get(self, path: str) -> int:
        with urllib.request.urlopen(self.address + path, timeout=20) as answer:  # noqa: S310 - loopback, our own address
            return int(answer.status)


@contextmanager
def demo(instance: Path) -> Iterator[Demo]:
    environment = {**os.environ, "PORT": "0", "PORTAL_INSTANCE_DIR": str(instance)}
    command = [sys.executable, "-m", "portal.demo"]
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Demo(process, _welcome_of(process))
        finally:
            process.kill()


def _welcome_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    return "".join(lines)


def test_the_demo_starts_heals_stops_and_finds_its_data_again(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path / "demo")
    folder.path.mkdir()
    folder.ports.write_text(json.dumps(asdict(free_ports())))

    with demo(tmp_path) as first:
        assert first.get("/inbox") == 200
        assert is_acme_server_running(folder)
        children = first.children()
        assert set(children) == {"portal.demo.mail_servers", "portal.demo.dns_zone", "portal.cli", "gunicorn"}

        for pid in children.values():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: set(first.children()) == set(children), seconds=20)
        assert set(first.children().values()).isdisjoint(children.values())
        assert first.get("/inbox") == 200

        revived = first.children().values()
        first.process.terminate()
        assert first.process.wait(timeout=10) == 0
        assert not any(map(is_running, revived))
    kept = {file.name: file.read_bytes() for file in folder.path.glob("*.pem")} | {"ports": folder.ports.read_bytes()}

    with demo(tmp_path) as second:
        assert second.get("/inbox") == 200
        revived = second.children().values()
        second.process.send_signal(signal.SIGINT)
        assert second.process.wait(timeout=10) == 0
        assert not any(map(is_running, revived))

    assert second.welcome.replace(second.address, "") == first.welcome.replace(first.address, "")
    assert kept == {file.name: file.read_bytes() for file in folder.path.glob("*.pem")} | {
        "ports": folder.ports.read_bytes()
    }
