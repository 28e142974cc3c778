"""Draws the chart of one table: rows per day, filled values per column, or released statistics with their margins."""

from __future__ import annotations

from collections.abc import Sequence

from installation.lakehouse.table_profile import TableProfile
from pipelines.charts.chart import MARK, Canvas, Chart, average_down

WIDTH, HEIGHT = 300, 60
MOST_BARS = 40


def draw_profile(profile: TableProfile) -> Chart | None:
    """Draw the number of rows per day; if the profile has no days, the share of non-null values per column.

    Returns None when the table is empty or its log holds no statistics.
    """
    if profile.rows_by_day:
        days, counts = list(profile.rows_by_day), list(profile.rows_by_day.values())
        return _draw_bars(counts, max(counts), f"Rows a day, {days[0]} to {days[-1]}")
    if profile.filled:
        shares = list(profile.filled.values())
        return _draw_bars(shares, 1.0, f"Share of filled values in each of {len(shares)} columns")
    return None


def draw_intervals(values: Sequence[float], margins: Sequence[float], caption: str) -> Chart:
    """Draw each value as a bar and its interval, value ± margin, as a line on it.

    Parts of a bar or interval below zero are not drawn. More than `MOST_BARS` values are averaged and get no intervals.
    """
    top = max((value + margin for value, margin in zip(values, margins, strict=True)), default=0.0)
    intervals = list(zip(values, margins, strict=True)) if len(values) <= MOST_BARS else []
    return _draw_bars(values, top, caption, intervals)


def _draw_bars(
    values: Sequence[float], top: float, caption: str, intervals: Sequence[tuple[float, float]] = ()
) -> Chart:
    canvas = Canvas(WIDTH, HEIGHT)
    bars = average_down(values, MOST_BARS) if top > 0 else []
    step = WIDTH / max(1, len(bars))
    scale = HEIGHT / top if top > 0 else 0.0
    centres = [(number + 0.5) * step for number in range(len(bars))]
    canvas.draw_lines(
        [[(x, 0.0), (x, max(0.0, bar) * scale)] for x, bar in zip(centres, bars, strict=True)],
        max(1.0, round(step) - 1),
    )
    if top > 0 and intervals:
        ends = [(max(0.0, value - margin), max(0.0, value + margin)) for value, margin in intervals]
        canvas.draw_lines([[(x, a * scale), (x, b * scale)] for x, (a, b) in zip(centres, ends, strict=True)], 2, MARK)
    return Chart(caption, canvas.to_png())
