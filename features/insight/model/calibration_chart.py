"""Draws the calibration of a model: predicted against observed shares, as SVG."""

from __future__ import annotations

import math
from html import escape

from features.insight.model.card import ModelCard

_WIDTH, _HEIGHT, _LEFT, _TOP, _SIDE = 336, 320, 56, 12, 252
_TICKS = 2


def calibration_svg(card: ModelCard) -> str:
    """Return the chart of a card: one dot a bin, and the diagonal of a perfect one; empty without calibration."""
    found = card.calibration
    if found is None:
        return ""
    # Both axes end at the next ten percent, so that the ticks are round.
    most = math.ceil(max(*found.predicted, *found.observed, 0.1) * 10 - 1e-9) / 10
    bottom = _TOP + _SIDE

    def place(across: float, up: float) -> tuple[float, float]:
        return _LEFT + _SIDE * across / most, bottom - _SIDE * up / most

    points = [place(*pair) for pair in zip(found.predicted, found.observed, strict=True)]
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#1f6f8b"/>' for x, y in points)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    label = f"{card.target}: calibration error {found.error:.3f}, band {found.band:.3f}, day {card.evaluated_on}"
    ticks = ""
    for share in (most * number / _TICKS for number in range(_TICKS + 1)):
        x, y = place(share, share)
        ticks += (
            f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{share:.0%}</text>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        f'role="img" aria-label="{escape(label)}" font-family="sans-serif" font-size="12">'
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#bbb"/>'
        f'<line x1="{_LEFT}" y1="{bottom}" x2="{_LEFT + _SIDE}" y2="{_TOP}" stroke="#999" stroke-dasharray="4 3"/>'
        f'<polyline points="{line}" fill="none" stroke="#1f6f8b"/>{dots}{ticks}'
        f'<text x="{_LEFT + _SIDE / 2}" y="{_HEIGHT - 12}" text-anchor="middle">predicted probability</text>'
        f'<text x="14" y="{_TOP + _SIDE / 2}" text-anchor="middle" transform="rotate(-90 14 {_TOP + _SIDE / 2})">'
        f"share that came true</text></svg>"
    )
