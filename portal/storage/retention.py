"""What is old enough to be deleted. It is found while nothing is locked, then deleted in portions."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session

from portal.domain.audit_events import AuditAction
from portal.domain.ids import time_ordered_id
from portal.storage import audit_log
from portal.storage.attempts import AttemptRow
from portal.storage.audit_log import AuditRow
from portal.storage.messages import MessageContentRow, MessageRow
from portal.storage.one_time_tokens import OneTimeTokenRow
from portal.storage.organisations import TenantRow
from portal.storage.platform_use import PlatformUseRow
from portal.storage.probes import ProbeRow
from portal.storage.sign_ins import SignInRow
from portal.storage.token_buckets import TokenBucketRow

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
    end = audit_log.first_since(session, before)
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


def old_probes(session: Session, before: datetime, most: int) -> Sequence[str]:
    """Tests of connections begun before that time, the oldest first: their ids grow with time."""
    return session.scalars(
        select(ProbeRow.id).where(ProbeRow.id < time_ordered_id(before, 0)).order_by(ProbeRow.id).limit(most)
    ).all()


def delete_probes(session: Session, probes: Collection[str]) -> None:
    session.execute(delete(ProbeRow).where(ProbeRow.id.in_(probes)).execution_options(synchronize_session=False))


def old_sign_ins(session: Session, before: datetime, most: int) -> Sequence[str]:
    """Sign-ins that nobody has used since that time."""
    return session.scalars(select(SignInRow.id).where(SignInRow.seen_at < before).limit(most)).all()


def delete_sign_ins(session: Session, sign_ins: Collection[str]) -> None:
    session.execute(delete(SignInRow).where(SignInRow.id.in_(sign_ins)).execution_options(synchronize_session=False))


def old_tokens(session: Session, before: datetime, most: int) -> Sequence[bytes]:
    """Tokens, used or not, that had expired by that time."""
    row = OneTimeTokenRow
    return session.scalars(select(row.token_hash).where(row.expires_at < before).limit(most)).all()


def delete_tokens(session: Session, tokens: Collection[bytes]) -> None:
    which = OneTimeTokenRow.token_hash.in_(tokens)
    session.execute(delete(OneTimeTokenRow).where(which).execution_options(synchronize_session=False))


def full_buckets(session: Session, before: datetime, most: int) -> Sequence[bytes]:
    """Buckets that were full at that time: a row says no more of them than none would."""
    return session.scalars(select(TokenBucketRow.key).where(TokenBucketRow.full_at < before).limit(most)).all()


def delete_buckets(session: Session, buckets: Collection[bytes], *, full_before: datetime) -> None:
    """Delete buckets, but for those of which a token was taken meanwhile."""
    which = TokenBucketRow.key.in_(buckets) & (TokenBucketRow.full_at < full_before)
    session.execute(delete(TokenBucketRow).where(which).execution_options(synchronize_session=False))
