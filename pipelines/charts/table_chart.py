"""Draws the chart of one table: rows per day, filled values per column, or released statistics with their margins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from installation.lakehouse.table_profile import TableProfile
from pipelines.charts.chart import MARK, Canvas, Chart, average_down

WIDTH, HEIGHT = 300, 60
"""Size of the area of the bars, in pixels. The labels of the axes are left of it and below it."""
LEFT, BELOW = 44, 14
MOST_BARS = 40


@dataclass(frozen=True)
class _Axes:
    """Labels of the axes: what stands at the top and at the bottom of the vertical one, and at both ends below it."""

    top: str
    first: str
    last: str
    bottom: str = "0"


def draw_profile(profile: TableProfile) -> Chart | None:
    """Draw the number of rows per day; if the profile has no days, the share of non-null values per column.

    Returns None when the table is empty or its log holds no statistics.
    """
    if profile.rows_by_day:
        days, counts = list(profile.rows_by_day), list(profile.rows_by_day.values())
        bar = _width_of_bars(len(days), "day")
        axes = _Axes(f"{max(counts):,}", days[0], days[-1])
        return _draw_bars(counts, max(counts), f"Up: rows a day. Right: days, {days[0]} to {days[-1]}{bar}.", axes)
    if profile.filled:
        names, shares = list(profile.filled), list(profile.filled.values())
        caption = (
            f"Up: share of rows that have a value. Right: {len(names)} columns in the order of the table"
            f"{_width_of_bars(len(names), 'column')}."
        )
        return _draw_bars(shares, 1.0, caption, _Axes("100 %", names[0], names[-1], "0 %"))
    return None


def draw_intervals(values: Sequence[float], margins: Sequence[float], caption: str) -> Chart:
    """Draw each value as a bar and its interval, value ± margin, as a line on it.

    Parts of a bar or interval below zero are not drawn. More than `MOST_BARS` values are averaged and get no intervals.
    """
    top = max((value + margin for value, margin in zip(values, margins, strict=True)), default=0.0)
    intervals = list(zip(values, margins, strict=True)) if len(values) <= MOST_BARS else []
    axes = _Axes(f"{top:,.4g}", "group 1", f"group {len(values):,}")
    return _draw_bars(values, top, caption, axes, intervals)


def _width_of_bars(count: int, unit: str) -> str:
    width = -(-count // MOST_BARS)
    return f"; a bar is the mean of {width} {unit}s" if width > 1 else f"; a bar is one {unit}"


def _draw_bars(
    values: Sequence[float], top: float, caption: str, axes: _Axes, intervals: Sequence[tuple[float, float]] = ()
) -> Chart:
    canvas = Canvas(LEFT + WIDTH, BELOW + HEIGHT)
    bars = average_down(values, MOST_BARS) if top > 0 else []
    if not bars:
        return Chart(caption, canvas.to_png())
    step = WIDTH / len(bars)
    scale = HEIGHT / top
    centres = [LEFT + (number + 0.5) * step for number in range(len(bars))]
    canvas.draw_lines(
        [[(x, BELOW), (x, BELOW + max(0.0, bar) * scale)] for x, bar in zip(centres, bars, strict=True)],
        max(1.0, round(step) - 1),
    )
    ends = [(max(0.0, value - margin), max(0.0, value + margin)) for value, margin in intervals]
    lines = [[(x, BELOW + a * scale), (x, BELOW + b * scale)] for x, (a, b) in zip(centres, ends, strict=False)]
    if lines:
        canvas.draw_lines(lines, 2, MARK)
    canvas.write((LEFT - 4, BELOW + HEIGHT - 10), axes.top, "right")
    canvas.write((LEFT - 4, BELOW), axes.bottom, "right")
    canvas.write((LEFT, 1), axes.first, "left")
    canvas.write((LEFT + WIDTH, 1), axes.last, "right")
    return Chart(caption, canvas.to_png())
