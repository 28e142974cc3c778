"""The pages of the models: when each was trained, how well it predicts, its calibration, and its scores by group."""

from __future__ import annotations

from datetime import date
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.console.cell import Link, Share, State
from agent_serving.console.chart import Chart, ChartKind, Figure
from agent_serving.console.errors import UnknownEntry
from agent_serving.console.handling import add_page
from agent_serving.console.part import Grid, Note, Part
from agent_serving.console.tile import Tile
from agent_serving.console.visit import Visit
from features.insight.model.card import ModelCard
from features.insight.model.target import Target
from features.insight.score.card_text import card_sentences, metric_rows, newest_cards
from features.insight.score.group import group_scores
from features.insight.score.model_table import TABLE
from features.insight.score.score_row import COLUMNS
from features.insight.score.score_row import TABLE as SCORES
from installation.lakehouse.lakehouse import Lakehouse
from privacy.access.errors import AccessRefused
from privacy.rights.wording import Wording

router = APIRouter(prefix="/console")
PROFILE = "gold/customer_360"
ATTRIBUTES = ("sex", "age_band")
"""Attributes whose groups are compared."""
MODELS = {
    Target.CHURN: Wording("Churn", "이탈"), Target.SPEND: Wording("Expected spend", "예상 구매액"),
    Target.BUYS_SOON: Wording("Order within a week", "일주일 내 주문"),
    Target.PREMIUM: Wording("Turn to premium products", "고급 상품 전환"),
    Target.NEW_CATEGORY: Wording("New category", "새 카테고리 구매"),
    Target.NEXT_CATEGORY: Wording("Next category", "다음 카테고리"),
}  # fmt: skip
_EMPTY = Wording("No model was fitted yet: too few customers permit it, or no run has built the scores.",
                 "학습된 모델이 없습니다. 허용한 고객이 적거나 아직 점수를 산출하지 않았습니다.")  # fmt: skip


def show_models(visit: Visit) -> Response:
    """Show each model with its training, its main metric and its calibration."""
    heads = (Wording("Model", "모델"), Wording("Trained on", "학습일"), Wording("Customers", "고객 수"),
             Wording("Metric", "지표"), Wording("Against the baseline", "기준 모델 대비"),
             Wording("Calibration", "보정"))  # fmt: skip
    rows = [
        [Link(MODELS[card.target], f"/console/model/{card.target}"), card.fitted_on, card.customer_count,
         _metric(card), _gain(card), _calibration(card)]
        for card in newest_cards(_cards(visit))
    ]  # fmt: skip
    drift = Wording(
        "Drift: the metrics of each training stand on the model's page. Live outcomes are not watched yet.",
        "드리프트: 학습 시점별 지표는 모델 페이지에서 볼 수 있습니다. 운영 중 결과는 아직 추적하지 않습니다.",
    )
    return visit.render_parts(
        Wording("Models", "모델"), [Grid(Wording("Newest models", "최신 모델"), heads, rows, _EMPTY), Note(drift)]
    )  # fmt: skip


def show_model(visit: Visit) -> Response:
    """Show one model: what it says, metrics, calibration, groups, and its earlier trainings."""
    cards = [card for card in _cards(visit) if card.target == visit.path("target")]
    if not cards:
        raise UnknownEntry("There is no such model.")
    cards.sort(key=lambda card: card.fitted_on)
    card = cards[-1]
    parts: list[Part] = [Note(Wording(" ".join(card_sentences(card)), " ".join(card_sentences(card))))]
    parts.append(
        Grid(
            Wording("Metrics on days after the training", "학습 이후 기간의 지표"),
            (Wording("Metric", "지표"), Wording("Model (95 %)", "모델 (95 %)"), Wording("Baseline", "기준 모델"),
             Wording("Difference (95 %)", "차이 (95 %)")),
            metric_rows(card), Wording("Not evaluated out of time yet.", "아직 기간 외 평가가 없습니다."),
        )
    )  # fmt: skip
    if (chart := _calibration_chart(card)) is not None:
        parts.append(chart)
    parts += [_groups(visit, card, attribute) for attribute in ATTRIBUTES]
    parts.append(_trainings(cards))
    back = Link(Wording("All models", "모든 모델"), "/console/model")
    return visit.render_parts(MODELS[card.target], parts, back=back)


def tiles(visit: Visit) -> list[Tile]:
    """Return how many models are not calibrated, and when the last training was."""
    cards = newest_cards(_cards(visit))
    wrong = sum(card.calibration is not None and not card.calibration.holds for card in cards)
    last: date | None = max((card.fitted_on for card in cards), default=None)
    return [
        Tile(Wording("Models that are not calibrated", "보정되지 않은 모델"), wrong, "/model",
             Wording(f"Last training: {last or '–'}", f"최근 학습: {last or '–'}"), "warn" if wrong else "good")
    ]  # fmt: skip


