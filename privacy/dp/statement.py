"""Makes the privacy statement of a release. Its items follow the pyramid of NIST SP 800-226 from the top down."""

from __future__ import annotations

from typing import Any

from privacy.dp.mechanism import approximate_epsilon
from privacy.dp.noise_plan import NoisePlan

# The δ at which ρ is converted to ε; below one in a hundred million people.
STATED_DELTA = 1e-9


def describe(plan: NoisePlan) -> dict[str, Any]:
    """Return the privacy statement of a release: its guarantee and limits, one entry for each item of the pyramid."""
    question, cost = plan.question, plan.cost
    return {
        "epsilon": round(approximate_epsilon(question.rho, cost.delta, STATED_DELTA), 4),
        "delta": STATED_DELTA + cost.delta,
        "rho_zcdp": cost.rho,
        "delta_of_keys": cost.delta,
        "unit": f"one {question.unit}: all rows of one customer",
        "neighbouring_relation": "add or remove all rows of one customer",
        "bounds": {
            "rows": plan.bounds.rows,
            "groups": plan.bounds.groups,
            "rows_per_group": plan.bounds.rows_per_group,
        },
        "mechanism": "discrete Gaussian"
        + (", thresholded for keys" if question.is_private else "")
        + " (OpenDP 0.16), on exact whole-number sums",
        "trust_model": "central: the lakehouse's operator sees the data, readers of the release do not",
        "side_channels": "noise is free of floating-point leaks; running time and memory are not hidden from "
        "users who can measure this process, so analysts get answers and no access to it",
        "access": "analysts send questions and get answers; no rows, no exact sums; each release is debited",
        "collection": "by the data set's contract: purposes, legal basis and retention hold before it",
    }
