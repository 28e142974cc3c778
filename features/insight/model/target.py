"""What the models predict: the label column, its definition in words, and the kind of prediction."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Target(StrEnum):
    """A thing to predict; each has one model."""

    CHURN = "churn"
    SPEND = "spend"
    BUYS_SOON = "buys_soon"
    PREMIUM = "premium"
    NEW_CATEGORY = "new_category"
    NEXT_CATEGORY = "next_category"


class Kind(StrEnum):
    """Kind of a prediction."""

    PROBABILITY = "probability"
    AMOUNT = "amount"
    """An amount of money, fitted on its square root, so that few large customers do not decide the fit."""
    RANKING = "ranking"
    """The best of the customer's own categories."""


RECENCY_FREQUENCY = ("days_since_last_order", "order_count_90d")
RECENCY_FREQUENCY_VALUE = (*RECENCY_FREQUENCY, "sales_value_90d")


@dataclass(frozen=True)
class TargetSpec:
    """How a target is fitted.

    Attributes:
        label: column of gold/customer_score_input with the truth; null while it is unknown.
        definition: meaning in words; `{days}` stands for the horizon.
        kind: kind of the prediction.
        baseline: measures of the naive model that the card compares with; a ranking's is the most frequent category.
        horizon_days: days until the label is known; None means the horizon of the contract.
        only_where_false: column of which only rows with false are fitted and scored.
    """

    label: str
    definition: str
    kind: Kind = Kind.PROBABILITY
    baseline: tuple[str, ...] = RECENCY_FREQUENCY
    horizon_days: int | None = None
    only_where_false: str | None = None


TARGETS = MappingProxyType({
    Target.CHURN: TargetSpec("churned", "The customer has no basket in the next {days} days"),
    Target.SPEND: TargetSpec(
        "spend_next", "Amount that the customer pays in the next {days} days", Kind.AMOUNT, RECENCY_FREQUENCY_VALUE
    ),
    Target.BUYS_SOON: TargetSpec("buys_next_week", "The customer has a basket in the next {days} days", horizon_days=7),
    Target.PREMIUM: TargetSpec(
        "is_premium_next",
        "A customer who is not premium joins, in the next {days} days, the third with most premium goods",
        only_where_false="is_premium",
    ),
    Target.NEW_CATEGORY: TargetSpec(
        "tries_new_category",
        "The customer buys a category, unused for 90 days, on at least 3 of the next {days} days",
    ),
    Target.NEXT_CATEGORY: TargetSpec(
        "next_categories",
        "A category of the customer's next basket, if there is one in the next {days} days",
        Kind.RANKING,
    ),
})  # fmt: skip
