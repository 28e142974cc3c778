"""What a question would cost and how far off it would be, told without reading a row."""

from __future__ import annotations

from typing import Any

from privacy.dp.estimate import z_of
from privacy.dp.fixed_point import FixedPoint
from privacy.dp.noise_plan import NoisePlan

# A group that many rows of which count, to tell the error of its mean.
EXAMPLE_ROWS = 1000


def preview(plan: NoisePlan) -> dict[str, Any]:
    """Cost, and the margin of each noisy vector in the units of the data. Costs no budget."""
    question, z = plan.question, z_of(plan.question.confidence)
    margins: dict[str, float] = {}
    for name in plan.names:
        unit = 1.0
        if name == "s" and question.measure is not None:
            unit = FixedPoint(question.measure).resolution
        if name == "q" and question.measure is not None:
            form = FixedPoint(question.measure)
            unit = form.square_step * form.resolution**2
        told = {"n": "count", "s": "sum from the centre", "q": "sum of squares", "bins": "count of a bin"}
        margins[told.get(name, name)] = z * plan.vector(name).scale * unit
    if "mean" in question.statistics and question.measure is not None:
        steps = plan.vector("s").scale * FixedPoint(question.measure).resolution
        margins[f"mean of {EXAMPLE_ROWS} rows"] = z * steps / EXAMPLE_ROWS
    return {
        "rho": plan.cost.rho,
        "delta": plan.cost.delta,
        "confidence": question.confidence,
        "margins": margins,
    }