def _cards(visit: Visit) -> list[ModelCard]:
    lakehouse = visit.console.installation.lakehouse
    return visit.console.known("models", lakehouse.version(TABLE), lambda: _read(lakehouse))


def _read(lakehouse: Lakehouse) -> list[ModelCard]:
    rows = lakehouse.rows(TABLE, ["card"])["card"].to_pylist() if lakehouse.exists(TABLE) else []
    return [ModelCard.from_json(text) for text in rows]


def _metric(card: ModelCard) -> str | None:
    return f"{card.metrics[0].name} {card.metrics[0].value:.3f}" if card.metrics else None


def _gain(card: ModelCard) -> State | None:
    if not card.metrics:
        return None
    one = card.metrics[0]
    is_behind = one.difference_high < 0 if one.higher_is_better else one.difference_low > 0
    if one.is_ahead:
        return State(Wording("better", "우수"), "good")
    if is_behind:
        return State(Wording("worse", "열세"), "bad")
    return State(Wording("not clearly different", "차이 불분명"))


def _calibration(card: ModelCard) -> State | None:
    if card.calibration is None:
        return None
    text = f"{card.calibration.error:.3f}"
    if card.calibration.holds:
        return State(Wording(f"holds ({text})", f"양호 ({text})"), "good")
    return State(Wording(f"does not hold ({text})", f"미흡 ({text})"), "bad")


def _calibration_chart(card: ModelCard) -> Chart | None:
    if card.calibration is None:
        return None
    pairs = zip(card.calibration.predicted, card.calibration.observed, strict=True)
    rows: list[list[str | Figure]] = [[f"{p:.1%}", round(p * 100, 2), round(o * 100, 2)] for p, o in pairs]
    columns = (Wording("Predicted", "예측"), Wording("predicted, %", "예측 (%)"), Wording("observed, %", "실제 (%)"))
    title = Wording("Calibration: what was predicted, and what came", "보정: 예측과 실제")
    return Chart(ChartKind.LINE, title, columns, rows, 18)


def _groups(visit: Visit, card: ModelCard, attribute: str) -> Part:
    contracts, column = visit.console.installation.contracts, COLUMNS[card.target]
    name = visit.console.names.column(contracts.table(PROFILE), attribute)
    if card.target is Target.NEXT_CATEGORY:
        return Note(Wording(f"{name.en}: a category has no mean.", f"{name.ko}: 카테고리는 평균이 없습니다."))
    try:
        scores = visit.read(SCORES, ["customer_id", "as_of", column])
        people = visit.read(PROFILE, ["customer_id", attribute])
    except AccessRefused:
        text = Wording(f"{name.en}: your role may not read it for this purpose.",
                       f"{name.ko}: 이 목적으로 볼 수 없습니다.")  # fmt: skip
        return Note(text)
    is_share = column.endswith("_probability")
    found = group_scores(_newest(scores), people, column, attribute)
    figure = partial(_figure, is_share=is_share)
    rows = [[one.group, one.customers, figure(one.mean), figure(one.mean - one.overall)] for one in found]
    return Grid(
        Wording(f"Mean score by {name.en.lower()}", f"{name.ko}별 평균 점수"),
        (Wording("Group", "집단"), Wording("Customers, rounded down", "고객 수 (내림)"),
         Wording("Mean score", "평균 점수"), Wording("Against all", "전체 대비")),
        rows, Wording("No group is large enough to be shown.", "표시할 만큼 큰 집단이 없습니다."),
    )  # fmt: skip


def _newest(scores: pa.Table) -> pa.Table:
    """Return the scores of the newest day."""
    return scores.filter(pc.equal(scores["as_of"], pc.max(scores["as_of"])))


def _figure(value: float, *, is_share: bool) -> Share | float:
    return Share(round(value, 3) + 0.0) if is_share else round(value, 2)


def _trainings(cards: list[ModelCard]) -> Grid:
    return Grid(
        Wording("Trainings, the newest first", "학습 이력"),
        (Wording("Trained on", "학습일"), Wording("From", "시작"), Wording("To", "끝"), Wording("Customers", "고객 수"),
         Wording("Metric", "지표"), Wording("Calibration", "보정")),
        [[card.fitted_on, card.fit_from, card.fit_to, card.customer_count, _metric(card), _calibration(card)]
         for card in reversed(cards)],
        _EMPTY,
    )  # fmt: skip


add_page(router, "GET", "/model", show_models, "model")
add_page(router, "GET", "/model/{target}", show_model, "model")
