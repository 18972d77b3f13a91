"""Further tenants on the platform of a story, each with a server of its own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import MessageId, TenantId
from portal.domain.routing.smtp_route import TlsMode
from portal.services.sending import Outgoing
from portal.wiring import Waypost
from tests.support.certificates import Certificate, Certificates
from tests.support.scripted_smtp import PASSWORD, USERNAME, Scenario, ScriptedServer
from tests.support.story import TO, Story


@dataclass(frozen=True)
class Neighbour:
    slug: str
    tenant_id: TenantId
    server: ScriptedServer
    waypost: Waypost

    def send(self, kind: str = "reminder") -> MessageId:
        return self.waypost.sender.send(self.slug, kind=kind, to=TO, subject="Hello", text="Good morning.")


@contextmanager
def neighbour(
    story: Story,
    certificates: Certificates,
    slug: str,
    scenario: Scenario | None = None,
    *,
    given: Mapping[str, Any] | None = None,
) -> Iterator[Neighbour]:
    """A tenant whose own server is active; the server is there until the block ends."""
    context = certificates.server_context(Certificate.GOOD)
    with ScriptedServer(scenario, tls=TlsMode.STARTTLS, context=context) as server:
        tenant = story.waypost.accounts.create_tenant(slug, name=slug.title(), organisation=None, actor=COMMAND_LINE)
        complete = {
            "host": "127.0.0.1",
            "port": server.port,
            "security": TlsMode.STARTTLS,
            "username": USERNAME,
            "password": PASSWORD,
            "from_address": f"mail@{slug}.example",
        } | dict(given or {})
        settings = story.waypost.email_settings
        version = settings.save_draft(tenant, complete, actor=COMMAND_LINE)
        settings.activate(tenant, version, actor=COMMAND_LINE, untested=True)
        yield Neighbour(slug, tenant, server, story.waypost)


def hand_in(waypost: Waypost, slug: str, count: int, kind: str = "digest", to: str = TO) -> Sequence[MessageId]:
    """Many messages in one commit."""
    outgoing = [Outgoing(kind, to, f"Number {number}", text="Good morning.") for number in range(count)]
    return waypost.sender.send_many(slug, outgoing)
