"""When a message is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.mail.notification_kinds import KINDS
from portal.domain.routing import retry_schedule
from portal.domain.routing.retry_schedule import Schedule, not_before, own_route_seconds, rate_patience

NOW = datetime(2026, 11, 20, 21, 10, 30, tzinfo=UTC)


def _seconds(schedule: Schedule, tries: int) -> list[float]:
    return [schedule.wait(before).total_seconds() for before in range(tries)]


@pytest.mark.parametrize(
    ("schedule", "seconds"),
    [
        pytest.param(retry_schedule.BULK_BEFORE_FALLBACK, [2, 30, 120, 300, 300], id="bulk mail before it falls back"),
        pytest.param(retry_schedule.RECIPIENT, [60, 300, 900, 1800, 3600, 7200], id="a recipient who is not ready"),
        pytest.param(retry_schedule.RATE, [5, 10, 20, 40, 80, 160, 320, 600, 600], id="too fast"),
        pytest.param(retry_schedule.SIGN_IN_REFUSED, [900, 1800, 3600, 7200, 14400, 21600, 21600], id="wrong password"),
        pytest.param(retry_schedule.AMBIGUOUS, [60, 900], id="an uncertain end"),
    ],
)
def test_waits_grow_and_the_last_one_repeats(schedule: Schedule, seconds: list[float]) -> None:
    assert _seconds(schedule, len(seconds)) == seconds


def test_jitter_stretches_and_never_shortens() -> None:
    schedule = Schedule.of("60s")
    assert [schedule.wait(0, jitter).total_seconds() for jitter in (0.0, 0.5, 1.0)] == [60, 67.5, 75]


@pytest.mark.parametrize(
    ("kind", "next_route", "seconds"),
    [
        pytest.param("otp", True, 10, id="security mail hurries"),
        pytest.param("reminder", True, 30, id="normal mail"),
        pytest.param("digest", True, 600, id="bulk mail has time"),
        pytest.param("otp", False, 600, id="no next route, no hurry"),
    ],
)
def test_time_on_the_own_route(kind: str, *, next_route: bool, seconds: float) -> None:
    assert own_route_seconds(KINDS[kind], next_route=next_route) == seconds


def test_patience_with_a_server_that_says_too_fast() -> None:
    assert rate_patience(KINDS["otp"]) == timedelta(seconds=60)
    assert rate_patience(KINDS["reminder"]) == rate_patience(KINDS["digest"]) == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("said", "at"),
    [
        pytest.param("421 limit exceeded, try again after 10 minutes", NOW + timedelta(minutes=10), id="minutes"),
        pytest.param("Please retry in 30s", NOW + timedelta(seconds=30), id="seconds"),
        pytest.param("try again in 2 hours", NOW + timedelta(hours=2), id="hours"),
        pytest.param("try again in 99999 hours", NOW + timedelta(hours=6), id="never more than six hours"),
        pytest.param("550 5.4.5 Daily sending quota exceeded", NOW.replace(hour=22, minute=0, second=0), id="a quota"),
        pytest.param("451 slow down", None, id="no time and no quota"),
    ],
)
def test_a_server_may_name_the_time(said: str, at: datetime | None) -> None:
    assert not_before(said, NOW) == at
