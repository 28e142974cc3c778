"""Renders the personas as one HTML file without external references: a card and charts for each segment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from features.insight.group_size import K
from features.insight.segment.card import Card, TraitFigure
from features.insight.segment.reading import Segmentation
from features.insight.segment.wording import TRAIT_BY_NAME, change_text, figure_text, label, share_text, stability_text
from privacy.anonymity.report.html_page import STYLE

SHOWN_TRAITS = 8
_WIDTH, _ROW, _LETTER = 300, 22, 7
_WIDEST_EFFECT = 2.0
"""Standard deviations at which a bar ends."""
_ABOVE, _BELOW, _PALE = "#3b6ea5", "#b5442e", "#c9d3dd"


def render_page(found: Segmentation, shown: Sequence[Card]) -> str:
    """Return the page with the shares of all segments and the cards to show. Equal cards give equal bytes."""
    title = f"Personas on {found.as_of}"
    parts = [f"<h1>{title}</h1>", f"<p>{escape(stability_text(found))}</p>"]
    parts.append(
        f"<p>Every figure is of at least {K} customers who permit it. Sizes are rounded down to multiples of {K}. "
        "Intervals are of 95 %. “All” are the customers of all segments.</p>"
    )
    parts.append("<h3>Share of customers</h3>")
    parts.append(_bars({f"{c.segment_id} {c.name}": c.customer_share for c in found.cards}, "Share of customers"))
    names = {card.segment_id: card.name for card in found.cards}
    for card in shown:
        parts += _card(card, names)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        + "\n".join(parts)
        + "</body></html>\n"
    )


def _card(card: Card, names: Mapping[str, str]) -> list[str]:
    parts = [
        f'<h2 id="{card.segment_id}">{card.segment_id} {escape(card.name)} <span lang="ko">({escape(card.name_ko)})'
        "</span></h2>",
        f"<p>At least {card.customer_count:,} customers, {share_text(card.customer_share)} of all.</p>",
        "<h3>Traits: difference from all customers in standard deviations (sd), pale within chance</h3>",
        _effects(card.traits[:SHOWN_TRAITS]),
        _table(("Trait", "특성", "Segment", "95 % interval", "All"), [_trait(one) for one in card.traits]),
    ]
    if card.categories:
        rows = [(one.category, share_text(one.share), f"{one.lift:.2f} ×") for one in card.categories]
        parts += ["<h3>Favourite categories</h3>", _table(("Category", "Share of spend", "Against all"), rows)]
    parts += [
        f"<h3>{heading}</h3>{_bars(shares, heading)}"
        for heading, shares in (
            ("Preferred price band", card.price_bands),
            ("Customers who use a channel", card.channels),
            ("Typical week: orders by weekday", card.days),
            ("Typical day: orders by time", card.day_parts),
        )
        if shares
    ]
    if card.moved_in:
        moves = "; ".join(f"{count} from {escape(names.get(one, one))}" for one, count in sorted(card.moved_in.items()))
        parts.append(f"<p>Customers who moved here in the last 28 days: {moves}.</p>")
    if card.changed_since:
        changes = "; ".join(escape(change_text(one)) for one in card.changes) or "nothing beyond chance"
        parts.append(f"<p>Changed since {card.changed_since}: {changes}.</p>")
    return parts


def _trait(one: TraitFigure) -> tuple[str, ...]:
    low, high = figure_text(one.trait, one.low), figure_text(one.trait, one.high)
    trait = TRAIT_BY_NAME[one.trait]
    mean, base = figure_text(one.trait, one.mean), figure_text(one.trait, one.base)
    return trait.label, trait.label_ko, mean, f"{low} to {high}", base


def _effects(figures: Sequence[TraitFigure]) -> str:
    """Return a bar for each trait from the mean of all customers, in standard deviations; pale within chance."""
    left = _left(TRAIT_BY_NAME[one.trait].label for one in figures)
    middle, parts = left + _WIDTH / 2, []
    for number, one in enumerate(figures):
        y, length = _ROW * number + 4, min(abs(one.effect), _WIDEST_EFFECT) / _WIDEST_EFFECT * _WIDTH / 2
        x = middle if one.effect > 0 else middle - length
        colour = _PALE if not one.is_distinct else _ABOVE if one.effect > 0 else _BELOW
        parts += [
            f'<text x="0" y="{y + 12}">{escape(TRAIT_BY_NAME[one.trait].label)}</text>',
            f'<rect x="{x:.1f}" y="{y}" width="{length:.1f}" height="14" fill="{colour}"/>',
            f'<text x="{left + _WIDTH + 8}" y="{y + 12}">{one.effect:+.2f} sd</text>',
        ]
    parts.append(f'<line x1="{middle}" x2="{middle}" y1="0" y2="{_ROW * len(figures) + 4}" stroke="#888"/>')
    return _picture(parts, left, len(figures), "Difference from all customers in standard deviations")


def _bars(shares: Mapping[str, float], title: str) -> str:
    """Return a bar for each share; the longest one has the full width."""
    most, parts = max(shares.values(), default=0.0) or 1.0, []
    left = _left(map(label, shares))
    for number, (name, share) in enumerate(shares.items()):
        y = _ROW * number + 4
        parts += [
            f'<text x="0" y="{y + 12}">{escape(label(name))}</text>',
            f'<rect x="{left}" y="{y}" width="{share / most * _WIDTH:.1f}" height="14" fill="{_ABOVE}"/>',
            f'<text x="{left + _WIDTH + 8}" y="{y + 12}">{share_text(share)}</text>',
        ]
    return _picture(parts, left, len(shares), title)


def _left(labels: Iterable[str]) -> int:
    """Return where the bars begin, so that no label reaches into them."""
    return _LETTER * max(map(len, labels), default=0) + 16


def _picture(parts: Sequence[str], left: int, rows: int, title: str) -> str:
    width, height = left + _WIDTH + 80, _ROW * rows + 8
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg {size} role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table><thead><tr>{top}</tr></thead><tbody class="n">{body}</tbody></table>'
