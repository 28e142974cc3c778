"""The card of a recommender as text, tables and a chart of what the objectives cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from features.insight.score.report_page import render_table
from features.recommend.card import Comparison, ObjectiveCost, RecommenderCard
from privacy.anonymity.report.html_page import STYLE

QUALITY = ("lists of 10 items", "NDCG@10", "simple method", "its NDCG@10", "difference (95 %)")
FRONTIER = ("objective", "NDCG@10", "against the best", "mean price, USD", "quality", "convenience", "new items")
TITLE = "Recommendation"
NONE_FITTED = (
    "No recommender was fitted yet. One is fitted when 50 customers who permit the training bought before and within "
    "the last 28 days: bojagi recommend fit"
)
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 560, 320, 64, 110, 16, 48


def newest_first(texts: Iterable[str]) -> list[RecommenderCard]:
    """Return the cards of JSON texts, the newest first."""
    cards = [RecommenderCard.from_json(text) for text in texts]
    return sorted(cards, key=lambda card: int(card.version.rpartition("/")[2]), reverse=True)


def card_sentences(card: RecommenderCard) -> list[str]:
    """Return what the card says of the fit, in sentences."""
    told = [
        f"Fitted on {card.fitted_on} with purchases until {card.fit_to} of about {card.customer_count:,} customers who "
        "permit it.",
        "The figures are of the last 28 days, by a recommender that was fitted on the days before.",
        f"{card.candidate_recall:.0%} of the items that were bought then were candidates.",
    ]
    if card.version.startswith("frequency/"):
        told.append("A fitted recommender was not better than personal frequency here, so this one is not fitted.")
    return told


def quality_rows(card: RecommenderCard) -> list[tuple[str, ...]]:
    """Return the cells of QUALITY."""
    kinds = (("all items", card.every), ("items never bought before", card.new))
    return [(kind, *_cells(one)) for kind, found in kinds for one in found]


def frontier_rows(card: RecommenderCard) -> list[tuple[str, ...]]:
    """Return the cells of FRONTIER. Traits are in standard deviations above an average item."""
    best = max((one.ndcg for one in card.frontier), default=0.0)
    return [
        (
            one.name, f"{one.ndcg:.3f}", f"{one.ndcg / best - 1:+.1%}" if best else "–", f"{one.price:.2f}",
            f"{one.quality:+.2f}", f"{one.convenience:+.2f}", f"{one.new_share:.0%}",
        )
        for one in card.frontier
    ]  # fmt: skip


def frontier_svg(frontier: Sequence[ObjectiveCost]) -> str:
    """Return the chart of the objectives: mean price across, NDCG up; empty without objectives."""
    if not frontier:
        return ""
    prices, scores = [one.price for one in frontier], [one.ndcg for one in frontier]
    low_price, high_price = min(prices) * 0.97, max(prices) * 1.03
    low, high = min(scores) * 0.97, max(scores) * 1.03
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(price: float, score: float) -> tuple[float, float]:
        across = (price - low_price) / (high_price - low_price or 1)
        return _LEFT + width * across, _TOP + height * (1 - (score - low) / (high - low or 1))

    dots = ""
    for one in frontier:
        x, y = place(one.price, one.ndcg)
        dots += (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#1f6f8b"/>'
            f'<text x="{x + 9:.1f}" y="{y + 4:.1f}">{escape(one.name)}</text>'
        )
    ticks = ""
    for part in (0.0, 0.5, 1.0):
        price, score = low_price + part * (high_price - low_price), low + part * (high - low)
        x, y = place(price, score)
        ticks += f'<text x="{x:.1f}" y="{_TOP + height + 16}" text-anchor="middle">{price:.2f}</text>'
        ticks += f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{score:.3f}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        'role="img" aria-label="NDCG and mean price of the lists of each objective" font-family="sans-serif" '
        f'font-size="12"><rect x="{_LEFT}" y="{_TOP}" width="{width}" height="{height}" fill="none" stroke="#bbb"/>'
        f"{ticks}{dots}"
        f'<text x="{_LEFT + width / 2}" y="{_HEIGHT - 10}" text-anchor="middle">mean price of an item, USD</text>'
        f'<text x="14" y="{_TOP + height / 2}" text-anchor="middle" '
        f'transform="rotate(-90 14 {_TOP + height / 2})">NDCG@10</text></svg>'
    )


def render_page(cards: Iterable[RecommenderCard]) -> str:
    """Return one HTML page without external references: each version with its quality and frontier."""
    parts = [f"<h1>{TITLE}</h1>"]
    for card in cards:
        parts += [f"<h2>{escape(card.version)}</h2>", *(f"<p>{escape(one)}</p>" for one in card_sentences(card))]
        parts += [render_table(QUALITY, quality_rows(card)), "<h3>What each objective costs</h3>"]
        parts += [frontier_svg(card.frontier), render_table(FRONTIER, frontier_rows(card))]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{TITLE}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}body{{max-width:75rem}}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _cells(one: Comparison) -> tuple[str, ...]:
    gap = one.difference
    told = f"{gap.mean:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})"
    return f"{one.ours:.3f}", one.method, f"{one.theirs:.3f}", told
