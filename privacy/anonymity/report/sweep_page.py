"""Renders a sweep over k as one HTML page: a chart of risk against utility, and the figures of each k."""

from __future__ import annotations

import html
from collections.abc import Sequence

from privacy.anonymity.report.html_page import STYLE
from privacy.anonymity.report.section import percent
from privacy.anonymity.sweep import SweepPoint

WIDTH, HEIGHT, MARGIN = 640, 340, 60
COLOURS = {"information lost": "#3b6ea5", "median error of counting queries": "#d17a00"}


def sweep_rows(points: Sequence[SweepPoint]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns the head and one row of text for each k."""
    columns = [one.column for one in next((p.homogeneity for p in points if p.risk is not None), ())]
    head = ("k", "Highest risk", "Mean risk", "Information lost", "Query error (median)", "Rows suppressed", "Classes")
    rows = []
    for point in points:
        if point.risk is None or point.utility is None or point.loss is None:
            rows.append((str(point.k), "no release satisfies the models", *[""] * (5 + len(columns))))
            continue
        figures = (point.risk.highest_prosecutor, point.risk.mean_prosecutor, point.loss)
        counts = (f"{point.suppressed:,}", f"{point.classes:,}")
        revealed = (percent(one.homogeneous_rows) for one in point.homogeneity)
        error = percent(point.utility.query_error_median)
        rows.append((str(point.k), *map(percent, figures), error, *counts, *revealed))
    return (*head, *(f"One value of {name} only" for name in columns)), rows


def render_sweep(points: Sequence[SweepPoint], title: str) -> str:
    """Returns the page. Equal points give equal bytes."""
    head, rows = sweep_rows(points)
    cells = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    names = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    about = (
        "Each point is a verified release for one k, made with the other models as they are; nothing was published. "
        "Points to the left are safer, points further down are more useful. The last columns show the share of rows in "
        "classes with one sensitive value only: k-anonymity alone does not limit it."
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<h1>{html.escape(title)}</h1><p>{about}</p>{_chart(points)}"
        f'<table><thead><tr>{names}</tr></thead><tbody class="n">{cells}</tbody></table></body></html>\n'
    )


def _chart(points: Sequence[SweepPoint]) -> str:
    """Returns the chart: highest risk to the right, what is lost upwards; both axes begin at zero."""
    lost: list[tuple[int, float, float]] = []
    wrong: list[tuple[int, float, float]] = []
    for point in points:
        if point.risk is not None and point.utility is not None and point.loss is not None:
            lost.append((point.k, point.risk.highest_prosecutor, point.loss))
            wrong.append((point.k, point.risk.highest_prosecutor, point.utility.query_error_median))
    if not lost:
        return "<p>No k has a release.</p>"
    series = {"information lost": lost, "median error of counting queries": wrong}
    right = max(x for line in series.values() for _, x, _ in line) or 1.0
    top = max(y for line in series.values() for _, _, y in line) or 1.0
    parts = [
        f'<line x1="{MARGIN}" y1="{HEIGHT - MARGIN}" x2="{WIDTH - 10}" y2="{HEIGHT - MARGIN}" stroke="#888"/>',
        f'<line x1="{MARGIN}" y1="10" x2="{MARGIN}" y2="{HEIGHT - MARGIN}" stroke="#888"/>',
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">highest risk of a person (prosecutor)</text>',
        f'<text x="{WIDTH - 10}" y="{HEIGHT - MARGIN + 18}" text-anchor="end">{percent(right)}</text>',
        f'<text x="{MARGIN - 6}" y="18" text-anchor="end">{percent(top)}</text>',
        f'<text x="{MARGIN - 6}" y="{HEIGHT - MARGIN + 4}" text-anchor="end">0</text>',
    ]
    for number, (name, line) in enumerate(series.items()):
        colour = COLOURS[name]
        placed = [(k, *_place(x / right, y / top)) for k, x, y in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for _, x, y in placed)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for _, x, y in placed]
        parts += [f'<text x="{x + 6:.1f}" y="{y - 6:.1f}">k {k}</text>' for k, x, y in placed]
        parts.append(f'<text x="{WIDTH - 12}" y="{24 + 16 * number}" text-anchor="end" fill="{colour}">{name}</text>')
    return f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="Risk against utility">{"".join(parts)}</svg>'


def _place(right: float, up: float) -> tuple[float, float]:
    """Returns the coordinates of a point given as shares of the axes."""
    return MARGIN + right * (WIDTH - MARGIN - 50), HEIGHT - MARGIN - up * (HEIGHT - MARGIN - 40)
