"""A whole platform for stories told in a browser: portal, worker, database, name server and mail servers, all real.

with served_story(tmp_path, certificates) as it:
    server = it.mail_server()                                     # Acme's; nothing names it yet
    ...open(it.address), sign in as ALICE with portal_app.PASSWORD...
    assert it.story.platform.messages == []
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Final

from flask import Flask
from sqlalchemy import select

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.people.roles import Role
from portal.domain.routing.smtp_route import TlsMode
from portal.storage.messages import MessageRow
from portal.web import create_app
from portal.web.database import db
from portal.wiring import Waypost
from tests.support.certificates import Certificate, Certificates
from tests.support.installation import eventually
from tests.support.name_server import NameServer
from tests.support.portal_app import ALICE, BOB, CHARLIE, OTHER, PASSWORD
from tests.support.portal_server import PortalServer, address_of, reserved_port, serving
from tests.support.scripted_smtp import PASSWORD as SMTP_PASSWORD
from tests.support.scripted_smtp import USERNAME, Scenario, ScriptedServer
from tests.support.story import FROM, Story, story

HOST: Final = "smtp.acme.example"
OTHER_HOST: Final = "smtp.hoster.example"
_ZONE: Final = f"{HOST}. A 127.0.0.1\n{OTHER_HOST}. A 127.0.0.1\n"
_SHOWN: Final = {HOST: Certificate.GOOD, OTHER_HOST: Certificate.OTHER_NAME}


@dataclass
class MailServer:
    """One of a tenant's, as its provider's help page describes it."""

    host: str
    scripted: ScriptedServer

    @property
    def port(self) -> int:
        return self.scripted.port

    @property
    def password(self) -> str:
        return self.scripted.password

    @property
    def mails(self) -> list[EmailMessage]:
        return [mail_in(message.data) for message in self.scripted.messages]


@dataclass
class ServedStory:
    """What a story may look at behind the portal's back.

    Attributes:
        app: The portal; routes may be added before the first request.
        story: The platform, its worker and its clock.
    """

    app: Flask
    story: Story
    portal: PortalServer
    _certificates: Certificates
    _stack: ExitStack = field(repr=False)

    @property
    def address(self) -> str:
        return self.portal.address

    def mail_server(
        self,
        scenario: Scenario | None = None,
        *,
        host: str = HOST,
        tls: TlsMode = TlsMode.STARTTLS,
        password: str = SMTP_PASSWORD,
    ) -> MailServer:
        """Start one; its certificate is in order."""
        context = self._certificates.server_context(_SHOWN[host])
        scripted = ScriptedServer(scenario, tls=tls, context=context, password=password)
        return MailServer(host, self._stack.enter_context(scripted))

    def acme_uses(self, server: MailServer) -> None:
        """Let it be active, its test passed."""
        given = {
            "host": server.host,
            "port": server.port,
            "security": server.scripted.tls,
            "username": USERNAME,
            "password": server.password,
            "from_address": FROM,
            "from_name": "Acme",
        }
        settings, tenant = self.story.waypost.email_settings, self.story.tenant_id
        version = settings.save_draft(tenant, given, actor=COMMAND_LINE)
        epoch = settings.route_epoch(tenant)
        assert settings.record_proof(tenant, version, actor=COMMAND_LINE, activates=True, since_epoch=epoch)

    def all_is_sent(self) -> bool:
        """Whether no message waits for anything any more."""
        with self.story.waypost.database.reading() as session:
            return session.scalar(select(MessageRow.id).where(MessageRow.due_at.is_not(None)).limit(1)) is None

    def platform_mail(self, to: str, subject: str) -> EmailMessage:
        """Wait for a mail to somebody that the platform's own server has taken; the newest with these words."""
        found: list[EmailMessage] = []

        def has_come() -> bool:
            mails = [mail_in(message.data) for message in self.story.platform.messages if message.recipient == to]
            found.extend(mail for mail in mails if subject in mail["Subject"])
            return bool(found)

        eventually(has_come, what=f"a mail to {to} about {subject}")
        return found[-1]


def mail_in(data: bytes) -> EmailMessage:
    return message_from_bytes(data, policy=policy.default)


def links_in(mail: EmailMessage, address: str) -> list[str]:
    """The links of a mail that lead to the portal."""
    body = mail.get_body(("plain",))
    assert body is not None
    return re.findall(rf"{re.escape(address)}\S+", body.get_content())


@contextmanager
def served_story(folder: Path, certificates: Certificates, **settings: str) -> Iterator[ServedStory]:
    """Acme with Alice, its owner, and Bob, a viewer; Charlie, a stranger; and no mail server of Acme's own yet."""
    with ExitStack() as stack:
        listener = stack.enter_context(reserved_port())
        names = stack.enter_context(NameServer(_ZONE))
        settings = {"base_url": address_of(listener), "dns_servers": "{}:{}".format(*names.address)} | settings
        told = stack.enter_context(story(folder, certificates, None, **settings))
        _furnish(told.waypost)
        app = create_app(told.waypost)
        stack.callback(_close_database_of, app)
        portal = stack.enter_context(serving(app, listener))
        yield ServedStory(app, told, portal, certificates, stack)


def _furnish(waypost: Waypost) -> None:
    accounts = waypost.accounts
    accounts.create_tenant(OTHER, name="Other", organisation=None, actor=COMMAND_LINE)
    for email, name, slug, role in (
        (ALICE, "Alice", "acme", Role.OWNER),
        (BOB, "Bob", "acme", Role.VIEWER),
        (CHARLIE, "Charlie", OTHER, Role.OWNER),
    ):
        accounts.create_user(
            email, name=name, password=PASSWORD, is_operator=False, actor=COMMAND_LINE, member_of={slug: role}
        )


def _close_database_of(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()
