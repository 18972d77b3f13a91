"""Tenants with a server of their own, and workers as processes that are killed, frozen or told to stop.

with workplace(tmp_path, certificates, url, Behaviour(), tenants=2) as place:
    messages = place.hand_in(300)                     # spread over the tenants
    worker = place.start_worker()                     # returns when it is among the workers
    eventually(lambda: place.copies() >= 100)
    at_risk = worker.kill()                           # SIGKILL; the messages it was sending
    place.start_worker()
    eventually(place.all_final, seconds=60)
    assert place.arrived() == Counter(messages)
"""

import itertools
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select, update

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import MessageId, TenantId
from portal.domain.routing.smtp_route import TlsMode
from portal.services.clock import utc_now
from portal.services.message_report import message_report
from portal.services.sending import Outgoing
from portal.storage import audit_log, lanes
from portal.storage.lanes import WorkerRow
from portal.storage.messages import MessageRow, MessageState
from portal.wiring import Waypost
from tests.support.certificates import Certificate, Certificates
from tests.support.database_locks import is_being_written
from tests.support.installation import Installation, eventually
from tests.support.scripted_smtp import ONE_FLIGHT, PASSWORD, USERNAME, Scenario, ScriptedServer

_START_SECONDS: Final = 30
_BETWEEN_TWO_WRITES: Final = 200


@dataclass(frozen=True)
class Behaviour:
    """What a server does, and what it offers."""

    scenario: Scenario = field(default_factory=dict)
    offers: Sequence[str] = ONE_FLIGHT


