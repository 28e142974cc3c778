"""Computes the cost and the expected error of a question without reading any row."""

from __future__ import annotations

from typing import Any

from privacy.dp.estimate import z_of
from privacy.dp.fixed_point import FixedPoint
from privacy.dp.noise_plan import NoisePlan

# Rows of the example group whose mean's margin is shown.
EXAMPLE_ROWS = 1000


def preview(plan: NoisePlan) -> dict[str, Any]:
    """Return rho, delta, confidence, and the margin of each statistic in units of the data. Spends no budget."""
    question, z = plan.question, z_of(plan.question.confidence)
    margins: dict[str, float] = {}
    for name in plan.names:
        unit = 1.0
        if name == "s" and question.measure is not None:
            unit = FixedPoint(question.measure).resolution
        if name == "q" and question.measure is not None:
            form = FixedPoint(question.measure)
            unit = form.square_step * form.resolution**2
        labels = {"n": "count", "s": "sum from the centre", "q": "sum of squares", "bins": "count of a bin"}
        margins[labels.get(name, name)] = z * plan.vector(name).scale * unit
    if "mean" in question.statistics and question.measure is not None:
        steps = plan.vector("s").scale * FixedPoint(question.measure).resolution
        margins[f"mean of {EXAMPLE_ROWS} rows"] = z * steps / EXAMPLE_ROWS
    return {
        "rho": plan.cost.rho,
        "delta": plan.cost.delta,
        "confidence": question.confidence,
        "margins": margins,
    }
