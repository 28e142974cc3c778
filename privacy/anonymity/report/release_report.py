"""The report of a release as plain data. `document` renders it as sections and JSON, `html_page` as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from privacy.anonymity.risk.attack import AttackRisk
from privacy.anonymity.risk.homogeneity import Homogeneity
from privacy.anonymity.risk.prediction import Prediction
from privacy.anonymity.risk.reidentification_risk import Risk
from privacy.anonymity.risk.utility import Utility
from privacy.anonymity.spec.release_context import Context
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.verify.verification import Verdict


@dataclass(frozen=True)
class ColumnFact:
    """Figures of one released column: treatment, loss and shares, over the released rows."""

    role: str
    values_before: int
    values_after: int
    generalised: float
    """Share of cells whose label covers more than one value."""
    loss: float
    """Mean share of the column's other values that a label covers."""
    rare_values: int
    """Values that fewer than k people have."""


@dataclass(frozen=True)
class ReleaseReport:
    """All measurements of a release, and its specification."""

    title: str
    spec: Spec
    context: Context
    verdict: Verdict
    before: Risk
    after: Risk
    utility: Utility
    suppressed: int
    is_registered: bool = False
    """Whether the release was made through the registry, so that it can be combined with earlier ones."""
    input_columns: int = 0
    most_rows_of_a_person: int = 1
    repeating_identifiers: Sequence[str] = ()
    """Identifying columns whose values repeat, where the specification names no person column."""
    columns: Mapping[str, ColumnFact] = field(default_factory=dict)
    attacks: Sequence[AttackRisk] = ()
    class_sizes: Sequence[int] = ()
    homogeneity: Sequence[Homogeneity] = ()
    prediction: Prediction | None = None

    @property
    def is_within_threshold(self) -> bool | None:
        """Whether the highest risk is at most the declared acceptable risk; None when none was declared."""
        threshold = self.context.highest_acceptable_risk
        return None if threshold is None else self.after.highest_prosecutor <= threshold + 1e-12
