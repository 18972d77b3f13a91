"""A platform with one tenant and a worker, in this process, for stories about what becomes of a message.

with story(tmp_path, certificates) as it:
    it.acme_has_a_server(TlsMode.STARTTLS)            # a ScriptedServer that Acme has set up and activated
    message = it.send("reminder")
    it.settled(message)                               # the worker has done what it can do now
    it.later(minutes=1)                               # the clock moves; what is due then is tried
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import MessageId, TenantId
from portal.domain.routing.smtp_route import TlsMode
from portal.services.clock import utc_now
from portal.services.message_report import message_report
from portal.storage import audit_log
from portal.storage.audit_log import AuditFilter
from portal.storage.messages import MessageRow, MessageState
from portal.wiring import Waypost
from portal.worker.loop import Worker
from tests.support.certificates import Certificate, Certificates
from tests.support.installation import Installation, eventually
from tests.support.scripted_smtp import PASSWORD, USERNAME, Scenario, ScriptedServer

TO = "bob@dest.example"
FROM = "mail@acme.example"
PLATFORM_FROM = "no-reply@platform.example"


class ShiftedClock:
    """The true time, moved by as much as a story says."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.shift


@contextmanager
def running_worker(waypost: Waypost) -> Iterator[Worker]:
    """A worker in a thread, stopped at the end as SIGTERM would stop it."""
    started = threading.Event()
    holder: list[tuple[Worker, asyncio.AbstractEventLoop]] = []

    async def work() -> None:
        worker = Worker(waypost)
        holder.append((worker, asyncio.get_running_loop()))
        started.set()
        await worker.run()

    thread = threading.Thread(target=asyncio.run, args=(work(),), name="worker")
    thread.start()
    started.wait(10)
    worker, loop = holder[0]
    try:
        yield worker
    finally:
        loop.call_soon_threadsafe(worker.stop)
        thread.join(30)
        assert not thread.is_alive(), "the worker did not stop"


@dataclass
class Story:
    waypost: Waypost
    clock: ShiftedClock
    platform: ScriptedServer
    tenant_id: TenantId
    _certificates: Certificates
    _stack: ExitStack

    def acme_has_a_server(
        self,
        scenario: Scenario | None = None,
        *,
        given: Mapping[str, Any] | None = None,
        shown: Certificate = Certificate.GOOD,
        tls: TlsMode = TlsMode.STARTTLS,
        password: str = PASSWORD,
    ) -> ScriptedServer:
        """Start a server and activate settings that name it."""
        context = self._certificates.server_context(shown)
        server = self._stack.enter_context(ScriptedServer(scenario, tls=tls, context=context, password=password))
        self.acme_uses(server.port, given={"password": password} | dict(given or {}), tls=tls)
        return server

    def acme_uses(self, port: int, *, given: Mapping[str, Any] | None = None, tls: TlsMode = TlsMode.STARTTLS) -> int:
        """Activate settings that name a port of this machine, untested."""
        complete = {
            "host": "127.0.0.1",
            "port": port,
            "security": tls,
            "username": USERNAME,
            "password": PASSWORD,
            "from_address": FROM,
            "from_name": "Acme",
            "reply_to": "help@acme.example",
        } | dict(given or {})
        settings = self.waypost.email_settings
        version = settings.save_draft(self.tenant_id, complete, actor=COMMAND_LINE)
        settings.activate(self.tenant_id, version, actor=COMMAND_LINE, untested=True)
        return version

    def send(self, kind: str = "reminder", **more: Any) -> MessageId:
        given = {"to": TO, "subject": "Hello", "text": "Good morning."} | more
        return self.waypost.sender.send("acme", kind=kind, **given)

    def report(self, message: MessageId) -> dict[str, Any]:
        with self.waypost.database.reading() as session:
            found = message_report(session, message)
        assert found is not None
        return found

    def row(self, message: MessageId) -> MessageRow:
        with self.waypost.database.reading() as session:
            return session.get_one(MessageRow, message)

    def settled(self, message: MessageId, *, seconds: float = 20) -> dict[str, Any]:
        """Wait until the worker has tried the message and is done with it for now; return its report."""

        eventually(lambda: _is_settled(self.report(message)), seconds=seconds, what=f"the worker to settle {message}")
        return self.report(message)

    def after_next_try(self, message: MessageId) -> dict[str, Any]:
        """Move the clock to the message's next try and wait for its outcome."""
        before = self.report(message)
        due = self.row(message).due_at
        assert due is not None
        self.clock.shift += max(due - self.clock(), timedelta()) + timedelta(milliseconds=1)

        def has_moved() -> bool:
            report = self.report(message)
            return _is_settled(report) and report["decision"] != before["decision"]

        eventually(has_moved, what=f"the next try of {message}")
        return self.report(message)

    def audited(self, action: str | None = None) -> list[dict[str, Any]]:
        """The facts of the tenant's events, oldest first."""
        with self.waypost.database.reading() as session:
            wanted = AuditFilter(actions=frozenset({action} if action else ()))
            rows = audit_log.page(session, self.tenant_id, wanted, most=1000)
            return [dict(row.facts) | {"action": row.action} for row in reversed(rows)]


def _is_settled(report: Mapping[str, Any]) -> bool:
    """Whether it is over, or put off: a quick retry and the next route come at once."""
    is_put_off = report["state"] == MessageState.WAITING and any(
        words in report["decision"][-1] for words in ("Next try at", "It is dropped at", "It waits")
    )
    return is_put_off or MessageState(report["state"]).is_final


@contextmanager
def story(
    folder: Path, certificates: Certificates, platform_scenario: Scenario | None = None, **settings: str
) -> Iterator[Story]:
    """Acme on a platform whose own server is a ScriptedServer, and a worker that runs."""
    clock = ShiftedClock()
    with ExitStack() as stack:
        context = certificates.server_context(Certificate.GOOD)
        platform = stack.enter_context(ScriptedServer(platform_scenario, tls=TlsMode.STARTTLS, context=context))
        url = f"smtp+starttls://{USERNAME}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{platform.port}"
        installation = Installation.new(
            folder,
            **{
                "platform_smtp_url": url,
                "ca_file": certificates.ca_file,
                "allowed_smtp_ports": ",".join(str(port) for port in range(1024, 65536)),
            }
            | settings,
        )
        waypost = stack.enter_context(installation.opened(clock))
        tenant_id = waypost.accounts.create_tenant("acme", name="Acme", organisation=None, actor=COMMAND_LINE)
        stack.enter_context(running_worker(waypost))
        yield Story(waypost, clock, platform, tenant_id, certificates, stack)
