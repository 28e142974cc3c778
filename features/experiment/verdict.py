"""Judges an experiment: better, worse, undecided or no verdict, with the reason.

No verdict means that the data cannot be trusted whatever they say; undecided, that they do not suffice yet.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from features.experiment.definition import Experiment
from features.experiment.sample_ratio import Draws, sample_ratio_fault
from features.experiment.statistic import (
    Difference,
    Floats,
    adjust_by_before,
    difference,
    obrien_fleming,
    sequence_radius,
)


class Answer(StrEnum):
    """What an experiment says about one treatment."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"
    NO_VERDICT = "no verdict"


@dataclass(frozen=True)
class Sample:
    """The figures of the customers of one variant, in one order. `before`: None without figures of that time."""

    values: Floats
    before: Floats | None
    guardrails: Mapping[str, Floats]


@dataclass(frozen=True)
class Observed:
    """What a look sees.

    Attributes:
        samples: sample of each pair's control and treatment, by treatment.
        draws: the customers assigned, by day and version of the experiment.
        faults: reasons against any verdict that the caller found.
        day: the day of the look.
    """

    samples: Mapping[str, tuple[Sample, Sample]]
    draws: Sequence[Draws]
    faults: Sequence[str]
    day: date


@dataclass(frozen=True)
class GuardrailResult:
    """The increase of a guardrail's mean with its interval.

    `is_broken`: the whole interval is above the limit. `is_known`: the figures differ; without any, nothing is known.
    """

    name: str
    increase: float
    low: float
    high: float
    is_broken: bool
    is_known: bool


@dataclass(frozen=True)
class Verdict:
    """The answer about one treatment against the control.

    Attributes:
        treatment: name of the variant.
        answer: see `Answer`.
        reason: why; names no customer.
        customers: customers of control and treatment.
        estimate, low, high: difference of the means with its interval; None where nothing may be told.
        control_mean: mean of the control; None where nothing may be told.
        variance_removed: share of the variance that CUPED removed; None without it.
        guardrails: each guardrail.
    """

    treatment: str
    answer: Answer
    reason: str
    customers: tuple[int, int]
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    control_mean: float | None = None
    variance_removed: float | None = None
    guardrails: tuple[GuardrailResult, ...] = ()

    @property
    def must_stop(self) -> bool:
        """Whether a guardrail is broken."""
        return any(one.is_broken for one in self.guardrails)


def judge(experiment: Experiment, observed: Observed) -> tuple[Verdict, ...]:
    """Return the verdict about each treatment.

    Several treatments share alpha equally (Bonferroni). A guardrail is tested with the confidence sequence, one-sided
    at the same level.
    """
    faults = [*observed.faults, *filter(None, [sample_ratio_fault(observed.draws, experiment.days)])]
    alpha = experiment.alpha / len(observed.samples)
    return tuple(
        _judge_one(experiment, name, pair, alpha, observed.day, faults) for name, pair in observed.samples.items()
    )


def _judge_one(
    experiment: Experiment, name: str, pair: tuple[Sample, Sample], alpha: float, day: date, faults: Sequence[str]
) -> Verdict:
    control, treatment = pair
    sizes = (len(control.values), len(treatment.values))
    if faults:
        return Verdict(name, Answer.NO_VERDICT, "; ".join(faults), sizes)
    if min(sizes) < experiment.least_customers:
        reason = f"too few customers: {min(sizes):,} in a variant, at least {experiment.least_customers:,} are needed"
        return Verdict(name, Answer.UNDECIDED, reason, sizes)
    values = np.concatenate([control.values, treatment.values])
    removed = None
    if control.before is not None and treatment.before is not None:
        adjusted = adjust_by_before(values, np.concatenate([control.before, treatment.before]))
        removed = 1 - float(adjusted.var() / values.var()) if values.var() > 0 else 0.0
        values = adjusted
    found = difference(values[: sizes[0]], values[sizes[0] :])
    if found.error == 0:
        return Verdict(name, Answer.UNDECIDED, "no figures yet, or all are equal", sizes)
    radius = _radius(experiment, found, alpha, day)
    low, high = found.estimate - radius, found.estimate + radius
    guardrails = tuple(
        _guardrail(experiment, one.name, one.most_increase, pair, alpha) for one in experiment.guardrails
    )
    answer, reason = _answer(low, high, guardrails)
    mean = float(control.values.mean())
    return Verdict(name, answer, reason, sizes, found.estimate, low, high, mean, removed, guardrails)


def _answer(low: float, high: float, guardrails: Sequence[GuardrailResult]) -> tuple[Answer, str]:
    broken = [one.name for one in guardrails if one.is_broken]
    if broken:
        return Answer.WORSE, f"guardrail broken: {', '.join(broken)}"
    if low > 0:
        return Answer.BETTER, "the whole interval is above 0"
    if high < 0:
        return Answer.WORSE, "the whole interval is below 0"
    return Answer.UNDECIDED, "the interval contains 0"


def _radius(experiment: Experiment, found: Difference, alpha: float, day: date) -> float:
    """Return the half-width of the interval on a day; infinite for O'Brien-Fleming outside of the planned days."""
    if experiment.method == "sequence":
        return sequence_radius(found, alpha, experiment.planned_customers)
    look = (day - experiment.start).days + 1
    if not 1 <= look <= experiment.days:
        return math.inf
    return found.error * obrien_fleming(experiment.days, alpha)[look - 1]


def _guardrail(
    experiment: Experiment, name: str, limit: float, pair: tuple[Sample, Sample], alpha: float
) -> GuardrailResult:
    found = difference(pair[0].guardrails[name], pair[1].guardrails[name])
    # One-sided: twice the level on two sides.
    radius = sequence_radius(found, 2 * alpha, experiment.planned_customers)
    low, high = found.estimate - radius, found.estimate + radius
    is_known = found.error > 0
    return GuardrailResult(name, found.estimate, low, high, is_known and low > limit, is_known)
