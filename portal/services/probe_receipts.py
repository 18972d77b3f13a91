"""*Yes, I received it*: whoever has the link of a test message says so by it, signed in or not."""

from typing import Final, NamedTuple

from portal.crypto.token_hashing import token_hash
from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.domain.ids import TenantId
from portal.services.clock import Clock
from portal.storage import audit_log, organisations, probes
from portal.storage.database import Database
from portal.storage.probes import ProbeRow

READER: Final = "reader"
"""Who confirms, in the audit log: nobody has signed in for it."""


class Receipt(NamedTuple):
    """The test whose message carried a link, and whose it was."""

    probe: ProbeRow
    tenant_name: str


def find(database: Database, token: str) -> Receipt | None:
    """The test of this link, or None when there is none (any more). Changes nothing: mail scanners follow links."""
    with database.reading() as session:
        row = probes.by_receipt(session, token_hash(token))
        if row is None:
            return None
        return Receipt(row, organisations.tenant(session, TenantId(row.tenant_id)).name)


def confirm(database: Database, clock: Clock, token: str, *, network: str | None) -> bool:
    """Note that the test message has arrived. Twice is harmless, and the first time counts.

    Args:
        network: Where the request came from.

    Returns:
        Whether there is such a test.
    """
    with database.transaction() as session:
        row = probes.by_receipt(session, token_hash(token), lock=True)
        if row is not None and row.received_at is None:
            row.received_at = clock()
            facts = {"probe": row.id, "endpoint": row.endpoint, "version": row.version}
            reader, tenant_id = Actor(READER, network), TenantId(row.tenant_id)
            received = AuditEvent(AuditAction.SMTP_TEST_RECEIVED, row.received_at, reader, tenant_id, facts)
            audit_log.append(session, received)
        return row is not None
