"""Learning curves: a metric on the held-out rows of each site after some rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from federated.schema import SiteTable
from federated.task import State, Task, round_of
from federated.worth.difference import has_enough
from federated.worth.metric import metrics_of

POINTS = 25


@dataclass(frozen=True)
class CurvePoint:
    """The metric after a round: by site, and the mean over sites."""

    round: int
    mean: float
    sites: Mapping[str, float]


def learning_curve(task: Task, states: Sequence[State], held: Mapping[str, SiteTable]) -> tuple[CurvePoint, ...]:
    """Returns the first metric of the target's kind after up to `POINTS` rounds; sites with too few rows are left out.

    Args:
        task: the model.
        states: state after each round in order.
        held: held-out rows by site.
    """
    usable = {
        name: data
        for name, data in held.items()
        if has_enough(data.target, data.customer, is_binary=data.schema.target.kind == "binary")
    }
    if not usable or not states:
        return ()
    metric = metrics_of(next(iter(usable.values())).schema.target.kind)[0]
    chosen = np.unique(np.linspace(0, len(states) - 1, POINTS).round().astype(int))
    points = []
    for place in chosen.tolist():
        state = states[place]
        values = {
            name: metric.measure(task.predict(state, data.features), data.target)[0] for name, data in usable.items()
        }
        points.append(CurvePoint(round_of(state), float(np.mean(list(values.values()))), values))
    return tuple(points)
