"""The page of journeys: funnel, flows between channels and time to purchase, by segment and period."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.console.chart import Chart, ChartKind, Figure
from agent_serving.console.handling import add_page
from agent_serving.console.part import Note, Part
from agent_serving.console.tile import Tile
from agent_serving.console.visit import Visit
from agent_serving.console.word import word
from agent_serving.web.errors import FormRefused
from features.insight.group_size import K
from features.insight.journey import BOUGHT, COLUMNS, HOURS, LEFT, JourneyFigures, journey_figures
from features.insight.segment.errors import NoSegmentsError
from features.insight.segment.reading import read_segmentation
from privacy.rights.wording import Wording

router = APIRouter(prefix="/console")
JOURNEYS, SEGMENTS = "gold/customer_journey", "gold/customer_segment"
PERIODS = {
    "30": Wording("last 30 days", "최근 30일"), "90": Wording("last 90 days", "최근 90일"),
    "365": Wording("last year", "최근 1년"), "": Wording("all", "전체"),
}  # fmt: skip
_FUNNEL = {
    "visit": Wording("All journeys", "모든 여정"), "product": Wording("Looked at a product", "상품 조회"),
    "cart": Wording("Put it into the cart", "장바구니 담기"), "checkout": Wording("Checkout", "결제 시작"),
    BOUGHT: Wording("Bought online", "온라인 구매"),
}  # fmt: skip
_CLASSES = ("≤ 1 h", "≤ 1 d", "≤ 3 d", "≤ 7 d", "≤ 14 d", "≤ 30 d", "> 30 d")
assert len(_CLASSES) == len(HOURS) + 1


def show_journeys(visit: Visit) -> Response:
    """Show the figures of the journeys of the customers who permit the purpose."""
    period, segment = visit.query("period", 4), visit.query("segment", 60)
    if period not in PERIODS:
        raise FormRefused(422, "period", "expected one of the periods")
    segments = _segments(visit)
    found = _read(visit, period, segment)
    return visit.render_parts(
        Wording("Journeys", "여정"), _parts(visit, journey_figures(found)), template="journeys", periods=PERIODS,
        period=period, segments=segments, segment=segment,
    )  # fmt: skip


def tiles(visit: Visit) -> list[Tile]:
    """Return the number of journeys of the last 30 days and how many ended in a purchase."""
    figures = journey_figures(_read(visit, "30", ""))
    title = Wording("Journeys in 30 days", "최근 30일 여정")
    if figures.journeys is None or figures.converted is None:
        return [Tile(title, Wording(f"fewer than {K} customers", f"고객 {K}명 미만"), "/journey?period=30")]
    share = f"{figures.converted / figures.journeys:.0%}" if figures.journeys else "–"
    note = Wording(f"{share} ended in a purchase", f"{share}가 구매로 이어짐")
    return [Tile(title, figures.journeys, "/journey?period=30", note)]


def _read(visit: Visit, period: str, segment: str) -> pa.Table:
    """Return the journeys that the role may read, of a period and a segment; empty stands for all."""
    found = visit.read(JOURNEYS, list(COLUMNS))
    if period:
        first = visit.console.installation.reference_date() - timedelta(days=int(period))
        days = found["started_at"].cast(pa.date32())
        found = found.filter(pc.greater_equal(days, pa.scalar(_known_day(visit, first))))
    if segment:
        rows = visit.read(SEGMENTS, ["customer_id", "segment_id", "as_of"])
        newest = rows.filter(pc.equal(rows["as_of"], pc.max(rows["as_of"])))
        members = newest.filter(pc.equal(newest["segment_id"], segment))["customer_id"]
        found = found.filter(pc.is_in(found["customer_id"], value_set=members))
    return found


def _known_day(visit: Visit, day: date) -> date:
    """Return a day as the role sees days: the first of its month where values are coarsened."""
    role = visit.console.installation.roles[visit.staff.role]
    return day.replace(day=1) if role.values == "coarsened" else day


def _segments(visit: Visit) -> dict[str, Wording]:
    try:
        cards = read_segmentation(visit.console.installation.lakehouse).cards
    except NoSegmentsError:
        return {}
    return {card.segment_id: Wording(card.name, card.name_ko) for card in cards}


def _parts(visit: Visit, figures: JourneyFigures) -> list[Part]:
    if figures.journeys is None:
        text = Wording(
            f"Fewer than {K} customers who permit the purpose have such journeys, so no figures are shown. Choose "
            "another period or segment.",
            f"이용 목적을 허용한 고객 중 해당 여정이 있는 고객이 {K}명 미만이므로 수치를 표시하지 않습니다. "
            "다른 기간이나 세그먼트를 선택하십시오.",
        )
        return [Note(text)]
    share = "–" if figures.converted is None else f"{figures.converted / figures.journeys:.0%}"
    median = "–" if figures.median_hours is None else f"{figures.median_hours:,.1f}"
    head = Note(
        Wording(
            f"{figures.journeys:,} journeys; {share} ended in a purchase, half of these within {median} hours. Counts "
            f"are rounded down to tens, and those of fewer than {K} customers are left out.",
            f"여정 {figures.journeys:,}건 중 {share}가 구매로 이어졌으며, 절반은 {median}시간 안에 구매했습니다. "
            f"건수는 10 단위로 내림하고, 고객 {K}명 미만은 제외합니다.",
        )
    )
    count = Wording("Journeys", "여정 수")
    funnel: list[list[str | Figure]] = [
        [_FUNNEL[name].text(visit.language), value] for name, value in figures.funnel.items() if value is not None
    ]
    flows: list[list[str | Figure]] = [
        [
            f"{flow.step}. {word(flow.source).text(visit.language)}",
            _target(visit, flow.step, flow.target),
            flow.journeys,
        ]
        for flow in figures.flows
    ]
    hours: list[list[str | Figure]] = [[name, value] for name, value in zip(_CLASSES, figures.hours, strict=True)]
    return [
        head,
        Chart(ChartKind.FUNNEL, Wording("Funnel of journeys online", "온라인 구매 퍼널"),
              (Wording("Step", "단계"), count), funnel, 18),
        Chart(ChartKind.SANKEY,
              Wording("Flows over the first three channels of a journey", "여정의 첫 세 채널 사이의 흐름"),
              (Wording("From", "출발"), Wording("To", "도착"), count), flows, 24),
        Chart(ChartKind.BAR, Wording("Time from the first touch to the purchase", "첫 접점부터 구매까지 걸린 시간"),
              (Wording("Time", "시간"), count), hours, 12),
    ]  # fmt: skip


def _target(visit: Visit, step: int, name: str) -> str:
    ends = {BOUGHT: Wording("Purchase", "구매"), LEFT: Wording("No purchase", "구매 없음")}
    return ends[name].text(visit.language) if name in ends else f"{step + 1}. {word(name).text(visit.language)}"


add_page(router, "GET", "/journey", show_journeys, "journey")
