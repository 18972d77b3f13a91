"""Acme with its own server, its people, and the watch over its route, in a real database and without a worker."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import select

from portal.crypto.password_hashing import PasswordHashing
from portal.crypto.vault import Vault
from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.content import Content
from portal.domain.mail.sender_identity import SenderIdentity
from portal.domain.people.roles import Role
from portal.domain.routing.email_settings_edit import EditRules
from portal.domain.routing.fault import Fault
from portal.domain.routing.smtp_route import Endpoint, SmtpRoute, TlsMode
from portal.domain.secret import Secret
from portal.services import message_content, route_states
from portal.services.accounts import Accounts
from portal.services.email_settings import EmailSettingsService
from portal.services.route_alerts import RouteAlerts
from portal.services.route_states import RouteCondition
from portal.services.route_watch import RouteWatch
from portal.services.routes import Platform, route_options
from portal.services.sending import Sender
from portal.storage import attempts, migrations, organisations
from portal.storage import route_states as stored
from portal.storage.audit_log import AuditRow
from portal.storage.database import Database
from portal.storage.lanes import LaneRow
from portal.storage.messages import MessageContentRow, MessageRow, MessageState

START: Final = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
REFUSED: Final = "535 5.7.8 Authentication credentials invalid"
PEOPLE: Final = (
    ("alice@acme.example", Role.OWNER),
    ("anna@acme.example", Role.ADMIN),
    ("bob@acme.example", Role.VIEWER),
)
_VAULT_KEY: Final = f"k1:{base64.b64encode(bytes(range(32))).decode()}"
_PLATFORM: Final = SenderIdentity("mail@platform.example", "Northwind", None, "mail@platform.example")


class SetClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> datetime:
        self.now += by
        return self.now


@dataclass(frozen=True)
class Watched:
    """Acme, whose version 1 is active, and who looks after its route."""

    database: Database
    vault: Vault
    clock: SetClock
    platform: Platform
    settings: EmailSettingsService
    sender: Sender
    watch: RouteWatch
    accounts: Accounts
    acme: TenantId

    @property
    def route(self) -> SmtpRoute:
        """The tenant's own route as it is now."""
        with self.database.reading() as session:
            tenant = organisations.tenant(session, self.acme)
            found = route_options(session, self.vault, self.platform, tenant).tenant
        assert found is not None
        return found

    @property
    def condition(self) -> RouteCondition:
        with self.database.reading() as session:
            return route_states.read(session, f"{self.acme}:1")

    def attempt(self, fault: Fault, said: str = REFUSED, *, times: int = 1, route: SmtpRoute | None = None) -> None:
        """So many attempts with mail end so now, each in a transaction of its own."""
        for _ in range(times):
            with self.database.transaction() as session:
                route_states.record(session, route or self.route, fault=fault, said=said, now=self.clock(), cap=4)

    def message(self, fault: Fault, said: str = REFUSED, *, stage: str = "auth", waits: timedelta) -> MessageId:
        """A message whose only attempt ended so, and that is to be tried again after this time."""
        message = self.sender.send("acme", kind="reminder", to="ada@dest.example", subject="Hello", text="Hello.")
        row = {
            "message_id": message,
            "number": 1,
            "at": self.clock(),
            "via": "tenant",
            "version": 1,
            "from_address": "mail@acme.example",
            "stage": stage,
            "code": None,
            "enhanced": None,
            "reply": said,
            "fault": fault,
            "seconds": 0.1,
            "tls": None,
            "copies_possible": 0,
        }
        with self.database.transaction() as session:
            attempts.add(session, [row])
            row_of_it = session.get_one(MessageRow, message)
            row_of_it.state, row_of_it.tries, row_of_it.due_at = MessageState.WAITING, 1, self.clock() + waits
        return message

    def due_at(self, message: MessageId) -> datetime | None:
        with self.database.reading() as session:
            return session.get_one(MessageRow, message).due_at

    def look(self) -> list[SmtpRoute]:
        return self.watch.due(self.clock())

    def events(self, prefix: str = "email.route_") -> list[AuditRow]:
        """Audit events of this name, oldest first."""
        with self.database.reading() as session:
            rows = session.scalars(select(AuditRow).order_by(AuditRow.id)).all()
            return [row for row in rows if row.action.startswith(prefix)]

    def mail(self) -> list[tuple[str, Content]]:
        """To whom alerts were sent, and what they say, oldest first."""
        with self.database.reading() as session:
            rows = session.execute(
                select(MessageRow.id, MessageRow.to_address, MessageContentRow.sealed)
                .join(MessageContentRow, MessageContentRow.message_id == MessageRow.id)
                .where(MessageRow.kind == "route_alert")
                .order_by(MessageRow.id)
            ).all()
        return [(row.to_address, message_content.unseal(self.vault, self.acme, row.id, row.sealed)) for row in rows]

    def look_at(self) -> datetime | None:
        with self.database.reading() as session:
            row = stored.state_of(session, f"{self.acme}:1")
            return row.look_at if row else None

    def rows(self) -> Sequence[str]:
        with self.database.reading() as session:
            return session.scalars(select(stored.RouteStateRow.route)).all()

    def lane_due_at(self) -> datetime | None:
        with self.database.reading() as session:
            return session.scalar(select(LaneRow.due_at).where(LaneRow.tenant_id == self.acme))

    def save(self, **given: object) -> int:
        """Save and activate further settings; the number of the version."""
        version = self.settings.save_draft(self.acme, given, actor=COMMAND_LINE)
        self.settings.activate(self.acme, version, actor=COMMAND_LINE, untested=True)
        return version


@contextmanager
def watched(database_url: str, **given: object) -> Iterator[Watched]:
    """Make Acme with an owner, an admin, a viewer and these settings beside the usual ones."""
    database = Database.at(database_url)
    migrations.upgrade(database)
    clock, vault = SetClock(), Vault.from_text(Secret(_VAULT_KEY))
    accounts = Accounts(database, PasswordHashing(), clock)
    sender = Sender(database, vault, message_id_domain="platform.example", clock=clock)
    platform = Platform(
        "Northwind", Endpoint("smtp.platform.example", 465, TlsMode.IMPLICIT), None, _PLATFORM, "mail.platform.example"
    )
    settings = EmailSettingsService(database, vault, EditRules(frozenset({587, 465})), clock, cut_over_seconds=1)
    acme = accounts.create_tenant("acme", name="Acme", organisation=None, actor=COMMAND_LINE)
    for email, role in PEOPLE:
        user = accounts.create_user(email, name="", password=None, is_operator=False, actor=COMMAND_LINE)
        accounts.add_member("acme", user, role, actor=COMMAND_LINE)
    found = Watched(
        database,
        vault,
        clock,
        platform,
        settings,
        sender,
        RouteWatch(database, vault, platform, RouteAlerts(sender, "https://portal.example/")),
        accounts,
        acme,
    )
    usual = {
        "host": "smtp.acme.example",
        "port": 587,
        "security": "starttls",
        "username": "acme",
        "password": "correct horse battery staple",
        "from_address": "mail@acme.example",
    }
    try:
        found.save(**usual | given)
        yield found
    finally:
        database.close()


def actions(rows: Sequence[AuditRow]) -> list[str]:
    return [row.action for row in rows]


def told(watched_route: Watched) -> list[str]:
    """The subjects of the mail the owner got."""
    return [content.subject for to, content in watched_route.mail() if to == PEOPLE[0][0]]
