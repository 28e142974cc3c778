"""Optimal global recoding: the same level of each column for the whole table, proved to be the best.

Nodes of the lattice are visited by rising loss of their labels. That loss is a lower bound of the node's cost with
suppression, because a suppressed record costs 1. The search stops when no unvisited node can be better than the best
found.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.anonymity.errors import InfeasibleError, SpecError
from privacy.anonymity.search.allocation import SUPPRESSED, Allocation
from privacy.anonymity.spec.model import DeltaPresence, KMap, PopulationModel
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.frequency_table import FrequencyTable, as_text, missing_columns

Node = tuple[int, ...]


@dataclass(frozen=True)
class _Outcome:
    loss: float
    group: NDArray[np.int64]
    is_good: NDArray[np.bool_]


def recode_globally(table: FrequencyTable, spec: Spec, population: pd.DataFrame | None = None) -> Allocation:
    """Returns the global recoding of least loss that satisfies the models within the suppression limit.

    Columns without a hierarchy are published unchanged or not at all. k-map and delta-presence need `population`: one
    row for each person, with the quasi-identifiers.

    Raises:
        InfeasibleError: no node of the lattice satisfies the models.
        SpecError: a model needs a population, and there is none or it lacks a column.
    """
    people = _population_codes(table, spec, population)
    heights = [len(domain.groups) for domain in table.domains]
    bottom: Node = (0,) * len(heights)
    queue: list[tuple[float, Node]] = [(_bound(table, bottom), bottom)]
    seen = {bottom}
    best: _Outcome | None = None
    chosen = bottom
    while queue and (best is None or queue[0][0] < best.loss - 1e-12):
        _, node = heapq.heappop(queue)
        outcome = _judge(table, spec, node, people)
        if outcome is not None and (best is None or outcome.loss < best.loss - 1e-12):
            best, chosen = outcome, node
        for j, height in enumerate(heights):
            above = (*node[:j], node[j] + 1, *node[j + 1 :])
            if node[j] + 1 < height and above not in seen:
                seen.add(above)
                heapq.heappush(queue, (_bound(table, above), above))
    if best is None:
        raise InfeasibleError(
            f"no global recoding of {table.rows} rows satisfies the models while suppressing at most "
            f"{spec.suppression_limit:.0%}; raise `suppression_limit`, weaken a model, or use algorithm `local`"
        )
    return _allocate(table, chosen, best)


def _bound(table: FrequencyTable, node: Node) -> float:
    """Returns the mean loss of a node's labels without suppression, a lower bound of the node's cost."""
    total = 0.0
    for j, (domain, level) in enumerate(zip(table.domains, node, strict=True)):
        total += table.weights[j] * float(domain.group_loss[level][table.codes[:, j]] @ table.count)
    return total / table.rows


def _keys(table: FrequencyTable, codes: NDArray[np.int32], node: Node) -> NDArray[np.int64]:
    key = np.zeros(len(codes), np.int64)
    for j, (domain, level) in enumerate(zip(table.domains, node, strict=True)):
        key = key * len(domain.values) + domain.groups[level][codes[:, j]]
        if j + 1 < len(node) and key.size and int(key.max()) >= 2**62 // max(len(table.domains[j + 1].values), 1):
            key = np.unique(key, return_inverse=True)[1].ravel()
    return key


def _judge(
    table: FrequencyTable, spec: Spec, node: Node, population: tuple[NDArray[np.int32], NDArray[np.int64]] | None
) -> _Outcome | None:
    """Returns a node's loss after suppressing the classes that break a model; None beyond the suppression limit."""
    codes = table.codes if population is None else np.concatenate([table.codes, population[0]])
    group = np.unique(_keys(table, codes, node), return_inverse=True)[1].ravel()
    groups = int(group.max()) + 1
    outside = group[len(table.codes) :]
    group = group[: len(table.codes)]
    hists, people = table.histograms(group, groups)
    good = np.ones(groups, np.bool_)
    place = {sensitive.column: j for j, sensitive in enumerate(table.sensitive)}
    for model in spec.models:
        if isinstance(model, PopulationModel) and population is not None:
            reach = np.bincount(outside, weights=population[1], minlength=groups)
            if isinstance(model, KMap):
                good &= (people == 0) | (reach >= model.k)
            elif isinstance(model, DeltaPresence):
                share = people / np.maximum(reach, 1)
                good &= (people == 0) & (model.low == 0) | (share >= model.low) & (share <= model.high)
        elif model.column is None:
            good &= model.holds(np.zeros((groups, 0), np.int64), people, None)  # type: ignore[arg-type]
        else:
            j = place[model.column]
            good &= model.holds(hists[j], people, table.sensitive[j])
    kept = good[group]
    dropped = int(table.count[~kept].sum())
    if dropped > spec.suppression_limit * table.rows + 1e-9:
        return None
    loss = float(dropped)
    for j, (domain, level) in enumerate(zip(table.domains, node, strict=True)):
        loss += table.weights[j] * float(domain.group_loss[level][table.codes[kept, j]] @ table.count[kept])
    return _Outcome(loss / table.rows, group, kept)


def _allocate(table: FrequencyTable, node: Node, outcome: _Outcome) -> Allocation:
    _, group = np.unique(outcome.group, return_inverse=True)
    group = group.ravel().astype(np.int64)
    labels = np.empty((int(group.max()) + 1, len(node)), object)
    for j, (domain, level) in enumerate(zip(table.domains, node, strict=True)):
        if domain.hierarchy is not None:
            names = np.array([row[level] for row in domain.hierarchy.rows], object)
        else:
            names = np.array(domain.values if level == 0 else ["*"] * len(domain.values), object)
        labels[group, j] = names[table.codes[:, j]]
    group = np.where(outcome.is_good, group, SUPPRESSED)
    return Allocation(np.arange(len(table.count)), group, table.count, labels)


def _population_codes(
    table: FrequencyTable, spec: Spec, population: pd.DataFrame | None
) -> tuple[NDArray[np.int32], NDArray[np.int64]] | None:
    """Returns the population's tuples of values in the table, with their people; None if no model needs them."""
    if not any(isinstance(model, PopulationModel) for model in spec.models):
        return None
    if population is None:
        raise SpecError("k_map and delta_presence need the population's table; name it with --population-table")
    absent = [domain.column for domain in table.domains if domain.column not in population.columns]
    if absent:
        raise missing_columns(absent, list(population.columns))
    codes = np.empty((len(population), len(table.domains)), np.int64)
    for j, domain in enumerate(table.domains):
        lookup = {value: code for code, value in enumerate(domain.values)}
        codes[:, j] = as_text(population[domain.column]).map(lookup).fillna(-1).astype(np.int64)
    codes = codes[(codes >= 0).all(1)]
    if not len(codes):
        raise InfeasibleError("no person of the population has values of the table; check --population-table")
    distinct, count = np.unique(codes, axis=0, return_counts=True)
    return distinct.astype(np.int32), count.astype(np.int64)
