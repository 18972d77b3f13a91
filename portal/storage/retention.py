"""What is old enough to be deleted. It is found while nothing is locked, then deleted in portions."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.orm import Session

from portal.domain.audit_events import AuditAction
from portal.domain.ids import time_ordered_id
from portal.storage.attempts import AttemptRow
from portal.storage.audit_log import AuditRow
from portal.storage.messages import MessageContentRow, MessageRow
from portal.storage.organisations import TenantRow
from portal.storage.platform_use import PlatformUseRow

_DELIVERY_EVENTS = (AuditAction.EMAIL_SENT, AuditAction.EMAIL_SEND_FAILED)


def old_messages(session: Session, before: datetime, most: int) -> Sequence[str]:
    """Final messages handed in before that time, the oldest first.

    Their ids grow with time. Those that are still open at that age (meant for a far day) are passed over on the way.
    """
    return session.scalars(
        select(MessageRow.id)
        .where(MessageRow.id < time_ordered_id(before, 0), MessageRow.due_at.is_(None))
        .order_by(MessageRow.id)
        .limit(most)
    ).all()


def delete_messages(session: Session, messages: Collection[str]) -> None:
    """Delete messages, with all that is theirs."""
    for row, column in (
        (AttemptRow, AttemptRow.message_id),
        (MessageContentRow, MessageContentRow.message_id),
        (MessageRow, MessageRow.id),
    ):
        session.execute(delete(row).where(column.in_(messages)).execution_options(synchronize_session=False))


def old_delivery_events(session: Session, before: datetime, most: int) -> Sequence[int]:
    """What the audit log says of deliveries before that time. What people did is not among it.

    Tenant by tenant, which is the index's order: else what is kept for ever would be passed over each time.
    """
    end = _first_event_since(session, before)
    return session.scalars(
        select(AuditRow.id)
        .where(AuditRow.tenant_id.in_(select(TenantRow.id)))
        .where(AuditRow.action.in_(_DELIVERY_EVENTS), AuditRow.id < end)
        .limit(most)
    ).all()


def delete_events(session: Session, events: Collection[int]) -> None:
    session.execute(delete(AuditRow).where(AuditRow.id.in_(events)).execution_options(synchronize_session=False))


def old_platform_use(session: Session, before: datetime, most: int) -> Sequence[tuple[str, datetime]]:
    """Tenants and hours of which nobody asks any more how much of the platform's sender they used."""
    rows = session.execute(
        select(PlatformUseRow.tenant_id, PlatformUseRow.hour)
        .where(PlatformUseRow.tenant_id.in_(select(TenantRow.id)), PlatformUseRow.hour < before)
        .limit(most)
    )
    return [(tenant, hour) for tenant, hour in rows]


def delete_platform_use(session: Session, uses: Collection[tuple[str, datetime]]) -> None:
    key = tuple_(PlatformUseRow.tenant_id, PlatformUseRow.hour)
    session.execute(delete(PlatformUseRow).where(key.in_(uses)).execution_options(synchronize_session=False))


def _first_event_since(session: Session, moment: datetime) -> int:
    """The id that parts events before a moment from those since, found by halving: their ids grow with time."""
    # Asked for apart: SQLite looks up one end in the index, and reads the whole table for both.
    low = session.scalar(select(func.min(AuditRow.id))) or 0
    high = (session.scalar(select(func.max(AuditRow.id))) or -1) + 1
    while low < high:
        middle = (low + high) // 2
        nearest = session.execute(
            select(AuditRow.id, AuditRow.at).where(AuditRow.id >= middle).order_by(AuditRow.id).limit(1)
        ).one()
        if nearest.at < moment:
            low = nearest.id + 1
        else:
            high = middle
    return low
