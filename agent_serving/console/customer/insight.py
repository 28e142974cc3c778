"""What is expected of the customer: the segment with its reasons and history, and the scores with theirs."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from agent_serving.console.cell import Share
from agent_serving.console.customer.part import Fact, Facts, Grid, Note, Part
from agent_serving.console.customer.profile import WIDE, consent_note
from agent_serving.console.customer.reading import CustomerReading, OwnRows
from features.insight.errors import UnreadableRowError
from features.insight.score.explanation import explain_scores, models_of, reason_text, value_text
from features.insight.score.model_table import TABLE as SCORE_MODELS
from features.insight.score.score_row import COLUMNS, INPUT
from features.insight.score.score_row import TABLE as SCORES
from features.insight.segment.card import Card
from features.insight.segment.explanation import explain_segment, nearest_other
from features.insight.segment.model import SegmentModel
from features.insight.segment.reading import MODELS, read_segmentation
from features.insight.segment.wording import TRAIT_BY_NAME, figure_text
from installation.contract.plain_name import readable
from privacy.rights.wording import Wording

SEGMENTS, MOVES = "gold/customer_segment", "gold/segment_move"
MOST_TRAITS = 6
_NONE = Wording("no value", "값 없음")


def segment(reading: CustomerReading) -> list[Part]:
    """Return the customer's segment, why it is this one, and the moves before."""
    parts: list[Part] = [] if reading.is_permitted else [consent_note(reading)]
    own = reading.own(SEGMENTS, order="as_of")
    if own.refused is not None:
        return [*parts, Note(own.refused)]
    if not own.rows:
        text = Wording("The customer is in no segment: too little is known, or the purpose is not permitted.",
                       "속한 세그먼트가 없습니다. 정보가 부족하거나 이용 목적을 허용하지 않았습니다.")  # fmt: skip
        return [*parts, Note(text)]
    try:
        cards = {card.segment_id: card for card in read_segmentation(reading.installation.lakehouse).cards}
    except UnreadableRowError as damaged:
        return [*parts, Note(Wording(str(damaged), str(damaged)), "bad")]
    found = own.first
    parts.append(_named(reading, own, cards))
    parts += _why(reading, found, cards)
    return [*parts, _history(reading, own, cards)]


def scores(reading: CustomerReading) -> list[Part]:
    """Return each score with the measures that raise or lower it the most."""
    own = reading.own(SCORES, order="as_of")
    if own.refused is not None:
        return [Note(own.refused)]
    if not own.rows:
        return [Note(Wording("The customer has no scores.", "예측 점수가 없습니다."))]
    # A score is explained by the measures of its own day.
    measures = reading.own(INPUT, order="as_of")
    same = [row for row in measures.rows if row.get("as_of") == own.first["as_of"]]
    if not same:
        return [_values(reading, own), Note(measures.refused or _unexplained())]
    rows = reading.installation.lakehouse.rows(SCORE_MODELS, ["model_id", "parameters"]).to_pylist()
    models = models_of(own.first, rows)
    found: list[Part] = [_values(reading, own)]
    for one in explain_scores(own.first, pa.Table.from_pylist(same[:1]), models):
        name = reading.name(own.contract, COLUMNS[one.target])
        found.append(
            Grid(
                Wording(f"{name.en}: {one.text}. Why?", f"{name.ko}: {one.text}. 이유"),
                (Wording("Measure", "지표"), Wording("Value", "값")),
                [[reason_text(reason, reading.names, measures.contract), value_text(reason, measures.contract)]
                 for reason in one.reasons],
                _NONE,
            )
        )  # fmt: skip
    return found


def _unexplained() -> Wording:
    return Wording(
        "The measures behind the scores may not be read for this purpose.",
        "이 목적으로는 점수의 근거 지표를 볼 수 없습니다.",
    )


def _values(reading: CustomerReading, own: OwnRows) -> Facts:
    facts = []
    for column in COLUMNS.values():
        if column in own.first:
            value = own.first[column]
            shown = Share(value) if column.endswith("_probability") and value is not None else value
            shown = f"{value:,.2f} USD" if column == "expected_spend" and value is not None else shown
            facts.append(Fact(f"{SCORES}.{column}", reading.name(own.contract, column), shown, on=own.first["as_of"]))
    return Facts(Wording("Scores", "예측 점수"), tuple(facts))


