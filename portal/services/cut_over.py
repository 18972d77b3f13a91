"""Waiting until a change of route holds everywhere: nothing begins on the old route any more (DESIGN section 2)."""

import time
from typing import Final

import structlog

from portal.domain.ids import TenantId
from portal.services.clock import Clock
from portal.storage import lanes
from portal.storage.database import Database, StorageError

_FIRST_PAUSE: Final = 0.002
_LONGEST_PAUSE: Final = 0.05

_log = structlog.get_logger()


def wait(database: Database, clock: Clock, tenant_id: TenantId, epoch: int, *, seconds: float) -> bool:
    """Wait, after the commit of a new route epoch, until no worker begins a message on an older one.

    That is so when nobody holds the tenant's lane (whoever takes it from now on reads the new epoch), when its holder
    has acknowledged the epoch, or when the holder's lease has run out: it may not begin anything then.

    Args:
        epoch: The tenant's route epoch as it was committed.
        seconds: The longest to wait. A worker's lease and a little more suffice unless a worker lives on and does not
            look, or the database is away.

    Returns:
        Whether it is certain. A warning is logged when it is not.
    """
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while not _holds(database, clock, tenant_id, epoch):
        left = deadline - time.monotonic()
        if left <= 0:
            _log.warning("a change of route was not acknowledged", tenant=tenant_id, epoch=epoch, seconds=seconds)
            return False
        time.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)
    return True


def _holds(database: Database, clock: Clock, tenant_id: TenantId, epoch: int) -> bool:
    try:
        with database.reading() as session:
            holder = lanes.holder(session, tenant_id)
            return holder is None or holder.epoch >= epoch or holder.lease_until < database.time(session, clock)
    except StorageError as error:
        # The change itself is committed: not being able to look is no failure of it.
        _log.warning("a change of route could not be followed", tenant=tenant_id, epoch=epoch, error=str(error))
        return False
