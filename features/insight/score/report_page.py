"""Renders the evaluation of the models as one HTML page without external references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from features.insight.model.calibration_chart import calibration_svg
from features.insight.model.card import ModelCard
from features.insight.score.card_text import HEADINGS, card_sentences, heading, metric_rows
from privacy.anonymity.report.html_page import STYLE

TITLE = "Models of the customer scores"
_STYLE = STYLE + "body{max-width:75rem}tr>th:first-child{width:auto}td:not(:last-child){white-space:nowrap}"
"""Figures with their intervals stay on one line; the last column, which may be a sentence, takes the rest."""


def render_page(cards: Iterable[ModelCard], sections: Mapping[str, str]) -> str:
    """Return the page: each model card with its metrics and its calibration chart, then more sections as HTML."""
    parts = [f"<h1>{TITLE}</h1>", *(part for card in cards for part in _card(card))]
    parts += [part for title, content in sections.items() for part in (f"<h2>{escape(title)}</h2>", content)]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{TITLE}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _card(card: ModelCard) -> list[str]:
    lines = [f"<h2>{escape(heading(card.target))}</h2>", *(f"<p>{escape(one)}</p>" for one in card_sentences(card))]
    if card.metrics:
        lines.append(render_table(HEADINGS, metric_rows(card)))
    if card.calibration is not None:
        lines += [
            "<h3>Calibration on the held-out day: ten groups with equally many customers</h3>",
            calibration_svg(card),
        ]
    return lines


def render_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as HTML; texts are escaped."""
    head = "".join(f"<th>{escape(one)}</th>" for one in headings)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table><thead><tr>{head}</tr></thead><tbody class="n">{body}</tbody></table>'
