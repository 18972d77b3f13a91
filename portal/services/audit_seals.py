"""Seals the audit log after the fact, so that whoever appends to it waits for nobody."""

from collections import deque
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal.crypto.audit_key import AuditKey
from portal.domain.audit_chain import BEGINNING, UNREADABLE, Seal, Segment, encode
from portal.services.clock import Clock
from portal.storage import audit_seals
from portal.storage.audit_seals import Mark
from portal.storage.database import Database

_WAIT: Final = timedelta(minutes=2)
_APART: Final = timedelta(minutes=1)
_MOST: Final = 5000
"""Events in a segment: as many are in memory while it is sealed."""

_log = structlog.get_logger()


class AuditChainBrokenError(Exception):
    """Somebody has been at the log or at its seals; the text says where. Nothing is sealed on top of that."""


class AuditSeals:
    """Seals what people did, and keeps in mind how far the log went two minutes ago. One thread calls it.

    Args:
        most: Events in a segment, at most.
    """

    def __init__(self, database: Database, key: AuditKey, clock: Clock, *, most: int = _MOST) -> None:
        self._database = database
        self._key = key
        self._clock = clock
        self._most = most
        self._marks: deque[tuple[datetime, Mark]] = deque()
        self._settled = 0
        self._newest: Seal | None = None

    def seal(self) -> bool:
        """Seal the next segment, if there is one: of the events that were there two minutes ago.

        At most one a minute, whoever seals, unless one was full.

        Returns:
            Whether the segment is full, so that there may be more to seal.

        Raises:
            AuditChainBrokenError: A seal that was there is gone or another: were the events that it covered sealed
                anew, the seals would vouch for whatever was done to them. Or an event is nothing we can have written.
            StorageError: The database refused or is away.
        """
        now = self._clock()
        with self._database.reading() as session:
            self._look(session, now)
            before = self._proven_newest(session)
        if self._settled <= _last_id(before) or self._is_too_soon(before, now):
            return False
        with self._database.transaction() as session:
            seal = self._next(session, before, now)
            # Another worker may have sealed meanwhile; then its seal stands, and ours is never written.
            if seal is None or not audit_seals.add(session, seal):
                return False
        self._newest = seal
        # The log is kept elsewhere than the database: who cuts the end off the chain contradicts it.
        _log.info("audit log sealed", checkpoint=seal.checkpoint, events=seal.segment.events)
        return seal.segment.events >= self._most

    def _look(self, session: Session, now: datetime) -> None:
        """Move on to the newest mark below which no id can come in any more."""
        # An id is given before its event is committed, so an older one may appear behind a newer one: it would look
        # inserted. The ids of a mark were given when it was taken. No transaction of ours lasts for two minutes
        # (PostgreSQL ends an idle one after 30 s), and the database is asked whether all of that time are over. The
        # events' own times decide nothing: machines' clocks differ, and an event may wait for its id.
        while self._marks and now - self._marks[0][0] >= _WAIT and audit_seals.is_settled(session, self._marks[0][1]):
            self._settled = max(self._settled, self._marks.popleft()[1].last_id)
        if not self._marks or now - self._marks[-1][0] >= _APART:
            self._marks.append((now, audit_seals.mark(session)))

    def _proven_newest(self, session: Session) -> Seal | None:
        known = self._newest
        if known is not None and audit_seals.numbered(session, known.segment.number) != known:
            raise AuditChainBrokenError(f"Segment {known.segment.number} of its seals is gone or was changed.")
        self._newest = audit_seals.newest(session)
        return self._newest

    def _is_too_soon(self, before: Seal | None, now: datetime) -> bool:
        if before is None or before.segment.events >= self._most:
            return False
        # Of the future when another machine's clock is ahead: that must not keep us from sealing for as long.
        return abs(now - before.segment.sealed_at) < _APART

    def _next(self, session: Session, before: Seal | None, now: datetime) -> Seal | None:
        last_id = _last_id(before)
        try:
            events = list(audit_seals.events(session, after_id=last_id, last_id=self._settled, most=self._most))
        except UNREADABLE as error:
            raise AuditChainBrokenError(f"An event after {last_id} cannot be read ({type(error).__name__}).") from error
        if not events:
            return None
        segment = Segment(
            number=before.segment.number + 1 if before else 1,
            first_id=events[0].id,
            last_id=events[-1].id,
            events=len(events),
            previous=before.mac if before else BEGINNING,
            key_id=self._key.id,
            sealed_at=now,
        )
        return Seal(segment, self._key.mac(encode(segment, events)))


def _last_id(seal: Seal | None) -> int:
    return seal.segment.last_id if seal else 0
