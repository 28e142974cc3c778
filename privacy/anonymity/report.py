"""The report of a release: HTML and JSON whose sections follow ISO/IEC 27559:2022 and the Korean guideline's steps.

See `report_iso` and `report_korean` for the sections. What was measured is stated; what only people can decide is
answered by the specification's `context`, or listed as open. The same release gives the same bytes: no clock is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from privacy.anonymity.attack import AttackRisk
from privacy.anonymity.context import Context
from privacy.anonymity.prediction import Prediction
from privacy.anonymity.report_section import Section, Statement, percent
from privacy.anonymity.risk import Risk
from privacy.anonymity.spec import Spec
from privacy.anonymity.treatment import tell_measured
from privacy.anonymity.utility import Utility
from privacy.anonymity.verify import Verdict


@dataclass(frozen=True)
class ColumnFact:
    """What became of a released column; losses and shares are over the released rows."""

    role: str
    values_before: int
    values_after: int
    generalised: float
    """Share of cells whose label covers more than the value."""
    loss: float
    """Mean share of the column's other values that a label covers."""
    rare_values: int
    """Values that fewer people than k have."""


@dataclass(frozen=True)
class Report:
    """Everything a reader needs to judge a release."""

    title: str
    spec: Spec
    context: Context
    verdict: Verdict
    before: Risk
    after: Risk
    utility: Utility
    suppressed: int
    input_columns: int = 0
    most_rows_of_a_person: int = 1
    repeating_identifiers: Sequence[str] = ()
    """Columns declared identifying whose values repeat, where no column tells people apart."""
    columns: Mapping[str, ColumnFact] = field(default_factory=dict)
    attacks: Sequence[AttackRisk] = ()
    class_sizes: Sequence[int] = ()
    prediction: Prediction | None = None

    @property
    def is_within_threshold(self) -> bool | None:
        """Whether the highest risk is at most the one that was declared acceptable; None without one."""
        threshold = self.context.highest_acceptable_risk
        return None if threshold is None else self.after.highest_prosecutor <= threshold + 1e-12

    def sections(self) -> dict[str, tuple[Section, ...]]:
        """The sections of each document that the report follows."""
        from privacy.anonymity.report_iso import iso_sections
        from privacy.anonymity.report_korean import korean_sections

        return {"iso_27559": iso_sections(self), "korean_guideline": korean_sections(self)}

    def open_questions(self) -> list[str]:
        """What somebody must still decide, each question once."""
        found = [
            s.question
            for part in self.sections().values()
            for section in part
            for s in section.statements
            if s.value is None
        ]
        return list(dict.fromkeys(found))

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "title": self.title,
            "is_verified": self.verdict.is_passed,
            "is_within_threshold": self.is_within_threshold,
            "open_questions": self.open_questions(),
            "figures": {
                "classes": self.verdict.classes,
                "suppressed": self.suppressed,
                "measured": dict(self.verdict.measured),
                "risk": {"before": asdict(self.before), "after": asdict(self.after)},
                "attacks": [asdict(attack) for attack in self.attacks],
                "utility": asdict(self.utility),
                "model_trained_on_the_release": asdict(self.prediction) if self.prediction else None,
                "columns": {name: asdict(fact) for name, fact in self.columns.items()},
            },
            **{name: {s.key: s.as_dict() for s in found} for name, found in self.sections().items()},
            "specification": self.spec.model_dump(mode="json", exclude={"context"}),
        }

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2, default=str)

    def to_html(self) -> str:
        """The report as one HTML file without outside references."""
        from privacy.anonymity.report_html import render

        return render(self)


def residual_risk(report: Report) -> Statement:
    """The highest risk that is left beside the one that was declared acceptable."""
    left = percent(report.after.highest_prosecutor)
    wanted, question = report.context.highest_acceptable_risk, "Is a highest risk of " + left + " acceptable?"
    if wanted is None:
        return Statement("Residual risk", None, question)
    told = "within" if report.is_within_threshold else "ABOVE"
    return Statement(
        "Residual risk", f"{left} at the highest, {told} the {percent(wanted)} that was declared acceptable"
    )


def verification(report: Report) -> Statement:
    """What the independent verifier found, model by model."""
    measured = tell_measured(report.verdict.measured)
    if report.verdict.is_passed:
        return Statement("Verification", f"Passed by code that shares nothing with the search. Worst class: {measured}")
    broken = len(report.verdict.violations) + len(report.verdict.faults)
    return Statement("Verification", f"REFUSED: {broken} violations and faults. Worst class: {measured}")
