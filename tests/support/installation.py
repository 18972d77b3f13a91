"""An installation of Waypost in a folder: for tests in this process, and as an environment for commands.

installation = Installation.new(tmp_path, platform=server)      # settings, database, migrations
with installation.opened() as waypost: ...                      # the objects, in this process
installation.run("tenant", "create", "acme", "--name", "Acme")  # ./run's commands, in a process of their own
worker = installation.start("work")                             # and long ones; stop() ends them
"""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from argon2 import PasswordHasher

from portal import settings as settings_module
from portal import wiring
from portal.crypto.password_hashing import PasswordHashing
from portal.services.clock import Clock, utc_now
from portal.settings import Settings
from portal.storage import migrations
from portal.storage.database import Database
from portal.wiring import Waypost

PROJECT: Final = Path(__file__).resolve().parents[2]
CHEAP_HASHING: Final = PasswordHashing(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
VAULT_KEY: Final = f"k1:{base64.b64encode(bytes(range(32))).decode()}"
NOWHERE: Final = "smtp://127.0.0.1:9"


@dataclass
class Installation:
    """Its settings as environment variables, and the processes started with them."""

    folder: Path
    environment: dict[str, str]
    _children: list[subprocess.Popen[str]] = field(default_factory=list)

    @classmethod
    def new(cls, folder: Path, **more: str) -> "Installation":
        """Make one in an empty folder.

        Args:
            more: Settings by their names without PORTAL_, in lower case, that go before the defaults below.
        """
        named = {
            "database_url": f"sqlite:///{folder}/waypost.db",
            "secret_key": "a test's secret key of more than 32 characters",
            "vault_keys": VAULT_KEY,
            "platform_name": "Northwind",
            "platform_smtp_url": NOWHERE,
            "platform_from": "no-reply@platform.example",
            "allowed_smtp_networks": "127.0.0.0/8",
            "ehlo_name": "mail.platform.example",
            "worker_lease_seconds": "2",
            "dns_servers": "127.0.0.1:9",
        } | more
        environment = {f"PORTAL_{name.upper()}": value for name, value in named.items()}
        installation = cls(folder, environment)
        database = Database.at(named["database_url"])
        migrations.upgrade(database)
        database.close()
        return installation

    def allow_port(self, port: int) -> int:
        """Let tenants' servers listen on this port, too; return it."""
        self.environment["PORTAL_ALLOWED_SMTP_PORTS"] = f"25,465,587,{port}"
        return port

    @property
    def settings(self) -> Settings:
        values = {name.removeprefix("PORTAL_").lower(): value for name, value in self.environment.items()}
        return settings_module.load(**values)

    @contextmanager
    def opened(self, clock: Clock = utc_now) -> Iterator[Waypost]:
        waypost = wiring.build(self.settings, clock=clock, hashing=CHEAP_HASHING)
        try:
            yield waypost
        finally:
            waypost.close()

    @property
    def whole_environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
        return inherited | self.environment | {"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}

    def run(self, *words: str, stdin: str = "", timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "portal.cli", *words],
            cwd=self.folder,
            env=self.whole_environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def json(self, *words: str, stdin: str = "", timeout: float = 60) -> Any:
        done = self.run(*words, "--json", stdin=stdin, timeout=timeout)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command that goes on; its output goes to ``<first word>.log`` in the folder."""
        with (self.folder / f"{words[0]}.log").open("a") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "portal.cli", *words],
                cwd=self.folder,
                env=self.whole_environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
            )
        self._children.append(child)
        return child

    def log(self, command: str) -> str:
        file = self.folder / f"{command}.log"
        return file.read_text() if file.exists() else ""

    def stop(self) -> None:
        """End what ``start()`` has started, each by its own id."""
        for child in self._children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                child.send_signal(signal.SIGCONT)  # a story may have frozen it
        for child in self._children:
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def put_settings(installation: Installation, slug: str, given: Mapping[str, Any], *flags: str) -> Any:
    return installation.run("settings", "put", slug, *flags, stdin=json.dumps(given))


def eventually(condition: Callable[[], bool], *, seconds: float = 20, what: str = "it to happen") -> None:
    """Wait for something another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)
