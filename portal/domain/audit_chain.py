"""Segments of the audit log, each sealed together with the one before it.

A seal's MAC covers the MAC before it, what the seal says of itself, and every event of its segment in the order of
their ids. So an event cannot be changed, taken out or put in, nor a segment, without the key. What no chain can tell
is that its end is gone, events and seals alike: for that a checkpoint (``Seal.checkpoint``) is kept elsewhere.
"""

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

BEGINNING: Final = bytes(32)
"""What stands in the first seal in place of a MAC before it."""
UNREADABLE: Final = (ValueError, TypeError, RecursionError)
"""What an event raises that this program cannot have written: a time that is none, facts that are no JSON."""


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """An event as the audit log keeps it.

    Attributes:
        at: An aware time, of any zone.
        facts: What JSON can hold.
    """

    id: int
    at: datetime
    tenant_id: str | None
    action: str
    actor: str
    network: str | None
    facts: Any


@dataclass(frozen=True, slots=True)
class Segment:
    """What a seal says of itself.

    Attributes:
        number: 1 for the first, without gaps.
        events: How many administrative events there are from ``first_id`` to ``last_id``.
        previous: The MAC of the segment before, or ``BEGINNING``.
        key_id: Which key the MAC was made with.
    """

    number: int
    first_id: int
    last_id: int
    events: int
    previous: bytes
    key_id: str
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class Seal:
    """A segment and its MAC (32 bytes)."""

    segment: Segment
    mac: bytes

    @property
    def checkpoint(self) -> str:
        """``number:MAC in hexadecimal``: who has noted it can tell later that the chain still passes here."""
        return f"{self.segment.number}:{self.mac.hex()}"


class Kind(StrEnum):
    """In which way a segment is not what was sealed."""

    CHANGED = "event_changed"
    MISSING = "event_missing"
    INSERTED = "event_inserted"
    SEGMENT_MISSING = "segment_missing"
    OUT_OF_CHAIN = "segment_out_of_chain"
    UNKNOWN_KEY = "unknown_key"
    CHECKPOINT = "checkpoint_missing"


@dataclass(frozen=True, slots=True)
class Found:
    """What is in the log where a segment should be: after the segment before it, up to ``Segment.last_id``.

    Attributes:
        first_id: Of the first event, or None without any.
        mac: Over these events, or None when they cannot be read.
    """

    events: int
    first_id: int | None
    mac: bytes | None


def judge(seal: Seal, found: Found, *, knows_key: bool) -> Kind | None:
    """What was done to a segment's events, or None when they are what was sealed.

    Where a seal itself was changed its MAC fits no more, and that reads as a changed event.
    """
    if found.events < seal.segment.events:
        return Kind.MISSING
    if found.events > seal.segment.events:
        return Kind.INSERTED
    if not knows_key:
        return Kind.UNKNOWN_KEY
    return None if found.mac == seal.mac and found.first_id == seal.segment.first_id else Kind.CHANGED


def judge_place(before: Seal | None, seal: Seal) -> Kind | None:
    """Whether a segment follows the one that stands before it."""
    number, previous, last_id = (before.segment.number, before.mac, before.segment.last_id) if before else _START
    if seal.segment.number > number + 1:
        return Kind.SEGMENT_MISSING
    follows = seal.segment.previous == previous and last_id < seal.segment.first_id <= seal.segment.last_id
    return None if follows and seal.segment.number == number + 1 else Kind.OUT_OF_CHAIN


_START: Final = (0, BEGINNING, 0)


def encode(segment: Segment, events: Iterable[SealedEvent]) -> Iterator[bytes]:
    """The bytes that a MAC covers: the segment, then each event; the same whichever database they come from.

    Raises:
        ValueError, TypeError, RecursionError: An event is none that this program can have written.
    """
    yield _record(
        segment.previous.hex(),
        str(segment.number),
        str(segment.first_id),
        str(segment.last_id),
        str(segment.events),
        segment.key_id,
        _instant(segment.sealed_at),
    )
    for event in events:
        facts = json.dumps(event.facts, sort_keys=True, separators=(",", ":"))
        yield _record(
            str(event.id), _instant(event.at), event.tenant_id, event.action, event.actor, event.network, facts
        )


def _record(*fields: str | None) -> bytes:
    # Each field carries its length, so that ("ab", "c") and ("a", "bc") are two; and None is not "".
    return b"".join(map(_field, fields))


def _field(value: str | None) -> bytes:
    if value is None:
        return b"\x00"
    # Not ``encode()``: SQLite may hold anything anywhere, and ``bytes`` raises what UNREADABLE has.
    content = bytes(value, "utf-8")
    return b"\x01" + struct.pack(">Q", len(content)) + content


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
