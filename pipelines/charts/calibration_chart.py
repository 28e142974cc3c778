"""Draws the calibration of a model: the share that came true against the predicted probability."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.charts.chart import MARK, Canvas, Chart

SIZE, LEFT, BELOW = 110, 34, 16


def draw_calibration(predicted: Sequence[float], observed: Sequence[float], error: float, band: float) -> Chart:
    """Draw one point for each bin of equal size; on the red line, predictions come true as often as predicted.

    >>> draw_calibration([0.1, 0.5], [0.1, 0.45], 0.025, 0.03).caption
    'Up: share that came true. Right: predicted probability. Expected calibration error 0.025; a perfectly calibrated \
model stays below 0.030 in 95 % of cases.'
    """
    canvas = Canvas(LEFT + SIZE + 12, BELOW + SIZE + 10)
    canvas.draw_lines([[(LEFT, BELOW), (LEFT + SIZE, BELOW + SIZE)]], 1, MARK)
    places = [(LEFT + SIZE * x, BELOW + SIZE * y) for x, y in zip(predicted, observed, strict=True)]
    canvas.draw_lines([places], 2)
    canvas.draw_lines([[(x - 2, y), (x + 2, y)] for x, y in places], 5)
    for share in (0, 1):
        canvas.write((LEFT - 3, BELOW + (SIZE - 8) * share), f"{share:.0%}", "right")
        canvas.write((LEFT + SIZE * share, 2), f"{share:.0%}")
    return Chart(
        "Up: share that came true. Right: predicted probability. Expected calibration error "
        f"{error:.3f}; a perfectly calibrated model stays below {band:.3f} in 95 % of cases.",
        canvas.to_png(),
    )
