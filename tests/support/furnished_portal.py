"""A portal to look at: what stands in it by name, and what may happen just before somebody looks."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import update

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import TenantId, UserId
from portal.services.clock import new_id
from portal.storage import organisations, users
from portal.storage.probes import ProbeRow
from portal.storage.sign_ins import SignInRow
from portal.wiring import Waypost
from tests.support.portal_app import ALICE
from tests.support.scripted_smtp import USERNAME
from tests.support.served_story import MailServer, ServedStory

DORA: Final = "dora@dest.example"  # owner in Acme who has used up her tests
LONG: Final = "a-person-with-an-address-that-no-header-has-room-for@mail.subsidiary.donaudampfschiff.example"
NORA: Final = "nora@nowhere.example"  # member of nothing

BROKEN: Final = "/broken"
UNREACHABLE: Final = "/unreachable"
"""Addresses of pages that fail: by a defect, and because the database is away."""

ENDPOINT: Final = "smtp.acme.example:587, STARTTLS"


@dataclass
class FurnishedPortal:
    """What is served.

    Attributes:
        names: Ids of messages and tests, tokens of links and addresses, by what the catalogue of pages calls them.
    """

    told: ServedStory
    names: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return self.told.address

    @property
    def waypost(self) -> Waypost:
        return self.told.story.waypost

    @property
    def now(self) -> datetime:
        return self.told.story.clock()

    def tenant(self, slug: str) -> TenantId:
        with self.waypost.database.reading() as session:
            found = organisations.tenant_by_slug(session, slug)
        assert found is not None
        return TenantId(found.id)

    def user(self, email: str) -> UserId:
        with self.waypost.database.reading() as session:
            found = users.user_by_email(session, email)
        assert found is not None
        return UserId(found.id)

    def test(self, probe_id: str) -> ProbeRow:
        with self.waypost.database.reading() as session:
            return session.get_one(ProbeRow, probe_id)

    # Settings

    def use(self, slug: str, server: MailServer, **more: Any) -> int:
        """Save settings that name the server as a draft; return its number."""
        given = {
            "host": server.host,
            "port": server.port,
            "security": server.scripted.tls,
            "username": USERNAME,
            "password": server.password,
            "from_address": "notifications@acme.example",
            "from_name": "Acme Legal",
            "reply_to": "help@acme.example",
        } | more
        return self.waypost.email_settings.save_draft(self.tenant(slug), given, actor=COMMAND_LINE)

    def prove(self, slug: str, version: int, *, activates: bool) -> None:
        """As a test that has passed does."""
        settings, tenant = self.waypost.email_settings, self.tenant(slug)
        epoch = settings.route_epoch(tenant)
        assert settings.record_proof(tenant, version, actor=COMMAND_LINE, activates=activates, since_epoch=epoch)

    # What happens just before somebody looks

    def begins_a_test(self, *, ago: timedelta = timedelta()) -> str:
        """Open the record of a test of Alice's that is not at its end; return its id."""
        began = self.now - ago
        row = ProbeRow(
            id=new_id(began),
            tenant_id=self.tenant("acme"),
            to_address=ALICE,
            started_by=self.user(ALICE),
            started_at=began,
            endpoint=ENDPOINT,
            stages=[{"stage": "resolve", "ok": True, "seconds": 0.008, "note": "203.0.113.7"}],
        )
        with self.waypost.database.transaction() as session:
            session.add(row)
            return row.id

    def forgets_who(self, email: str) -> None:
        """Let it be longer than ten minutes ago that this person has entered the password."""
        with self.waypost.database.transaction() as session:
            old = self.now - timedelta(minutes=11)
            session.execute(update(SignInRow).where(SignInRow.user_id == self.user(email)).values(confirmed_at=old))
