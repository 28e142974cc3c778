"""Draws the two charts of a matching: pairs above each threshold, and customers by their number of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.charts.chart import MARK, Canvas, Chart

WIDTH, HEIGHT = 330, 90
MOST_BARS = 6
"""Customers with this many records or more share the last bar."""
_TOP, _FLOOR, _LEFT = 74, 15, 14
_ABOVE_THE_FLOOR = _TOP - _FLOOR


def draw_thresholds(points: Sequence[Mapping[str, Any]]) -> Chart:
    """Draw how many pairs lie above each threshold, with a line at even odds (threshold 0).

    `points` are fields of `identity_figures.ThresholdPoint`, at least one, in the order of their thresholds.

    >>> points = [{"threshold": t, "pairs": 9 - t, "expected_wrong": 0.5} for t in (-1, 0, 1)]
    >>> draw_thresholds(points).caption
    'Up: pairs above a threshold. Right: threshold, log2 odds that a pair is one person. 9 above even odds (red), \
0.5 expected wrong.'
    """
    first, last = points[0]["threshold"], points[-1]["threshold"]
    step = (WIDTH - 2 * _LEFT) / max(last - first, 1)
    most = max(point["pairs"] for point in points) or 1
    places = {point["threshold"]: _LEFT + (point["threshold"] - first) * step for point in points}
    outline = [(places[p["threshold"]], _FLOOR + _ABOVE_THE_FLOOR * p["pairs"] / most) for p in points]
    canvas = Canvas(WIDTH, HEIGHT)
    canvas.fill([(_LEFT, _FLOOR), *outline, (outline[-1][0], _FLOOR)])
    middle = _LEFT - first * step
    canvas.draw_lines([[(middle, _FLOOR), (middle, _TOP + 8)]], 2, MARK)
    for threshold in sorted({first, 0, last}):
        canvas.write((_LEFT + (threshold - first) * step, 1), f"{threshold:g}")
    even = next((point for point in points if point["threshold"] == 0), points[0])
    wrong = even["expected_wrong"]
    return Chart(
        "Up: pairs above a threshold. Right: threshold, log2 odds that a pair is one person. "
        f"{even['pairs']:,} above even odds (red), {wrong:,.{int(wrong < 10)}f} expected wrong.",
        canvas.to_png(),
    )


def draw_sizes(people: Mapping[int, int], records: str) -> Chart:
    """Draw how many customers have one record, two, and so on; `records` is the name of these records.

    >>> draw_sizes({1: 1200, 2: 30, 9: 1}, "cards").caption
    'Up: customers. Right: their number of cards.'
    """
    counts = bars_by_size(people)
    step = (WIDTH - 2 * _LEFT) / MOST_BARS
    places = [_LEFT + step * (number + 0.5) for number in range(MOST_BARS)]
    most = max(counts.values()) or 1
    # A count above zero is visible, however small it is beside the others.
    heights = [max(round(_ABOVE_THE_FLOOR * count / most), min(count, 1)) for count in counts.values()]
    canvas = Canvas(WIDTH, HEIGHT)
    canvas.draw_lines([[(x, _FLOOR), (x, _FLOOR + h)] for x, h in zip(places, heights, strict=True)], round(step) - 12)
    for x, height, (label, count) in zip(places, heights, counts.items(), strict=True):
        canvas.write((x, 1), label)
        if count:
            canvas.write((x, _FLOOR + height + 2), f"{count:,}")
    return Chart(f"Up: customers. Right: their number of {records}.", canvas.to_png())


def bars_by_size(people: Mapping[int, int]) -> dict[str, int]:
    """Return the customers of each bar: those with 1, 2, … records, then those with `MOST_BARS` or more.

    >>> bars_by_size({1: 5, 2: 4, 6: 30, 7: 200})
    {'1': 5, '2': 4, '3': 0, '4': 0, '5': 0, '6+': 230}
    """
    counts = {str(size): people.get(size, 0) for size in range(1, MOST_BARS)}
    return counts | {f"{MOST_BARS}+": sum(count for size, count in people.items() if size >= MOST_BARS)}
