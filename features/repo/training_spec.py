"""The declaration of a labelled training set: which features, which outcome, which customers and moments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

_REFERENCE = r"^[a-z][a-z0-9_]*:[a-z][a-z0-9_]*$"


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Outcome(_Declared):
    """What is predicted: whether a date of the customer moves on within some months after the day of the features.

    Example: `customer_purchase_window:last_order_on` with 3 months. A row of 31 March gets the target 1 if the feature
    of 30 June is later than 31 March: there was an order. With `happens: false` that row gets 0, and a customer without
    an order gets 1 (churn).
    """

    feature: str = Field(pattern=_REFERENCE)
    """A date feature of a view with one row a day, `view:feature`."""
    within_months: int = Field(ge=1, le=24)
    happens: bool = True


class Eligibility(_Declared):
    """A condition on a feature at the day of the features: only customers at or above the value are in the set."""

    feature: str = Field(pattern=_REFERENCE)
    at_least: float


class ColumnRule(_Declared):
    """Public bounds of a feature where those of its contract are too wide, and its scale.

    `scale: log` takes log(1 + value - lower), which suits amounts and counts with few large values.
    """

    lower: float | None = None
    upper: float | None = None
    scale: Literal["linear", "log"] = "linear"


class TrainingSpec(_Declared):
    """A labelled training set.

    `moments` is the largest number of month ends whose rows are used for training. The newest month end whose outcome
    is known is kept for the test; the outcomes of the training rows were known by then.
    """

    service: str
    """Feature service that names the features."""
    outcome: Outcome
    only: tuple[Eligibility, ...] = ()
    moments: int = Field(default=12, ge=1, le=120)
    columns: Mapping[str, ColumnRule] = Field(default_factory=dict)
    """Rules by the name of a feature, or by `view:feature`."""
    rows_max: int = Field(default=1_000_000, ge=1)
    """Most rows of one site: public, so that it bounds what a sum can reveal."""

    @property
    def others(self) -> tuple[str, ...]:
        """Features that the set reads for outcome and eligibility."""
        return (self.outcome.feature, *(one.feature for one in self.only))
