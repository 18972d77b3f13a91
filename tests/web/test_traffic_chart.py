"""Where the bars of the overview's chart stand."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import pytest

from portal.storage.traffic import HOUR, Hour, Outcome
from portal.web.traffic_chart import chart_of

NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)


def hours(*counts: Mapping[Outcome, int]) -> list[Hour]:
    return [Hour(NOON + number * HOUR, dict.fromkeys(Outcome, 0) | dict(count)) for number, count in enumerate(counts)]


@pytest.mark.parametrize(
    ("busiest", "ticks"),
    [
        (0, [0, 1, 2]),
        (1, [0, 1, 2]),
        (7, [0, 4, 8]),
        (9, [0, 5, 10]),
        (130, [0, 70, 140]),
        (100_000, [0, 50_000, 100_000]),
    ],
)
def test_the_lines_across_are_round_numbers(busiest: int, ticks: list[int]) -> None:
    chart = chart_of(hours({Outcome.SENT: busiest}))
    assert [tick.messages for tick in chart.ticks] == ticks


def test_parts_of_a_bar_stand_on_each_other_and_one_failure_is_seen() -> None:
    chart = chart_of(hours({}, {Outcome.SENT: 990, Outcome.FALLBACK: 9, Outcome.FAILED: 1}))
    empty, bar = chart.bars
    assert empty.segments == ()
    assert [part.outcome for part in bar.segments] == [Outcome.SENT, Outcome.FALLBACK, Outcome.FAILED]
    for lower, upper in zip(bar.segments, bar.segments[1:], strict=False):
        assert upper.y + upper.height == pytest.approx(lower.y, abs=0.2)
    assert min(part.height for part in bar.segments) >= 2
    assert bar.segments[0].y + bar.segments[0].height == pytest.approx(chart.ticks[0].y, abs=0.2)