def _named(reading: CustomerReading, own: OwnRows, cards: dict[str, Card]) -> Facts:
    row = own.first
    card = cards.get(row["segment_id"])
    name = Wording(card.name, card.name_ko) if card else Wording(row["segment_id"], row["segment_id"])
    size = None if card is None else Share(card.customer_share)
    return Facts(
        Wording("Segment", "세그먼트"),
        (
            Fact(f"{SEGMENTS}.segment_id", Wording("Segment", "세그먼트"), name, on=row["as_of"]),
            Fact("", Wording("Share of all customers", "전체 고객 중 비율"), size),
            Fact(f"{SEGMENTS}.fitted_on", Wording("Segments were formed on", "세그먼트 산출일"), row.get("fitted_on")),
        ),
    )


def _why(reading: CustomerReading, found: dict[str, Any], cards: dict[str, Card]) -> list[Part]:
    """Return the traits that speak for the segment against the next one, with the means of both."""
    own, card = reading.own(WIDE), cards.get(found["segment_id"])
    rows = reading.installation.lakehouse.rows(MODELS, ["fitted_on", "model"]).to_pylist()
    text = next((row["model"] for row in rows if row["fitted_on"] == found.get("fitted_on")), None)
    if own.refused is not None or not own.rows or text is None or card is None:
        return []
    model = SegmentModel.from_json(text)
    other = nearest_other(model, own.first, found["segment_id"])
    if found["segment_id"] not in model.centers:
        text = Wording("The customer has no orders yet; such customers are a segment of their own.",
                       "아직 주문이 없는 고객은 별도의 세그먼트에 속합니다.")  # fmt: skip
        return [Note(text)]
    if other is None:
        text = Wording("All customers with orders are in this segment: there were too few to divide them.",
                       "주문이 있는 고객이 적어 하나의 세그먼트로 묶였습니다.")  # fmt: skip
        return [Note(text)]
    rival = cards.get(other)
    rival_name = Wording(rival.name, rival.name_ko) if rival else Wording(other, other)
    lines = []
    for one in explain_segment(model, own.first, found["segment_id"], other)[:MOST_TRAITS]:
        trait, mean, base = TRAIT_BY_NAME[one.trait], card.trait(one.trait), rival and rival.trait(one.trait)
        speaks = Wording("for", "해당") if one.share > 0 else Wording("against", "반대")
        lines.append(
            [
                Wording(trait.label, trait.label_ko), figure_text(one.trait, one.value),
                mean and figure_text(one.trait, mean.mean), base and figure_text(one.trait, base.mean), speaks,
                Share(abs(one.share)),
            ]
        )  # fmt: skip
    return [
        Grid(
            Wording(f"Why {card.name} and not {rival_name.en}",
                    f"{rival_name.ko} 세그먼트가 아니라 {card.name_ko}인 이유"),
            (Wording("Trait", "특성"), Wording("This customer", "이 고객"),
             Wording("Mean of the segment", "세그먼트 평균"),
             Wording("Mean of the other", "다른 세그먼트 평균"), Wording("Speaks", "방향"), Wording("Weight", "비중")),
            lines,
            _NONE,
        )
    ]  # fmt: skip


def _history(reading: CustomerReading, own: OwnRows, cards: dict[str, Card]) -> Part:
    moves = reading.own(MOVES, order="moved_on")

    def name(segment: str | None) -> Wording | None:
        card = cards.get(segment or "")
        return None if segment is None else Wording(card.name, card.name_ko) if card else Wording(segment, segment)

    rows = [
        [row["moved_on"], name(row["from_segment_id"]), name(row["to_segment_id"]), readable(row["reason"])]
        for row in moves.rows
    ]
    first = min((row["as_of"] for row in own.rows), default=None)
    return Grid(
        Wording("Moves between segments", "세그먼트 이동 이력"),
        (Wording("Day", "날짜"), Wording("From", "이전"), Wording("To", "이후"), Wording("Reason", "이유")),
        rows,
        Wording(f"No move since {first}.", f"{first} 이후 이동이 없습니다."),
    )
