"""Makes the answer from noisy vectors: estimates, explaining sentence and privacy statement."""

from __future__ import annotations

import math
from dataclasses import dataclass

from privacy.dp.answer import Answer, Estimate
from privacy.dp.estimate import Figure, Noisy, agree, mean, plain, quantile, total, variance, z_of
from privacy.dp.fixed_point import FixedPoint
from privacy.dp.noise_plan import NoisePlan
from privacy.dp.statement import describe

Group = tuple[str, ...]


@dataclass(frozen=True)
class NoisyTable:
    """All noisy numbers of a release: groups; vectors by group for each level; quantile bins by group."""

    groups: list[Group]
    levels: list[dict[str, dict[Group, int]]]
    histogram: dict[Group, list[int]]


def render(plan: NoisePlan, noisy: NoisyTable, identity: str, period: str) -> Answer:
    """Return the answer made from the noisy numbers. `identity`: hash of the question."""
    question = plan.question
    estimates = _rollup(plan, noisy) if question.rollup else _flat(plan, noisy)
    if question.top is not None:
        estimates = _top(estimates, question.statistics[0], question.top)
    return Answer(
        question=identity,
        period=period,
        confidence=question.confidence,
        estimates=tuple(estimates),
        sentence=_sentence(plan),
        statement=describe(plan),
    )


def _flat(plan: NoisePlan, noisy: NoisyTable) -> list[Estimate]:
    question, z = plan.question, z_of(plan.question.confidence)
    estimates = []
    vectors = noisy.levels[0]
    scales = {name: plan.vector(name).scale for name in plan.names}
    for group in noisy.groups:
        numbers = {name: Noisy(vectors[name][group], scales[name]) for name in vectors}
        for statistic in question.statistics:
            if statistic != "quantiles":
                figure = _figure(plan, statistic, numbers, z)
                estimates.append(_estimate(plan, group, statistic, figure))
        if question.measure is not None and "quantiles" in question.statistics:
            low, high, counts = question.measure.lower, question.measure.upper, noisy.histogram[group]
            for alpha in question.quantiles:
                figure = quantile(low, high, counts, scales["bins"], alpha, z)
                estimates.append(_estimate(plan, group, f"quantile {alpha:g}", figure))
    return estimates


def _figure(plan: NoisePlan, statistic: str, numbers: dict[str, Noisy], z: float) -> Figure:
    if statistic in ("count", "customers"):
        return plain(numbers["n" if statistic == "count" else "customers"], z)
    assert plan.question.measure is not None
    form = FixedPoint(plan.question.measure)
    if statistic == "variance":
        return variance(form, numbers["n"], numbers["s"], numbers["q"], z)
    return {"sum": total, "mean": mean}[statistic](form, numbers["n"], numbers["s"], z)


def _rollup(plan: NoisePlan, noisy: NoisyTable) -> list[Estimate]:
    z = z_of(plan.question.confidence)
    levels = [{group: float(value) for group, value in level["n"].items()} for level in noisy.levels]
    scales = [plan.vector("n", level).scale for level in plan.levels]
    variances = agree(levels, [scale**2 for scale in scales])
    return [
        _estimate(plan, group, "count", Figure(value, z * math.sqrt(spread[group])))
        for level, spread in zip(levels, variances, strict=True)
        for group, value in level.items()
    ]


def _estimate(plan: NoisePlan, group: Group, statistic: str, figure: Figure) -> Estimate:
    names = [key.column for key in plan.question.group_by]
    named = dict(zip(names, group, strict=False))
    return Estimate(group=named, statistic=statistic, value=figure.value, margin=figure.margin)


def _top(estimates: list[Estimate], statistic: str, most: int) -> list[Estimate]:
    ranked = sorted(
        (e for e in estimates if e.statistic == statistic and e.value is not None),
        key=lambda e: (-(e.value or 0), sorted(e.group.items())),
    )
    place = {tuple(e.group.items()): at for at, e in enumerate(ranked[:most])}
    kept = [e for e in estimates if tuple(e.group.items()) in place]
    return sorted(kept, key=lambda e: place[tuple(e.group.items())])


def _sentence(plan: NoisePlan) -> str:
    question, bounds = plan.question, plan.bounds
    clipped = ""
    if question.measure is not None:
        measure = question.measure
        clipped = f" {measure.column} counts from {measure.lower:g} to {measure.upper:g}."
    found = "" if not question.is_private else " Groups that too few customers share are not shown."
    return (
        f"Random noise hides whether any one customer ({question.unit}) is in the data. In {question.confidence:.0%} "
        "of such releases the exact bounded figure lies within the margin. Bounded means that of each customer at most "
        f"{_many(bounds.rows, 'row')} count, in at most {_many(bounds.groups, 'group')} and at most "
        f"{_many(bounds.rows_per_group, 'row')} in one group; what that leaves out is not in the margin."
        f"{clipped}{found}"
    )


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
