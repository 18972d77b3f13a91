"""What a seal's MAC covers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import pytest

from portal.domain.audit_chain import BEGINNING, Kind, Seal, SealedEvent, Segment, encode, judge_place

AT: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
SEGMENT: Final = Segment(1, 7, 7, 1, BEGINNING, "k", AT)
EVENT: Final = SealedEvent(7, AT, "t", "user.signed_in", "ada", None, {"b": 1, "a": [None, "é"]})


def encoded(segment: Segment = SEGMENT, *events: SealedEvent) -> bytes:
    return b"".join(encode(segment, events or [EVENT]))


@pytest.mark.parametrize(
    "same",
    [
        {"facts": {"a": [None, "é"], "b": 1}},
        {"at": AT.astimezone(timezone(timedelta(hours=13, minutes=45)))},
    ],
    ids=["order of names", "zone"],
)
def test_what_means_the_same_is_the_same(same: dict[str, Any]) -> None:
    assert encoded(SEGMENT, replace(EVENT, **same)) == encoded()


@pytest.mark.parametrize(
    "other",
    [
        {"id": 8},
        {"at": AT + timedelta(microseconds=1)},
        {"tenant_id": None},
        {"tenant_id": ""},
        {"network": ""},
        {"action": "user.signed_i", "actor": "nada"},
        {"facts": {"b": 1.0, "a": [None, "é"]}},
        {"facts": {"b": True, "a": [None, "é"]}},
        {"facts": {"b": 1, "a": ["é", None]}},
        {"facts": {}},
        {"facts": None},
    ],
    ids=str,
)
def test_every_field_counts(other: dict[str, Any]) -> None:
    assert encoded(SEGMENT, replace(EVENT, **other)) != encoded()


@pytest.mark.parametrize(
    "other",
    [
        {"number": 2},
        {"first_id": 6},
        {"last_id": 8},
        {"events": 2},
        {"previous": b"\1" * 32},
        {"key_id": "l"},
        {"sealed_at": AT + timedelta(microseconds=1)},
    ],
    ids=str,
)
def test_every_word_of_the_seal_counts(other: dict[str, Any]) -> None:
    assert encoded(replace(SEGMENT, **other)) != encoded()


def test_fields_do_not_run_into_each_other() -> None:
    assert encoded(SEGMENT, replace(EVENT, action="ab", actor="c")) != encoded(
        SEGMENT, replace(EVENT, action="a", actor="bc")
    )


def test_the_form_is_fixed() -> None:
    """Seals of today must be judged by every later version."""
    assert encoded() == b"".join(
        b"\0" if field is None else b"\1" + len(field.encode()).to_bytes(8, "big") + field.encode()
        for field in (
            *("00" * 32, "1", "7", "7", "1", "k", "2026-11-20T12:00:00.000000+00:00"),
            *("7", "2026-11-20T12:00:00.000000+00:00", "t", "user.signed_in", "ada", None),
            r'{"a":[null,"\u00e9"],"b":1}',
        )
    )


def seal(number: int, first_id: int, last_id: int, previous: bytes = BEGINNING) -> Seal:
    return Seal(Segment(number, first_id, last_id, 1, previous, "k", AT), bytes([number]) * 32)


ONE: Final = seal(1, 1, 9)


@pytest.mark.parametrize(
    ("before", "next_", "kind"),
    [
        (None, ONE, None),
        (ONE, seal(2, 10, 12, ONE.mac), None),
        (ONE, seal(2, 15, 15, ONE.mac), None),
        (None, seal(2, 10, 12, ONE.mac), Kind.SEGMENT_MISSING),
        (ONE, seal(3, 20, 22, bytes([2]) * 32), Kind.SEGMENT_MISSING),
        (None, seal(0, 1, 9), Kind.OUT_OF_CHAIN),
        (None, seal(1, 1, 9, ONE.mac), Kind.OUT_OF_CHAIN),
        (ONE, seal(2, 10, 12, b"\7" * 32), Kind.OUT_OF_CHAIN),
        (ONE, seal(2, 9, 12, ONE.mac), Kind.OUT_OF_CHAIN),
        (ONE, seal(2, 12, 10, ONE.mac), Kind.OUT_OF_CHAIN),
    ],
)
def test_a_segment_follows_the_one_before_it(before: Seal | None, next_: Seal, kind: Kind | None) -> None:
    assert judge_place(before, next_) is kind
