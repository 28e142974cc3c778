"""Statements that several documents of a report share."""

from __future__ import annotations

from privacy.anonymity.report.release_report import ReleaseReport
from privacy.anonymity.report.section import Statement, percent
from privacy.anonymity.report.wording import ALONE, REGISTERED, homogeneity_text, measured_text


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


def homogeneity(report: ReleaseReport) -> list[Statement]:
    """Returns a statement for each sensitive column: what its classes reveal, and what no model was asked to limit."""
    return [Statement(f"Reveals of {one.column}", homogeneity_text(one)) for one in report.homogeneity]


def other_releases(report: ReleaseReport) -> Statement:
    """Returns whether the release may be combined with other releases of the same people."""
    return Statement("Other releases", REGISTERED if report.is_registered else ALONE)


def not_asked(report: ReleaseReport) -> Statement | None:
    """Returns the sensitive columns that no model limits as a statement; None if there is none."""
    names = [one.column for one in report.homogeneity if not one.models]
    if not names:
        return None
    return Statement(
        "Not asked for",
        f"No model limits what a class reveals of {', '.join(names)}. A model such as distinct_l or t_closeness does",
    )


def verification(report: ReleaseReport) -> Statement:
    """Returns the independent verifier's result for each model as a statement."""
    measured = measured_text(report.verdict.measured)
    if report.verdict.is_passed:
        return Statement("Verification", f"Passed by code that shares nothing with the search. Worst class: {measured}")
    broken = len(report.verdict.violations) + len(report.verdict.faults)
    return Statement("Verification", f"REFUSED: {broken} violations and faults. Worst class: {measured}")
