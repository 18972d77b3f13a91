"""What the audit log's address asks for; and what it cannot mean, which is told and left out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from portal.domain.audit_events import AuditAction
from portal.storage.audit_log import AuditFilter
from portal.web.audit_filter import read_filter
from portal.web.audit_labels import GROUPS

ALICE: Final = "a" * 26
BERLIN: Final = ZoneInfo("Europe/Berlin")


def read(given: Mapping[str, str], zone: ZoneInfo = BERLIN) -> tuple[AuditFilter, dict[str, str]]:
    asked = read_filter(given, actors={ALICE, "worker"}, zone=zone)
    assert asked.in_force.keys() == {name for name, text in asked.typed.items() if text} - asked.problems.keys()
    return asked.wanted, dict(asked.problems)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, AuditFilter()),
        ({"event": "", "person": " ", "from": "", "to": "", "network": ""}, AuditFilter()),
        ({"event": "email.sent"}, AuditFilter(actions=frozenset({AuditAction.EMAIL_SENT}))),
        ({"event": "settings"}, AuditFilter(actions=frozenset(GROUPS["settings"].actions))),
        ({"person": ALICE}, AuditFilter(actor=ALICE)),
        ({"person": "worker"}, AuditFilter(actor="worker")),
        ({"network": "203.0.113.7"}, AuditFilter(network="203.0.113.7")),
        ({"network": "2001:DB8:0:0:0:0:0:7"}, AuditFilter(network="2001:db8::7")),
        ({"from": "2026-11-20"}, AuditFilter(since=datetime(2026, 11, 19, 23, tzinfo=UTC))),
        ({"to": "2026-11-20"}, AuditFilter(until=datetime(2026, 11, 20, 23, tzinfo=UTC))),
        ({"to": "2026-03-29"}, AuditFilter(until=datetime(2026, 3, 29, 22, tzinfo=UTC))),  # a day of 23 hours
    ],
)
def test_what_is_asked_is_understood(given: dict[str, str], wanted: AuditFilter) -> None:
    assert read(given) == (wanted, {})


def test_a_day_is_the_readers_day() -> None:
    wanted, _ = read({"from": "2026-11-20", "to": "2026-11-20"}, ZoneInfo("Pacific/Auckland"))
    assert wanted.since == datetime(2026, 11, 19, 11, tzinfo=UTC)
    assert wanted.until == datetime(2026, 11, 20, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"event": "no.such"}, "event"),
        ({"event": "user.signed_in"}, "event"),  # of no tenant
        ({"event": "\0"}, "event"),
        ({"person": "b" * 26}, "person"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-30"}, "from"),
        ({"to": "20.11.2026"}, "to"),
        ({"to": "9999-12-31"}, "to"),
        ({"from": "0001-01-01"}, "from"),
        ({"network": "localhost"}, "network"),
        ({"network": "203.0.113"}, "network"),
        ({"network": "203.0.113.7\0"}, "network"),
    ],
)
def test_nonsense_filters_nothing_and_is_told(given: dict[str, str], field: str) -> None:
    wanted, problems = read(given)
    assert wanted == AuditFilter()
    assert problems.keys() == {field}
    assert problems[field].endswith(".")


def test_days_in_the_wrong_order_are_told() -> None:
    wanted, problems = read({"from": "2026-11-20", "to": "2026-11-19"})
    assert problems == {"to": "The last day lies before the first, and was left out."}
    assert wanted.since is not None
    assert wanted.until is None


def test_what_is_shown_again_is_short() -> None:
    asked = read_filter({"network": "x" * 10_000}, actors=set(), zone=BERLIN)
    assert len(asked.typed["network"]) == 100