@dataclass(frozen=True)
class WorkerProcess:
    """A worker, and the name it has entered the database with."""

    process: subprocess.Popen[str]
    name: str
    _place: "Workplace"

    def kill(self) -> set[str]:
        """SIGKILL it; return the messages it was sending, as the database knows them."""
        self.process.kill()
        self.process.wait()
        return self._place.in_hand(of=self.name)

    def stop(self, *, within: float) -> int:
        """SIGTERM it and wait for its end; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)

    def freeze(self) -> set[str]:
        """SIGSTOP it between two writes; return the messages it is sending.

        Frozen within one it would keep the database's locks, and nobody could take anything over for a while.
        """
        for _ in range(_BETWEEN_TWO_WRITES):
            self.process.send_signal(signal.SIGSTOP)
            if not is_being_written(self._place.database_url):
                return self._place.in_hand(of=self.name)
            self.process.send_signal(signal.SIGCONT)
            time.sleep(0.02)
        raise AssertionError("the worker was never found between two writes")

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


class Workplace:
    """What the processes work on, and what can be seen of it from outside.

    Attributes:
        servers: The first tenant uses the first one, and so on in turn. The first is the platform's, too.
    """

    def __init__(self, installation: Installation, waypost: Waypost, servers: Sequence[ScriptedServer]) -> None:
        self.installation = installation
        self.waypost = waypost
        self.servers = servers
        self.slugs: list[str] = []
        self._known: set[str] = set()

    @property
    def server(self) -> ScriptedServer:
        return self.servers[0]

    @property
    def database_url(self) -> str:
        return self.installation.environment["PORTAL_DATABASE_URL"]

    def add_tenant(self, *, has_server: bool) -> None:
        number = len(self.slugs)
        slug = f"tenant-{number + 1}"
        tenant = self.waypost.accounts.create_tenant(slug, name=slug, organisation=None, actor=COMMAND_LINE)
        self.slugs.append(slug)
        if not has_server:
            return
        given = {
            "host": "127.0.0.1",
            "port": self.servers[number % len(self.servers)].port,
            "username": USERNAME,
            "password": PASSWORD,
            "from_address": f"mail@{slug}.example",
        }
        version = self.waypost.email_settings.save_draft(tenant, given, actor=COMMAND_LINE)
        self.waypost.email_settings.activate(tenant, version, actor=COMMAND_LINE, untested=True)

    def hand_in(self, count: int, *, slugs: Sequence[str] | None = None, text: str = "x") -> list[MessageId]:
        """Hand in messages, as many for each of the tenants as for the others."""
        slugs = slugs or self.slugs
        shares = [len(range(count)[first :: len(slugs)]) for first in range(len(slugs))]
        return [
            message
            for slug, share in zip(slugs, shares, strict=True)
            for message in self.waypost.sender.send_many(
                slug, [Outgoing("reminder", "bob@dest.example", f"number {n}", text=text) for n in range(share)]
            )
        ]

    # What servers have

    def copies(self) -> int:
        """How many messages the servers have taken."""
        return sum(len(visit.messages) for server in self.servers for visit in server.visits)

    def arrived(self) -> Counter[str]:
        """How many copies of each message the servers have, by our id."""
        messages = itertools.chain.from_iterable(server.messages for server in self.servers)
        headers = [str(message_from_bytes(message.data)["Message-ID"]) for message in messages]
        return Counter(header.strip("<>").partition("@")[0] for header in headers)

    # What the database knows

    def states(self) -> dict[str, MessageState]:
        with self.waypost.database.reading() as session:
            return {id_: MessageState(state) for id_, state in session.execute(select(MessageRow.id, MessageRow.state))}

    def row(self, message: MessageId) -> MessageRow:
        with self.waypost.database.reading() as session:
            return session.get_one(MessageRow, message)

    def report(self, message: str) -> Mapping[str, Any]:
        with self.waypost.database.reading() as session:
            found = message_report(session, MessageId(message))
        assert found is not None
        return found

    def audited(self, tenant: str) -> list[dict[str, Any]]:
        """The facts of a tenant's events, newest first."""
        with self.waypost.database.reading() as session:
            rows = audit_log.page(session, TenantId(tenant), most=1000)
            return [dict(row.facts) | {"action": row.action} for row in rows]

    def in_hand(self, *, of: str) -> set[str]:
        """The messages that a worker is sending, or was when it died."""
        sending = select(MessageRow.id).where(MessageRow.state == MessageState.SENDING, MessageRow.worker == of)
        with self.waypost.database.reading() as session:
            return set(session.scalars(sending))

    def sent_by(self) -> Counter[str]:
        """How many messages each worker has sent, by its name."""
        sent = select(MessageRow.worker, func.count()).where(MessageRow.state == MessageState.SENT)
        with self.waypost.database.reading() as session:
            return Counter({str(worker): count for worker, count in session.execute(sent.group_by(MessageRow.worker))})

    def all_final(self) -> bool:
        with self.waypost.database.reading() as session:
            return session.scalar(select(MessageRow.id).where(MessageRow.due_at.is_not(None)).limit(1)) is None

    # What a story does

    def start_worker(self) -> WorkerProcess:
        """Start one; returns when the others know of it."""
        process = self.installation.start("work")
        names: set[str] = set()

        def has_entered() -> bool:
            assert process.poll() is None, self.installation.log("work")
            names.update(self.workers() - self._known)
            return bool(names)

        eventually(has_entered, seconds=_START_SECONDS, what="a worker to begin")
        self._known |= names
        (name,) = names
        return WorkerProcess(process, name, self)

    def workers(self) -> set[str]:
        with self.waypost.database.reading() as session:
            return set(session.scalars(select(WorkerRow.id)))

    def bury(self, worker: WorkerProcess) -> None:
        """Let a dead worker's lease be over now, which saves waiting for it."""
        with self.waypost.database.transaction() as session:
            lanes.bury(session, worker.name, now=utc_now())

    def make_due(self, message: MessageId) -> None:
        """Let a message that waits be tried now."""
        now = utc_now()
        with self.waypost.database.transaction() as session:
            lanes.touch(session, {TenantId(session.get_one(MessageRow, message).tenant_id): now})
            waiting = (MessageRow.id == message, MessageRow.state == MessageState.WAITING)
            session.execute(update(MessageRow).where(*waiting).values(due_at=now))


@contextmanager
def workplace(
    folder: Path,
    certificates: Certificates,
    database_url: str,
    *behaviours: Behaviour,
    tenants: int = 1,
    guests: int = 0,
    **settings: str,
) -> Iterator[Workplace]:
    """An installation, a server for each behaviour, and tenants that use them.

    Args:
        guests: Tenants besides, without a server of their own: their mail goes through the platform's.
    """
    with ExitStack() as stack:
        context = certificates.server_context(Certificate.GOOD)
        servers = [
            stack.enter_context(ScriptedServer(one.scenario, tls=TlsMode.STARTTLS, context=context, offers=one.offers))
            for one in behaviours
        ]
        url = f"smtp+starttls://{USERNAME}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{servers[0].port}"
        installation = Installation.new(
            folder,
            **{
                "database_url": database_url,
                "ca_file": certificates.ca_file,
                "allowed_smtp_ports": ",".join(str(server.port) for server in servers),
                "platform_smtp_url": url,
                "platform_hourly_limit": "100000",
            }
            | settings,
        )
        waypost = stack.enter_context(installation.opened())
        stack.callback(installation.stop)
        place = Workplace(installation, waypost, servers)
        for number in range(tenants + guests):
            place.add_tenant(has_server=number < tenants)
        yield place
