"""Two small charts of a resolution as SVG text: pairs by threshold, and people by their number of records.

Written by hand: Dagster shows an image in its place only when its address, which holds the whole drawing, has fewer
than 1,000 characters. The figures stand beside them.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

WIDTH, HEIGHT = 330, 110
INK, MARK = "#2f5d62", "#b5442e"
MOST_BARS = 6
"""People with so many records or more share the last bar."""
_TOP, _FLOOR, _LEFT = 24, 80, 14
_HEAD = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="Arial" font-size="11">'


def draw_thresholds(points: Sequence[Mapping[str, Any]]) -> str:
    """Draw the pairs above each threshold (see `chart.ThresholdPoint`), with even odds marked.

    >>> points = [{"threshold": t, "pairs": 9 - t, "expected_wrong": 0.5} for t in (-1, 0, 1)]
    >>> "9 pairs above even odds, 0.5 expected wrong" in draw_thresholds(points)
    True
    """
    first, last = points[0]["threshold"], points[-1]["threshold"]
    step = (WIDTH - 2 * _LEFT) // max(last - first, 1)
    most = max(point["pairs"] for point in points) or 1
    heights = [round((_FLOOR - _TOP) * point["pairs"] / most) for point in points]
    line = "".join(f"l{step} {a - b}" for a, b in pairwise(heights))
    even = next((p for p in points if p["threshold"] == 0), points[0])
    wrong = even["expected_wrong"]
    told = f"{even['pairs']:,} pairs above even odds, {wrong:,.{int(wrong < 10)}f} expected wrong"
    middle = _LEFT - first * step
    ticks = "".join(_text(_LEFT + (t - first) * step, _FLOOR + 13, t, "middle") for t in sorted({first, 0, last}))
    return (
        f'{_HEAD}<path d="M{_LEFT} {_FLOOR - heights[0]}{line}V{_FLOOR}H{_LEFT}z" fill="{INK}"/>'
        f'<path d="M{middle} {_TOP - 8}V{_FLOOR}" stroke="{MARK}" stroke-width="2"/>'
        f"{_text(_LEFT, 11, told)}{ticks}"
        f"{_text(_LEFT, HEIGHT - 3, 'threshold: log2 odds that a pair is one person')}</svg>"
    )


def draw_sizes(people: Mapping[int, int], records: str) -> str:
    """Draw how many people have one record, two, and so on; `records` is what they are called.

    >>> ">1,200<" in draw_sizes({1: 1200, 2: 30, 9: 1}, "cards")
    True
    """
    counts = [people.get(size, 0) for size in range(1, MOST_BARS)]
    counts.append(sum(count for size, count in people.items() if size >= MOST_BARS))
    step = (WIDTH - 2 * _LEFT) // MOST_BARS
    places = [_LEFT + step // 2 + step * n for n in range(MOST_BARS)]
    most = max(counts) or 1
    # What is there is seen, however small beside the rest.
    heights = [max(round((_FLOOR - _TOP) * count / most), min(count, 1)) for count in counts]
    bars = "".join(f"M{x} {_FLOOR}v{-height}" for x, height in zip(places, heights, strict=True))
    told = "".join(
        _text(x, _FLOOR - h - 3, f"{n:,}", "middle") for x, h, n in zip(places, heights, counts, strict=True) if n
    )
    # A list of places sets one letter each; the last label's sign follows it.
    ticks = f'<text x="{" ".join(str(x - 3) for x in places)}" y="{_FLOOR + 13}">'
    digits = "".join(str(n) for n in range(1, MOST_BARS + 1))
    return (
        f'{_HEAD}<path d="{bars}" stroke="{INK}" stroke-width="{step - 12}"/>{told}{ticks}{digits}+</text>'
        f"{_text(_LEFT, HEIGHT - 3, f'customers by their number of {records}')}</svg>"
    )


def _text(x: int, y: int, text: object, anchor: str = "") -> str:
    held = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x}" y="{y}"{held}>{text}</text>'
