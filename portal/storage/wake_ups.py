"""Telling workers at once that a tenant has something new to do; polling is the net beneath.

A service says ``announce(session, tenant_id)`` inside its transaction. What was announced leaves with the commit: as
one NOTIFY inside the transaction on PostgreSQL, as datagrams right after it on SQLite (``wake_up_sockets``). A
transaction that is rolled back announces nothing.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import event, func, select
from sqlalchemy.orm import Session, SessionTransaction

from portal.domain.ids import TenantId
from portal.storage import wake_up_sockets

CHANNEL: Final = "waypost"
"""PostgreSQL's name for what workers listen to; each database has a channel of this name of its own."""
LONGEST_PAYLOAD: Final = 7_900
"""Bytes of one notification or datagram; PostgreSQL takes less than 8,000."""

_TENANT_ID_AND_SPACE: Final = 27
_TENANTS_A_PAYLOAD: Final = LONGEST_PAYLOAD // _TENANT_ID_AND_SPACE
_ANNOUNCED: Final = "waypost.announced"


def announce(session: Session, *tenants: TenantId) -> None:
    """Wake the workers for these tenants when the session's transaction is committed.

    Any number of times in a transaction; also in one that the caller of ``Sender.enqueue`` has brought along.
    """
    session.info.setdefault(_ANNOUNCED, set()).update(tenants)


def payloads(tenants: Iterable[TenantId]) -> list[str]:
    """Tenant ids with spaces between them, in pieces of at most ``LONGEST_PAYLOAD`` bytes."""
    ordered = sorted(tenants)
    return [
        " ".join(ordered[start : start + _TENANTS_A_PAYLOAD]) for start in range(0, len(ordered), _TENANTS_A_PAYLOAD)
    ]


# SQLAlchemy says all of these for savepoints, too: what was announced waits for the transaction around them.


@event.listens_for(Session, "before_commit")
def _notify(session: Session) -> None:
    if _ANNOUNCED not in session.info or session.in_nested_transaction() or _dialect(session) != "postgresql":
        return
    # One statement and mostly one notification: a commit that notifies holds a lock on the whole server's queue.
    announced = payloads(session.info.pop(_ANNOUNCED))
    if announced:
        session.execute(select(*[func.pg_notify(CHANNEL, payload) for payload in announced]))


@event.listens_for(Session, "after_commit")
def _send(session: Session) -> None:
    if _ANNOUNCED not in session.info or session.in_nested_transaction():
        return
    announced = payloads(session.info.pop(_ANNOUNCED))
    folder = wake_up_sockets.folder_beside(session.get_bind().engine)
    if folder is not None:
        wake_up_sockets.send(folder, [payload.encode() for payload in announced])


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, ended: SessionTransaction) -> None:
    if ended.parent is None:
        session.info.pop(_ANNOUNCED, None)


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name
