"""Draws the charts of the report as SVG: scores between references, intervals, and shares."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

_LEFT, _WIDTH, _ROW = 300, 360, 22
_LINE, _MARK, _INK = "#c9d3dd", "#3b6ea5", "#222"


def draw_positions(positions: Mapping[str, float]) -> str:
    """Return a row for each position: 0 at the left end, 1 at the right end. Beyond the ends it is drawn at the end."""
    parts = [_text(_LEFT, 14, "independent columns", "start"), _text(_LEFT + _WIDTH, 14, "real hold-out", "end")]
    for number, (name, position) in enumerate(positions.items(), 1):
        y, x = _ROW * number + 8, _LEFT + _WIDTH * min(1.0, max(0.0, position))
        parts += [_text(0, y + 4, name, "start"), _line(_LEFT, _LEFT + _WIDTH, y, _LINE, 3)]
        parts += [
            f'<circle cx="{x:.1f}" cy="{y}" r="6" fill="{_MARK}"/>',
            _text(_LEFT + _WIDTH + 14, y + 4, f"{position:.0%}", "start"),
        ]
    return _picture(parts, len(positions) + 1, "Scores between the references")


def draw_intervals(values: Mapping[str, tuple[float, float, float]], zero: float, what: str) -> str:
    """Return a row for each value with its interval (value, low, high), and a line at `zero`: nothing is gained."""
    low = min([zero, *(one[1] for one in values.values())]) - 0.01
    high = max([zero + 0.1, *(one[2] for one in values.values())])
    scale = _WIDTH / (high - low)
    at = _LEFT + (zero - low) * scale
    height = _ROW * len(values) + 4
    parts = [f'<line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{height}" stroke="#888" stroke-dasharray="3"/>']
    for number, (name, (value, least, most)) in enumerate(values.items()):
        y, x = _ROW * number + 12, _LEFT + (value - low) * scale
        parts += [
            _text(0, y + 4, name, "start"),
            _line(_LEFT + (least - low) * scale, _LEFT + (most - low) * scale, y, _INK, 2),
        ]
        parts += [
            f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="{_MARK}"/>',
            _text(_LEFT + _WIDTH + 14, y + 4, f"{value:.3f}", "start"),
        ]
    return _picture(parts, len(values), f"Attacks: {what} and 95 % interval")


def draw_shares(shares: Mapping[str, float]) -> str:
    """Return a bar for each share, 0 to 1."""
    parts = []
    for number, (name, share) in enumerate(shares.items()):
        y = _ROW * number + 4
        parts += [
            _text(0, y + 12, name, "start"),
            f'<rect x="{_LEFT}" y="{y}" width="{_WIDTH}" height="14" fill="#f0f2f5"/>',
        ]
        parts += [f'<rect x="{_LEFT}" y="{y}" width="{_WIDTH * share:.1f}" height="14" fill="{_MARK}"/>',
                  _text(_LEFT + _WIDTH + 14, y + 12, f"{share:.1%}", "start")]  # fmt: skip
    return _picture(parts, len(shares), "Likeness of columns")


def _picture(parts: list[str], rows: int, label: str) -> str:
    width, height = _LEFT + _WIDTH + 70, _ROW * rows + 8
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg {size} role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(start: float, end: float, y: float, colour: str, width: int) -> str:
    return f'<line x1="{start:.1f}" x2="{end:.1f}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="{width}"/>'
