"""An installation of Waypost under measurement: tenants with servers, a producer and workers as processes."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench import mail
from bench.postgres import fresh_database
from bench.processes import Helper, cpu_seconds
from bench.sink_process import Certificate
from bench.work import Account, Work
from portal.domain.audit_events import COMMAND_LINE
from tests.support.installation import Installation

BATCH: Final = 500
_STOP_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Handed:
    """What a producer says of work it handed in by batches.

    Attributes:
        began: When its first call began, by CLOCK_MONOTONIC.
        accepted: When its last call had returned: everything is durable.
        cpu: Seconds of its own.
    """

    began: float
    accepted: float
    cpu: float


class Waypost:
    """One installation: settings, database, and the processes that were started on it."""

    def __init__(self, installation: Installation, at_exit: ExitStack) -> None:
        self.installation = installation
        self.workers: list[subprocess.Popen[str]] = []
        self._at_exit = at_exit

    def add_tenants(self, accounts: Sequence[Account], *, signing: str = "own_server") -> None:
        """Create tenants whose own servers are the sink's ports, by the services every front goes through."""
        with self.installation.opened() as waypost:
            for account in accounts:
                tenant = waypost.accounts.create_tenant(
                    account.name, name=f"Tenant {account.name}", organisation="Bench", actor=COMMAND_LINE
                )
                given = {
                    "host": "127.0.0.1",
                    "port": account.port,
                    "security": "tls",
                    "username": account.name,
                    "password": mail.password_of(account.name),
                    "from_address": mail.sender_of(account.name),
                    "signing": signing,
                }
                version = waypost.email_settings.save_draft(tenant, given, actor=COMMAND_LINE)
                waypost.email_settings.activate(tenant, version, actor=COMMAND_LINE, untested=True)

    def start_workers(self, count: int = 1) -> None:
        self.workers += [self.installation.start("work") for _ in range(count)]

    def stop_workers(self) -> None:
        self.installation.stop()
        self.workers.clear()

    @cached_property
    def producer(self) -> Helper:
        """The process that hands mail in, ready."""
        helper = Helper("bench.producer", environment=self.installation.whole_environment)
        self._at_exit.callback(helper.close)
        helper.hear()
        return helper

    def begin_handing_in(self, work: Work, *, kind: str = "notification", **more: Any) -> None:
        """Let the producer send in batches; ``handed_in()`` waits for its end."""
        self.producer.tell(do="batches", work=work.to_json(), kind=kind, batch=BATCH, **more)

    def handed_in(self, *, seconds: float) -> Handed:
        return Handed(**self.producer.hear(seconds=seconds))

    @property
    def worker_cpu_seconds(self) -> float:
        return sum(cpu_seconds(worker.pid) for worker in self.workers)


@contextmanager
def installed(
    folder: Path, certificate: Certificate, ports: Sequence[int], *, server: str | None = None, **settings: str
) -> Iterator[Waypost]:
    """Install Waypost in an empty folder, for tenants' servers on these ports; the first is the platform's own.

    Args:
        server: The URL of a PostgreSQL server, to make a database on; None for SQLite in the folder.
        settings: More of the installation's settings, by their names without PORTAL_.
    """
    password = mail.password_of(mail.PLATFORM).replace(" ", "%20")
    own = {
        "platform_smtp_url": f"smtps://{mail.PLATFORM}:{password}@localhost:{ports[0]}",
        "platform_from": mail.sender_of(mail.PLATFORM),
        "platform_hourly_limit": "1000000000",
        "fallback_hourly_limit": "1000000000",
        "allowed_smtp_ports": ",".join(map(str, ports)),
        "ca_file": str(certificate.ca_file),
        "worker_lease_seconds": "15",
        "metrics_listen": "127.0.0.1:0",
    }
    with ExitStack() as at_exit:
        if server:
            own["database_url"] = at_exit.enter_context(fresh_database(server))
        installation = Installation.new(folder, **own | settings)
        at_exit.callback(installation.stop)
        yield Waypost(installation, at_exit)


def dkim_settings() -> dict[str, str]:
    """Settings of a platform key (RSA-2048) that speaks for every tenant's domain of the benchmark."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {"platform_dkim_domain": mail.DOMAIN, "platform_dkim_selector": "bench", "platform_dkim_key": pem}
