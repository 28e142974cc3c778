"""Pages of segments: a card for each persona, its traits against all customers, and moves between segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.console.cell import Share
from agent_serving.console.chart import Chart, ChartKind
from agent_serving.console.errors import UnknownEntry
from agent_serving.console.handling import add_page
from agent_serving.console.tile import Tile
from agent_serving.console.visit import Visit
from features.insight.segment.card import MOVE_DAYS, Card, TraitFigure
from features.insight.segment.errors import NoSegmentsError
from features.insight.segment.reading import CARDS, Segmentation, read_segmentation
from features.insight.segment.wording import TRAIT_BY_NAME, figure_text, label, label_ko
from privacy.rights.wording import Wording

router = APIRouter(prefix="/console")
_SHOWN_TRAITS = 4


def show_segments(visit: Visit) -> Response:
    """Show the personas, the largest first, their shares over time, and the moves of the last days."""
    try:
        found = read_segmentation(visit.console.installation.lakehouse)
    except NoSegmentsError:
        return visit.render("segments", found=None)
    return visit.render(
        "segments", found=found, days=MOVE_DAYS, shares=_shares_over_time(visit, found), moves=_moves(visit, found),
        traits_of=lambda card: [_trait(visit, one) for one in card.traits if one.is_distinct][:_SHOWN_TRAITS],
        name_of=_name,
    )  # fmt: skip


def show_segment(visit: Visit) -> Response:
    """Show one persona with all its figures."""
    try:
        found = read_segmentation(visit.console.installation.lakehouse)
    except NoSegmentsError as error:
        raise UnknownEntry("There are no segments yet.") from error
    card = next((card for card in found.cards if card.segment_id == visit.path("segment")), None)
    if card is None:
        raise UnknownEntry("There is no segment of this name.")
    figures = {
        "bands": (Wording("Preferred price band", "선호 가격대"), card.price_bands),
        "channels": (Wording("Customers who use a channel", "채널별 이용 고객"), card.channels),
        "days": (Wording("Typical week: orders by weekday", "요일별 주문"), card.days),
        "parts": (Wording("Typical day: orders by time", "시간대별 주문"), card.day_parts),
    }
    charts = {key: _percent(visit, title, shares) for key, (title, shares) in figures.items() if shares}
    liked = [(one.category, Share(one.share), f"{one.lift:.2f} ×") for one in card.categories]
    return visit.render(
        "segment", card=card, found=found, name=_name(card), rows=[_trait(visit, one) for one in card.traits],
        charts=charts, liked=liked, moves=_moves(visit, found, card), days=MOVE_DAYS,
    )  # fmt: skip


def tiles(visit: Visit) -> list[Tile]:
    """Return the largest persona."""
    try:
        found = read_segmentation(visit.console.installation.lakehouse)
    except NoSegmentsError:
        return []
    card, count = found.cards[0], len(found.cards)
    note = Wording(
        f"the largest of {count} personas: {card.name}", f"페르소나 {count}개 중 가장 큰 고객군: {card.name_ko}"
    )
    return [Tile(Wording("of all customers", "전체 고객 중"), Share(card.customer_share), "/segment", note)]


def _name(card: Card) -> Wording:
    return Wording(card.name, card.name_ko)


def _trait(visit: Visit, one: TraitFigure) -> tuple[Wording, str, str, str]:
    """Return name, mean, mean of all customers and interval of a trait."""
    trait, language = TRAIT_BY_NAME[one.trait], visit.language
    mean, base, low, high = (figure_text(one.trait, v, language) for v in (one.mean, one.base, one.low, one.high))
    english = trait.label[:1].upper() + trait.label[1:]
    return Wording(english, trait.label_ko), mean, base, f"{low} – {high}"


def _shares_over_time(visit: Visit, found: Segmentation) -> Chart:
    rows = visit.console.installation.lakehouse.rows(CARDS, ["as_of", "segment_id", "customer_share"]).to_pylist()
    shares = {(row["as_of"], row["segment_id"]): row["customer_share"] for row in rows}
    days = sorted({day for day, _ in shares})
    return Chart(
        ChartKind.LINE if len(days) > 1 else ChartKind.BAR,
        Wording("Share of all customers, in percent", "전체 고객 중 비율 (%)"),
        (Wording("Day", "날짜"), *map(_name, found.cards)),
        [(visit.console.pages.day(day, visit.language), *_percents(shares, day, found)) for day in days],
    )


def _percents(shares: Mapping[tuple[date, str], float | None], day: date, found: Segmentation) -> list[float | None]:
    values = (shares.get((day, card.segment_id)) for card in found.cards)
    return [None if value is None else round(value * 100, 1) for value in values]


def _moves(visit: Visit, found: Segmentation, only: Card | None = None) -> Chart | None:
    """Return the moves of groups of at least K customers; None if there are none."""
    names = {card.segment_id: _name(card).text(visit.language) for card in found.cards}
    before, now = Wording("before", "이전").text(visit.language), Wording("now", "현재").text(visit.language)
    rows = [
        (f"{names.get(origin, origin)} ({before})", f"{names[card.segment_id]} ({now})", count)
        for card in found.cards if only is None or card.segment_id == only.segment_id
        for origin, count in sorted(card.moved_in.items())
    ]  # fmt: skip
    columns = (Wording("From", "이전"), Wording("To", "현재"), Wording("Customers, at least", "고객 수 (최소)"))
    title = Wording(f"Customers who moved in {MOVE_DAYS} days", f"최근 {MOVE_DAYS}일간 이동한 고객")
    return Chart(ChartKind.SANKEY, title, columns, rows, 24) if rows else None


def _percent(visit: Visit, title: Wording, shares: Mapping[str, float]) -> Chart:
    named = label_ko if visit.language == "ko" else label
    rows: Sequence[tuple[str, float]] = [(named(name), round(share * 100, 1)) for name, share in shares.items()]
    full = Wording(f"{title.en}, in percent", f"{title.ko} (%)")
    return Chart(ChartKind.BARS, full, (title, Wording("Percent", "%")), rows, 12)


add_page(router, "GET", "/segment", show_segments, "segment")
add_page(router, "GET", "/segment/{segment}", show_segment, "segment")
