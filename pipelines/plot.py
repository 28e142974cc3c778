"""Small plots of a table for the metadata of its asset, written as SVG.

Written by hand and not with a plotting library: 45 plots take milliseconds instead of seconds, and one is so
small that Dagster shows it in its place rather than behind a link.
"""

from collections.abc import Sequence

from installation.lakehouse.table_profile import TableProfile

WIDTH = 300
HEIGHT = 60
CAPTION_HEIGHT = 16
MOST_BARS = 40
# Dagster shows an image of up to 1,000 characters in its place; forty bars stay below that in base64.
INK = "#2f5d62"


def draw_profile(profile: TableProfile) -> str | None:
    """Draw the rows a day where the table has days, else how filled each column is, as SVG text.

    None when the table is empty or its log carries no statistics.
    """
    if profile.rows_by_day:
        days = list(profile.rows_by_day)
        counts = list(profile.rows_by_day.values())
        return _bars(counts, max(counts), f"rows a day, {days[0]} to {days[-1]}")
    if profile.filled:
        shares = list(profile.filled.values())
        return _bars(shares, 1.0, f"filled values in {len(shares)} columns")
    return None


def draw_intervals(values: Sequence[float], margins: Sequence[float], caption: str) -> str:
    """Draw values as bars with the interval of each as a whisker, as SVG text; what is below zero is cut off."""
    top = max((value + margin for value, margin in zip(values, margins, strict=True)), default=0)
    bars = _bars(values, top, caption)
    if top <= 0 or len(values) > MOST_BARS:
        return bars
    step, whiskers = WIDTH / len(values), ""
    for place, (value, margin) in enumerate(zip(values, margins, strict=True)):
        low, high = (HEIGHT * (1 - max(0.0, end) / top) for end in (value - margin, value + margin))
        whiskers += f"M{(place + 0.5) * step:.0f} {low:.0f}V{high:.0f}"
    return bars.replace("<text", f'<path d="{whiskers}" stroke="#d9822b" stroke-width="2"/><text')


def _bars(values: Sequence[float], top: float, caption: str) -> str:
    heights = [HEIGHT * max(0.0, value) / top for value in _bin(values)] if top > 0 else []
    step = WIDTH / max(1, len(heights))
    path = "".join(f"M{(i + 0.5) * step:.0f} {HEIGHT}v{-height:.0f}" for i, height in enumerate(heights))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT + CAPTION_HEIGHT}">'
        f'<path d="{path}" stroke="{INK}" stroke-width="{max(1.0, step - 1):.0f}"/>'
        f'<text y="{HEIGHT + CAPTION_HEIGHT - 4}" font-size="11" font-family="sans-serif">'
        f"{caption}</text></svg>"
    )


def _bin(values: Sequence[float]) -> list[float]:
    """Average neighbours until there are at most MOST_BARS."""
    width = -(-len(values) // MOST_BARS)
    chunks = (values[start : start + width] for start in range(0, len(values), width or 1))
    return [sum(chunk) / len(chunk) for chunk in chunks]
