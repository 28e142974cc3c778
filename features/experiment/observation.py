"""Arranges what is known about an experiment for its verdict: samples, draws by day, and faults."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo

import numpy as np

from features.experiment.definition import Experiment
from features.experiment.sample_ratio import Draws
from features.experiment.statistic import Floats
from features.experiment.store import Assigned, Version
from features.experiment.verdict import Sample

Figures = Mapping[tuple[str, str], float]
"""The sum of a customer's outcomes, by customer and metric; one that is missing is 0."""


def samples_of(
    versions: Sequence[Version], taking: Sequence[Assigned], figures: Figures
) -> dict[str, tuple[Sample, Sample]]:
    """Return control and treatment of each treatment of the newest version.

    Both are of the versions that divide them as the newest does: in others their customers came at other times.
    """
    experiment = versions[-1].experiment
    control, *treatments = (one.name for one in experiment.variants)
    pairs = {}
    for treatment in treatments:
        odds = _odds(experiment, control, treatment)
        numbers = {v.number for v in versions if math.isclose(_odds(v.experiment, control, treatment), odds)}
        both = (
            [one for one in taking if one.variant == name and one.number in numbers] for name in (control, treatment)
        )
        first, second = (_sample(experiment, rows, figures) for rows in both)
        pairs[treatment] = (first, second)
    return pairs


def draws_of(versions: Sequence[Version], assignments: Sequence[Assigned], zone: tzinfo, today: date) -> list[Draws]:
    """Return the draws of each day and version, with one of `today`, the day of the look."""
    start = versions[-1].experiment.start
    shares = {v.number: {one.name: one.share for one in v.experiment.variants} for v in versions}
    counts: dict[tuple[int, int], Counter[str]] = {((today - start).days + 1, versions[-1].number): Counter()}
    for one in assignments:
        day = (one.at.astimezone(zone).date() - start).days + 1
        counts.setdefault((day, one.number), Counter())[one.variant] += 1
    return [Draws(day, found, shares[number]) for (day, number), found in counts.items()]


def faults_of(
    versions: Sequence[Version],
    assignments: Sequence[Assigned],
    outcomes: Sequence[tuple[str, str, float, datetime]],
    zone: tzinfo,
) -> list[str]:
    """Return the reasons against any verdict: a plan that was changed, or figures of the time before from later days.

    `outcomes`: customer, metric, sum and last moment, as they were recorded.
    """
    experiment = versions[-1].experiment
    faults = []
    used = versions[min((one.number for one in assignments), default=len(versions)) - 1 :]
    if any(one.experiment.plan != experiment.plan for one in used):
        faults.append("the metric or the plan was changed while customers took part")
    served = {(one.name, one.version) for v in used for one in v.experiment.variants}
    if len({name for name, _ in served}) < len(served):
        faults.append("a variant was given another version while customers took part")
    before = [at for _, metric, _, at in outcomes if metric == experiment.metric.before]
    if any(at.astimezone(zone).date() >= experiment.start for at in before):
        faults.append("overlapping pre-period: figures of the time before are from days of the experiment")
    return faults


def _odds(experiment: Experiment, control: str, treatment: str) -> float:
    """Return the share of the treatment divided by that of the control; 0 if there is one without the other."""
    shares = {one.name: one.share for one in experiment.variants}
    return shares.get(treatment, 0.0) / shares[control] if control in shares else 0.0


def _sample(experiment: Experiment, rows: Sequence[Assigned], figures: Figures) -> Sample:
    def column(metric: str) -> Floats:
        return np.array([figures.get((one.customer_id, metric), 0.0) for one in rows], np.float64)

    return Sample(
        column(experiment.metric.name),
        None if experiment.before is None else column(experiment.before),
        {one.name: column(one.name) for one in experiment.guardrails},
    )
