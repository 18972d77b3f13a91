"""Taking the audit log away as a file is itself put on record."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.domain.ids import TenantId
from portal.domain.token_bucket import NO_WAIT, Limit, begun_minutes
from portal.services import limits
from portal.services.clock import Clock
from portal.storage import audit_log
from portal.storage.database import Database

_EXPORTS: Final = Limit("audit export", most=20, span=timedelta(hours=1))


class TooManyExportsError(Exception):
    """This person has taken too many files lately; the text says when the next one can be."""


def record_export(
    database: Database, clock: Clock, tenant_id: TenantId, *, actor: Actor, asked: Mapping[str, str]
) -> None:
    """Put on record who takes a tenant's events away, before the first of them leaves.

    Args:
        asked: The filters by which they are chosen, as people read them.

    Raises:
        TooManyExportsError: Nothing was written, and nothing may leave.
    """
    now = clock()
    with database.transaction() as session:
        wait = limits.take(session, _EXPORTS, f"{tenant_id} {actor.name}", now)
        if wait == NO_WAIT:
            audit_log.append(session, AuditEvent(AuditAction.AUDIT_LOG_EXPORTED, now, actor, tenant_id, dict(asked)))
    if wait != NO_WAIT:
        raise TooManyExportsError(
            f"You have downloaded the audit log {_EXPORTS.most} times within an hour. "
            f"The next download is possible in {begun_minutes(wait)} min."
        )
