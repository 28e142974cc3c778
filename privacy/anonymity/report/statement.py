"""Statements that several documents of a report share."""

from __future__ import annotations

from privacy.anonymity.report.release_report import ReleaseReport
from privacy.anonymity.report.section import Statement, percent
from privacy.anonymity.report.wording import measured_text


def residual_risk(report: ReleaseReport) -> Statement:
    """Returns the highest remaining risk beside the declared acceptable one, or a question when none was declared."""
    left = percent(report.after.highest_prosecutor)
    wanted, question = report.context.highest_acceptable_risk, "Is a highest risk of " + left + " acceptable?"
    if wanted is None:
        return Statement("Residual risk", None, question)
    position = "within" if report.is_within_threshold else "ABOVE"
    return Statement(
        "Residual risk", f"{left} at the highest, {position} the {percent(wanted)} that was declared acceptable"
    )


def verification(report: ReleaseReport) -> Statement:
    """Returns the independent verifier's result for each model as a statement."""
    measured = measured_text(report.verdict.measured)
    if report.verdict.is_passed:
        return Statement("Verification", f"Passed by code that shares nothing with the search. Worst class: {measured}")
    broken = len(report.verdict.violations) + len(report.verdict.faults)
    return Statement("Verification", f"REFUSED: {broken} violations and faults. Worst class: {measured}")
