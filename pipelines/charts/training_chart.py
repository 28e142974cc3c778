"""Draws the curve of a training: one value a round, such as the loss."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.charts.chart import MARK, Canvas, Chart

WIDTH, HEIGHT = 300, 60
LEFT, BELOW = 52, 14


def draw_rounds(values: Sequence[float], what: str) -> Chart:
    """Draw the value of each round as a line; the last round is marked.

    >>> draw_rounds([9.0, 4.0, 3.5], "loss").caption
    'Up: loss, from 3.5 to 9. Right: rounds 1 to 3. The last one has 3.5 (red).'
    """
    low, high = min(values), max(values)
    step = WIDTH / max(len(values) - 1, 1)
    scale = HEIGHT / (high - low) if high > low else 0.0
    line = [(LEFT + number * step, BELOW + (value - low) * scale) for number, value in enumerate(values)]
    canvas = Canvas(LEFT + WIDTH + 10, BELOW + HEIGHT + 6)
    canvas.draw_lines([line], 2)
    x, y = line[-1]
    canvas.draw_lines([[(x - 4, y), (x + 4, y)]], 6, MARK)
    canvas.write((LEFT - 4, BELOW + HEIGHT - 10), f"{high:,.4g}", "right")
    canvas.write((LEFT - 4, BELOW), f"{low:,.4g}", "right")
    canvas.write((LEFT, 1), "round 1", "left")
    canvas.write((LEFT + WIDTH, 1), f"round {len(values)}", "right")
    caption = (
        f"Up: {what}, from {low:,.4g} to {high:,.4g}. Right: rounds 1 to {len(values)}. The last one has "
        f"{values[-1]:,.4g} (red)."
    )
    return Chart(caption, canvas.to_png())
