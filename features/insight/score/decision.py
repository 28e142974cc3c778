"""Explains the scores of a person for the right to an explanation, see `privacy.rights.explanation`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time
from functools import cached_property

import pyarrow as pa

from features.insight.model.target import Target
from features.insight.score.explanation import ExplainedScore, explain_scores, models_of, reason_text, value_text
from features.insight.score.model_table import TABLE as MODELS
from features.insight.score.score_row import INPUT, TABLE
from installation.contract.plain_name import PlainNames, read_plain_names
from installation.installation import Installation
from installation.rights.own_row import PersonRows
from privacy.rights.explanation import DecisionInput, ExplainedDecision
from privacy.rights.subject import Subject
from privacy.rights.wording import Wording

_TITLES = {
    Target.CHURN: Wording("Estimate: you may stop buying", "추정: 구매 중단 가능성"),
    Target.SPEND: Wording("Estimate: amount that you may spend", "추정: 예상 구매 금액"),
    Target.BUYS_SOON: Wording("Estimate: you may order within a week", "추정: 1주일 내 주문 가능성"),
    Target.PREMIUM: Wording("Estimate: you may turn to premium products", "추정: 고급 상품 구매 가능성"),
    Target.NEW_CATEGORY: Wording("Estimate: you may try a new category", "추정: 새 카테고리 구매 가능성"),
    Target.NEXT_CATEGORY: Wording("Estimate: category of your next order", "추정: 다음 주문 카테고리"),
}
_LOGIC = Wording(
    "A statistical model adds up what each figure on your orders contributes. It was fitted on {} to orders of "
    "customers who permit it. The result for you is {}. The figures that count most are listed, the strongest first.",
    "통계 모델이 고객님의 주문 지표별 영향을 더해 계산합니다. 이 모델은 {}에 동의한 고객들의 주문으로 만들어졌습니다. "
    "고객님의 결과는 {}입니다. 영향이 큰 지표부터 표시합니다.",
)
_EFFECT = Wording(
    "It may change which offers and messages you see. Prices, delivery and contracts stay the same, so there is no "
    "legal or similarly significant effect.",
    "보시게 되는 제안과 메시지가 달라질 수 있습니다. 가격·배송·계약은 달라지지 않으므로 법적 효과나 이에 준하는 "
    "중대한 영향은 없습니다.",
)
_REVIEW = Wording(
    "You may object to personalisation at any time; your scores are then deleted with the next run and not used before "
    "that. You may also ask that a person examines them.",
    "언제든지 맞춤 서비스를 거부하실 수 있으며, 점수는 즉시 쓰이지 않고 다음 처리 때 삭제됩니다. "
    "사람이 검토하도록 요구하실 수도 있습니다.",
)


class ScoreExplainer:
    """Explains the newest scores of a person, one decision a score, see `DecisionExplainer`."""

    names = tuple(f"score_{target}" for target in _TITLES)

    def __init__(self, installation: Installation, who: str) -> None:
        self._installation, self._who = installation, who

    def explain(self, subject: Subject) -> Iterator[ExplainedDecision]:
        """Yield one explanation for each score of the person's newest day."""
        contracts, lakehouse = self._installation.contracts, self._installation.lakehouse
        if not all(lakehouse.exists(name) for name in (TABLE, INPUT, MODELS)):
            return
        own = PersonRows(self._installation, subject, self._who)
        scored = own.read(contracts.table(TABLE)).rows
        if not scored:
            return
        newest = max(scored, key=lambda row: row["as_of"])
        key = ("customer_id", "as_of")
        same = [row for row in own.read(contracts.table(INPUT)).rows if all(row[k] == newest[k] for k in key)]
        models = models_of(newest, lakehouse.rows(MODELS, ["model_id", "parameters"]).to_pylist())
        if same:
            measures = pa.Table.from_pylist(same, contracts.table(INPUT).arrow_schema())
            last_at, times = datetime.combine(newest["as_of"], time.min), len(scored)
            for score in explain_scores(newest, measures, models):
                yield self._decision(score, times, last_at)

    def _decision(self, score: ExplainedScore, times: int, last_at: datetime) -> ExplainedDecision:
        names, contract = self._names, self._installation.contracts.table(INPUT)
        return ExplainedDecision(
            name=f"score_{score.target}",
            title=_TITLES[score.target],
            logic=Wording(*(text.format(score.fitted_on, score.text) for text in (_LOGIC.en, _LOGIC.ko))),
            effect=_EFFECT,
            times=times,
            last_at=last_at,
            inputs=tuple(
                DecisionInput(reason_text(one, names, contract), value_text(one, contract)) for one in score.reasons
            ),
            review=_REVIEW,
        )

    @cached_property
    def _names(self) -> PlainNames:
        return read_plain_names(self._installation.settings.contract_dirs)
