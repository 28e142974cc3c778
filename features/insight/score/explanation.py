"""Explains the scores of one customer: the measures that raise or lower each score, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from features.insight.model.fitted import FittedModel
from features.insight.model.scoring import Contribution, explain
from features.insight.model.target import Target
from features.insight.score.model_table import read_models
from features.insight.score.score_row import COLUMNS
from installation.contract.document import Contract
from installation.contract.plain_name import PlainNames
from privacy.rights.wording import Wording

MOST_REASONS = 5
"""Measures that an explanation names. The others change the score less than each of these."""
_RAISES, _LOWERS = Wording("raises it", "높임"), Wording("lowers it", "낮춤")


@dataclass(frozen=True)
class ExplainedScore:
    """One score of a customer with the measures that count most for it, the strongest first.

    `value` is a probability, an amount in USD or a category. `fitted_on` and `definition` are of the model's card.
    """

    target: Target
    value: float | str
    definition: str
    fitted_on: str
    reasons: tuple[Contribution, ...]

    @property
    def text(self) -> str:
        """The value as text: `31 %`, `120.50 USD` or the category."""
        return score_text(self.target, self.value)


def explain_scores(
    scores: Mapping[str, Any], measures: pa.Table, models: Mapping[Target, FittedModel]
) -> list[ExplainedScore]:
    """Return an explanation of each score of one customer and day.

    Args:
        scores: the row of gold/customer_score.
        measures: the row of gold/customer_score_input of the same customer and day, as a table.
        models: the models that made the scores.
    """
    found = []
    for target, column in COLUMNS.items():
        if scores.get(column) is None or target not in models:
            continue
        model = models[target]
        reasons = tuple(explain(model, measures))[:MOST_REASONS]
        definition, fitted_on = model.card.definition, model.card.fitted_on.isoformat()
        found.append(ExplainedScore(target, scores[column], definition, fitted_on, reasons))
    return found


def models_of(scores: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> dict[Target, FittedModel]:
    """Return the models that made a row of gold/customer_score, from rows of gold/insight_model."""
    used = read_models(row for row in rows if row["model_id"] in (scores["model_ids"] or ()))
    return {model.card.target: model for model in used}


def score_text(target: Target, value: float | str) -> str:
    """Return a score as text.

    >>> score_text(Target.CHURN, 0.314), score_text(Target.SPEND, 120.5), score_text(Target.NEXT_CATEGORY, "Milk")
    ('31 %', '120.50 USD', 'Milk')
    """
    if isinstance(value, str):
        return value
    return f"{value:,.2f} USD" if target is Target.SPEND else f"{value:.0%}".replace("%", " %")


def reason_text(reason: Contribution, names: PlainNames, contract: Contract) -> Wording:
    """Return a measure and its effect in words: `Days since last order (raises it)`."""
    name = names.column(contract, reason.feature)
    effect = _RAISES if reason.effect > 0 else _LOWERS
    return Wording(f"{name.en} ({effect.en})", f"{name.ko} ({effect.ko})")


def value_text(reason: Contribution, contract: Contract) -> str | None:
    """Return the value of a measure as text, an amount with its currency; None without a value.

    Args:
        reason: the measure; that of a ranking is no column.
        contract: the contract of gold/customer_score_input.
    """
    if reason.value is None:
        return None
    text = f"{reason.value:,.3g}" if abs(reason.value) < 100 else f"{reason.value:,.0f}"
    units = {column.name: column.unit for column in contract.columns}
    unit = units.get(reason.feature)
    # The plain names of measures in days say so.
    return text if unit in (None, "days") else f"{text} {unit}"
