"""The chart of messages by hour: where each bar stands. The picture itself is ``templates/overview/chart.html``."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from portal.storage.traffic import Hour, Outcome

WIDTH: Final = 720
LEFT: Final = 56
_TOP: Final = 16
_BOTTOM: Final = 204
_GAP: Final = 4
_THINNEST: Final = 2
"""So that one failed message is seen beside a thousand."""
_LABEL_EVERY: Final = 4
_STACK: Final = (Outcome.SENT, Outcome.FALLBACK, Outcome.FAILED, Outcome.WAITING)
"""From the ground up."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a bar, in the chart's own units."""

    outcome: Outcome
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour. ``labelled``: whether there is room for its time below."""

    hour: Hour
    middle: float
    labelled: bool
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across, and the number beside it."""

    messages: int
    y: float


@dataclass(frozen=True, slots=True)
class Chart:
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]

    @property
    def busiest(self) -> Hour:
        return max((bar.hour for bar in self.bars), key=lambda hour: hour.messages)


def chart_of(hours: Sequence[Hour]) -> Chart:
    """Lay the hours out from left to right.

    Args:
        hours: At least one.
    """
    top = _round_number(max(hour.messages for hour in hours))
    scale = (_BOTTOM - _TOP) / top
    step = (WIDTH - LEFT) / len(hours)
    bars = tuple(
        Bar(
            hour,
            middle=round(LEFT + (number + 0.5) * step, 1),
            labelled=number % _LABEL_EVERY == 0,
            segments=tuple(_segments(hour, LEFT + number * step + _GAP / 2, step - _GAP, scale)),
        )
        for number, hour in enumerate(hours)
    )
    ticks = tuple(Tick(messages, round(_BOTTOM - messages * scale, 1)) for messages in (0, top // 2, top))
    return Chart(bars, ticks)


def _segments(hour: Hour, x: float, width: float, scale: float) -> Iterator[Segment]:
    ground = float(_BOTTOM)
    for outcome in _STACK:
        if messages := hour.outcomes[outcome]:
            height = max(messages * scale, _THINNEST)
            ground -= height
            yield Segment(outcome, round(x, 1), round(ground, 1), round(width, 1), round(height, 1))


def _round_number(least: int) -> int:
    """The next number that is easy to read, as is its half: 2, 4, 6, 8, then 10, 12, 14, 16, 20, 30 … at each power."""
    if least <= 8:
        return max(2, least + least % 2)
    power = 1
    while True:
        for first in (10, 12, 14, 16, 20, 30, 40, 50, 60, 80):
            if first * power >= least:
                return first * power
        power *= 10
