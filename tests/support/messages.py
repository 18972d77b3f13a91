"""Messages to compose, and the bytes they become."""

from datetime import UTC, datetime

from portal.domain.ids import MessageId, TenantId
from portal.domain.mail.content import Attachment, Content
from portal.domain.mail.message import Message, new_message_id
from portal.domain.mail.mime import compose
from portal.domain.mail.notification_kinds import KINDS
from portal.domain.mail.sender_identity import SenderIdentity

AT = datetime(2026, 11, 20, 21, 4, tzinfo=UTC)
ID = MessageId("01kan0zs6rxv1bm9q0y1w0e2s5")
ACME = SenderIdentity("noreply@acme.example", "Acme Production", "help@acme.example", "bounces@acme.example")
PLATFORM = SenderIdentity("mail@platform.example", "Platform", None, "bounces@platform.example")
REPORT = Content("Your report is ready", text="Dear Ada,\n\nit is ready.\n", html="<p>It is <b>ready</b>.</p>")
PDF = Attachment("Rechnung März 2026.pdf", "application/pdf", bytes(range(256)))


def message(content: Content = REPORT, *, to: str = "ada@dest.example", kind: str = "reminder") -> Message:
    return Message(ID, TenantId("acme"), KINDS[kind], to, content, new_message_id(ID, "acme.example"), AT)


def sent(content: Content = REPORT, identity: SenderIdentity = ACME) -> bytes:
    return compose(message(content), identity, date=AT).data
