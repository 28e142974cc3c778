"""Measures what each site adds to the model of the others: leave-one-out and Shapley values.

Both compare models that were trained with and without a site. The two sums differ by the site's own values, so the
server of a masked run must not compute them: the comparison would undo the masks. They are for sites of one
installation, for unmasked runs among sites that agree to it, and for runs with noise whose ledger pays for each
training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import comb

import numpy as np

from federated.pooled import ROUNDS_MAX, train
from federated.schema import SiteTable
from federated.task import Task
from federated.worth.difference import has_enough
from federated.worth.metric import metrics_of

Value = Callable[[frozenset[str]], float]
"""Value of the model trained by a group of sites; greater is better."""
EXACT_SITES = 6
"""Up to so many sites all groups are trained (64); beyond, orders of joining are sampled."""


@dataclass(frozen=True)
class Contribution:
    """What a site adds.

    Attributes:
        site: name of the site.
        value: mean change of the metric when the site joins.
        error: standard error of a sampled value; 0 for an exact one.
    """

    site: str
    value: float
    error: float = 0.0


def training_value(
    task: Task, fit: Mapping[str, SiteTable], held: Mapping[str, SiteTable], rounds_max: int = ROUNDS_MAX
) -> Value:
    """Returns the function from a group of sites to the mean metric of its model over the held-out rows of all sites.

    The group of no sites predicts the middle of the target's bounds. A metric for which less is better counts negative.
    """
    usable = {
        name: data
        for name, data in held.items()
        if has_enough(data.target, data.customer, is_binary=data.schema.target.kind == "binary")
    }

    @cache
    def value(group: frozenset[str]) -> float:
        target = next(iter(fit.values())).schema.target
        metric, middle = metrics_of(target.kind)[0], (target.lower + target.upper) / 2
        state = train(task, [fit[name] for name in sorted(group)], rounds_max=rounds_max) if group else None
        values = [
            metric.measure(
                np.full(len(data), middle) if state is None else task.predict(state, data.features), data.target
            )[0]
            for data in usable.values()
        ]
        return float(np.mean(values)) * (1 if metric.is_gain else -1)

    return value


def leave_one_out(sites: Sequence[str], value: Value) -> tuple[Contribution, ...]:
    """Returns for each site how much the metric falls when it leaves. It takes one training a site."""
    everyone = frozenset(sites)
    return tuple(Contribution(site, value(everyone) - value(everyone - {site})) for site in sites)


def shapley(sites: Sequence[str], value: Value, orders: int = 50, seed: int = 0) -> tuple[Contribution, ...]:
    """Returns the Shapley value of each site: its mean addition over all orders in which the sites may join.

    The values add up to value(all) - value(none). Up to `EXACT_SITES` sites they are exact, beyond that a mean over
    random orders, each also taken backwards (Mitchell et al. 2022).
    """
    if len(sites) <= EXACT_SITES:
        return tuple(Contribution(site, _exact(site, sites, value)) for site in sites)
    source = np.random.Generator(np.random.PCG64(seed))
    added: dict[str, list[float]] = {site: [] for site in sites}
    for _ in range(max(2, orders // 2)):
        order = [sites[place] for place in source.permutation(len(sites))]
        pair = [_additions(order, value), _additions(order[::-1], value)]
        for site in sites:
            added[site].append((pair[0][site] + pair[1][site]) / 2)
    return tuple(
        Contribution(site, float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values))))
        for site, values in added.items()
    )


def _exact(site: str, sites: Sequence[str], value: Value) -> float:
    others = [other for other in sites if other != site]
    total = 0.0
    for size in range(len(others) + 1):
        weight = 1.0 / (len(sites) * comb(len(others), size))
        for group in map(frozenset, combinations(others, size)):
            total += weight * (value(group | {site}) - value(group))
    return total


def _additions(order: Sequence[str], value: Value) -> dict[str, float]:
    group: frozenset[str] = frozenset()
    found = {}
    for site in order:
        found[site] = value(group | {site}) - value(group)
        group = group | {site}
    return found
