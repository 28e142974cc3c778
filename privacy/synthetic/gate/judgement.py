"""Judges synthetic rows: all checks of the gate in one call."""

from __future__ import annotations

from collections.abc import Sequence

from privacy.synthetic.evaluation.report import Report
from privacy.synthetic.gate.fit_check import FitEvidence, check_fit
from privacy.synthetic.gate.rows_check import LEAST_HOLDOUT, check_rows
from privacy.synthetic.verdict import Check, Gate


def judge_release(
    report: Report, evidence: FitEvidence, further: Sequence[Check] = (), least_holdout: int = LEAST_HOLDOUT
) -> Gate:
    """Return the verdict on rows that are to be published: attacks, debit, noise, domain, and what the caller checked.

    `further` holds checks of the caller, such as `check_origin` and constraints.
    """
    return Gate((*check_fit(evidence), *check_rows(report, least_holdout), *further))


def judge_rows(report: Report, least_holdout: int = LEAST_HOLDOUT) -> Gate:
    """Return the verdict on rows of an unknown generator: attacks only. It proves no budget and no domain."""
    return Gate(tuple(check_rows(report, least_holdout)))
