"""Draws the calibration of a model: predicted against observed shares, as SVG."""

from __future__ import annotations

from html import escape

from features.insight.model.card import ModelCard

_SIZE, _MARGIN = 320, 44


def calibration_svg(card: ModelCard) -> str:
    """Return the chart of a card: one dot a bin, and the diagonal of a perfect one; empty without calibration."""
    found = card.calibration
    if found is None:
        return ""
    most = max(*found.predicted, *found.observed, 1e-9)
    side = _SIZE - 2 * _MARGIN

    def place(across: float, up: float) -> tuple[float, float]:
        return _MARGIN + side * across / most, _SIZE - _MARGIN - side * up / most

    points = [place(*pair) for pair in zip(found.predicted, found.observed, strict=True)]
    low, high = place(0, 0), place(most, most)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#1f6f8b"/>' for x, y in points)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    label = f"{card.target}: calibration error {found.error:.3f}, band {found.band:.3f}, day {card.evaluated_on}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}" role="img" '
        f'aria-label="{escape(label)}" font-family="sans-serif" font-size="11">'
        f'<rect width="{_SIZE}" height="{_SIZE}" fill="#fff"/>'
        f'<rect x="{_MARGIN}" y="{_MARGIN}" width="{side}" height="{side}" fill="none" stroke="#bbb"/>'
        f'<line x1="{low[0]:.1f}" y1="{low[1]:.1f}" x2="{high[0]:.1f}" y2="{high[1]:.1f}" stroke="#999" '
        f'stroke-dasharray="4 3"/><polyline points="{line}" fill="none" stroke="#1f6f8b"/>{dots}'
        f'<text x="{_SIZE / 2}" y="18" text-anchor="middle">{escape(label)}</text>'
        f'<text x="{_SIZE / 2}" y="{_SIZE - 10}" text-anchor="middle">mean prediction (0 to {most:.2f})</text>'
        f'<text x="14" y="{_SIZE / 2}" text-anchor="middle" transform="rotate(-90 14 {_SIZE / 2})">'
        f"observed share</text></svg>"
    )
