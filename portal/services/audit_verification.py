"""Walks the sealed audit log, and tells what somebody has done to it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from portal.crypto.audit_key import AuditKey
from portal.domain.audit_chain import UNREADABLE, Found, Kind, Seal, SealedEvent, encode, judge, judge_place
from portal.storage import audit_seals
from portal.storage.database import Database

_AT_ONCE: Final = 50
_MOST_FINDINGS: Final = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was done to a segment.

    Attributes:
        first_id: With ``last_id`` the ids among which it is.
        sealed_at: When the segment was sealed; of a missing one, when the next one was; None where nothing says it.
    """

    kind: Kind
    segment: int
    first_id: int | None = None
    last_id: int | None = None
    sealed_at: datetime | None = None


@dataclass(slots=True)
class Verification:
    """What was found.

    Attributes:
        events: Sealed ones, as the seals count them.
        until: When the last of them happened.
        unsealed: Newer administrative events, which the worker seals in a few minutes.
        newest: The end of the chain, to be noted elsewhere.
        findings: The first hundred.
        tampered: How many findings there are in all.
    """

    events: int = 0
    segments: int = 0
    until: datetime | None = None
    unsealed: int = 0
    newest: Seal | None = None
    findings: list[Finding] = field(default_factory=list)
    tampered: int = 0

    @property
    def is_intact(self) -> bool:
        return not self.tampered

    def add(self, finding: Finding) -> None:
        self.tampered += 1
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(finding)


def verify(database: Database, keys: Iterable[AuditKey], checkpoint: tuple[int, bytes] | None = None) -> Verification:
    """Judge every segment, a few at a time.

    Args:
        keys: The one that seals now, and those that sealed before it.
        checkpoint: Number and MAC of a seal that was noted earlier.

    Raises:
        StorageError: The database refused or is away.
    """
    walk = _Walk({key.id: key for key in keys}, checkpoint)
    while True:
        with database.reading() as session:
            try:
                seals = audit_seals.after(session, walk.number, _AT_ONCE)
                for seal in seals:
                    walk.on(session, seal)
            except UNREADABLE:
                # Of the seals themselves: what stands behind one that cannot be read, nobody can judge.
                walk.result.add(Finding(Kind.OUT_OF_CHAIN, (walk.number or 0) + 1))
                return walk.result
            if not seals:
                return walk.ended(session)


class _Walk:
    def __init__(self, keys: dict[str, AuditKey], checkpoint: tuple[int, bytes] | None) -> None:
        self._keys = keys
        self._checkpoint = checkpoint
        self.result = Verification()

    @property
    def number(self) -> int | None:
        """The last segment looked at."""
        newest = self.result.newest
        return newest.segment.number if newest else None

    def on(self, session: Session, seal: Seal) -> None:
        """Judge the next segment."""
        segment, before = seal.segment, self.result.newest
        place = judge_place(before, seal)
        if place is Kind.SEGMENT_MISSING:
            # Its events, if they are still there, are covered by nothing: they count as missing with it.
            number, last_id = (before.segment.number, before.segment.last_id) if before else (0, 0)
            self.result.add(Finding(place, number + 1, last_id + 1, segment.first_id - 1, segment.sealed_at))
        elif place:
            self.result.add(Finding(place, segment.number, segment.first_id, segment.last_id, segment.sealed_at))
        begins = segment.first_id - 1 if place else before.segment.last_id if before else None
        kind = judge(seal, self._found(session, seal, begins), knows_key=segment.key_id in self._keys)
        if kind:
            self.result.add(Finding(kind, segment.number, segment.first_id, segment.last_id, segment.sealed_at))
        if self._checkpoint and self._checkpoint == (segment.number, seal.mac):
            self._checkpoint = None
        self.result.events += segment.events
        self.result.segments += 1
        self.result.newest = seal

    def ended(self, session: Session) -> Verification:
        newest = self.result.newest
        last_id = newest.segment.last_id if newest else 0
        self.result.unsealed, _ = audit_seals.extent(session, after_id=last_id)
        if self._checkpoint:
            self.result.add(Finding(Kind.CHECKPOINT, self._checkpoint[0]))
        return self.result

    def _found(self, session: Session, seal: Seal, begins: int | None) -> Found:
        segment = seal.segment
        count, first_id = audit_seals.extent(session, after_id=begins, last_id=segment.last_id)
        key = self._keys.get(segment.key_id)
        if key is None or count != segment.events:
            return Found(count, first_id, None)
        events = audit_seals.events(session, after_id=begins, last_id=segment.last_id)
        try:
            return Found(count, first_id, key.mac(encode(segment, self._noted(events))))
        except UNREADABLE:
            return Found(count, first_id, None)

    def _noted(self, events: Iterable[SealedEvent]) -> Iterator[SealedEvent]:
        for event in events:
            self.result.until = event.at
            yield event
