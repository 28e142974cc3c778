"""Compiled loops against what they stand for: the models, a brute force over neighbours, and the state they change."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numba.core.errors import NumbaError, NumbaRuntimeError
from numpy.typing import NDArray

from privacy.anonymity import Spec, anonymize
from privacy.anonymity.kernel.class_growth import keep_satisfied
from privacy.anonymity.kernel.compilation import entry_point
from privacy.anonymity.kernel.neighbour import nearest_tuples
from privacy.anonymity.kernel.problem import Problem
from privacy.anonymity.kernel.random_number import new_random_state
from privacy.anonymity.kernel.refinement import new_schedule, refine
from privacy.anonymity.kernel.resplit import new_scratch
from privacy.anonymity.search import local_recoding as search
from privacy.anonymity.table.frequency_table import FrequencyTable, column_order, tabulate
from tests.privacy.anonymity.kernel_entry import shortfall
from tests.privacy.anonymity.random_release import MODELS, random_table

QUASI: dict[str, dict[str, Any]] = {
    "region": {"role": "quasi"},
    "sex": {"role": "quasi"},
    "age": {"role": "quasi", "is_ordered": True},
}
K = 4


@dataclass(frozen=True)
class Start:
    spec: Spec
    table: FrequencyTable
    problem: Problem
    count: NDArray[np.int64]


def start(seed: int, *models: dict[str, Any], rows: int = 400) -> Start:
    illness = {"role": "sensitive", "hierarchy": {"kind": "automatic", "fan_out": 2}}
    spec = Spec.model_validate(
        {"columns": {**QUASI, "illness": illness}, "models": [{"name": "k_anonymity", "k": K}, *models]}
    )
    table = tabulate(random_table(seed, rows=rows), spec).table
    problem, count = search.make_problem(table, np.arange(len(table.count)), spec)
    return Start(spec, table, problem, count)


def test_an_entry_point_that_allocates_does_not_compile() -> None:
    def sorted_sum(values: NDArray[np.float64]) -> float:
        return float(np.sort(values)[0])

    def plain_sum(values: NDArray[np.float64]) -> float:
        total = 0.0
        for value in values:
            total += value
        return total

    assert entry_point(plain_sum)(np.ones(3)) == 3.0
    with pytest.raises((NumbaError, NumbaRuntimeError), match=r"NRT required|Only accept returning of array passed"):
        entry_point(sorted_sum)(np.ones(3))


@pytest.mark.parametrize("model", [*MODELS, {"name": "t_closeness", "t": 0.2, "distance": "hierarchical"}], ids=str)
def test_the_shortfall_is_zero_exactly_when_the_models_hold(model: dict[str, Any]) -> None:
    given = start(2, {**model, "column": "illness"})
    random = np.random.default_rng(4)
    hists = random.integers(0, 6, (400, len(given.problem.prior)))
    hists = hists[hists.sum(1) > 0]
    people = hists.sum(1)
    holds = people >= K
    for rule in given.spec.models:
        if rule.column:
            holds &= rule.holds(hists, people, given.table.sensitive[0])
    ours = np.array([shortfall(given.problem, hist, n) == 0.0 for hist, n in zip(hists, people, strict=True)])
    assert (ours == holds).all()
    assert 0 < ours.sum() < len(ours)


def farthest(p: Problem, tuples: NDArray[np.int32], limit: int) -> NDArray[np.float64]:
    """(t, limit) distances of the nearest tuples by brute force, in rising order."""
    total = np.zeros((len(tuples), len(tuples)))
    for j in range(tuples.shape[1]):
        loss = p.table[p.table_start[j] : p.table_start[j] + p.size[j] ** 2].reshape(p.size[j], p.size[j])
        total += loss[tuples[:, j][:, None], tuples[:, j]]
    return np.sort(total, 1)[:, :limit]


@pytest.mark.parametrize("limit", [1, 7, 40])
def test_the_nearest_tuples_equal_those_of_a_brute_force(limit: int) -> None:
    given = start(6, rows=300)
    p = given.problem
    tuples = np.ascontiguousarray(p.codes[p.unit_start[:-1]])
    people = np.add.reduceat(given.count, p.unit_start[:-1])
    order = np.array(column_order(given.table.domains), np.int64)
    for wanted in (np.ones(len(tuples), np.bool_), people < K):
        near, floor = nearest_tuples(
            tuples, people, order, p.size, p.table_start, p.table, wanted, limit, K, 0, len(tuples)
        )
        expected = farthest(p, tuples, len(tuples))
        for a in np.flatnonzero(wanted):
            assert len(set(near[a])) == limit
            found = [
                sum(p.table[p.table_start[j] + tuples[a, j] * p.size[j] + tuples[b, j]] for j in range(len(p.size)))
                for b in near[a]
            ]
            assert found == pytest.approx(expected[a, :limit])
            met = np.cumsum(people[near[a]])
            last = int(np.argmax(met >= K)) if met[-1] >= K else limit - 1
            assert floor[a] == pytest.approx(expected[a, last])


@pytest.mark.parametrize("limit", [5, 500])
def test_neighbours_are_sorted_by_loss_then_position_in_any_division_of_the_search(limit: int) -> None:
    given = start(7, rows=300)
    p = given.problem
    tuples = np.ascontiguousarray(p.codes[p.unit_start[:-1]])
    order = np.array(column_order(given.table.domains), np.int64)
    people, wanted, t = np.ones(len(tuples), np.int64), np.ones(len(tuples), np.bool_), len(tuples)
    near, floor = (
        np.concatenate(part)
        for part in zip(
            *(
                nearest_tuples(tuples, people, order, p.size, p.table_start, p.table, wanted, limit, K, low, high)
                for low, high in ((0, 1), (1, t // 3), (t // 3, t))
            ),
            strict=True,
        )
    )
    loss = np.zeros((t, t))
    for j in order:
        pair = p.table[p.table_start[j] : p.table_start[j] + p.size[j] ** 2].reshape(p.size[j], p.size[j])
        loss += pair[tuples[:, j][:, None], tuples[:, j]]
    nearest = np.argsort(loss, axis=1, kind="stable")[:, :limit]
    assert near[:, : min(limit, t)].tolist() == nearest.tolist()
    assert (near[:, t:] == -1).all()
    assert floor.tolist() == loss[np.arange(t), nearest[:, K - 1]].tolist()


@pytest.mark.parametrize("rounds", [1, 6, 300])
@pytest.mark.parametrize("models", [(), ({"name": "t_closeness", "t": 0.3, "column": "illness"},)])
def test_refinement_keeps_records_and_does_not_raise_the_loss(rounds: int, models: tuple[dict[str, Any], ...]) -> None:
    given = start(3, *models)
    p, c = given.problem, search._new(given.problem, given.count)
    keep_satisfied(p, c)
    search._grow(p, c)
    schedule = new_schedule(c, rounds)
    costs = [float(c.cost[0]), *refine(p, c, new_scratch(p), schedule, range(rounds), new_random_state(1))]
    held = np.bincount(c.slot_unit[c.slot_class >= 0], c.slot_count[c.slot_class >= 0], len(given.count))
    assert (held == given.count).all()
    for a in np.flatnonzero(c.rows > 0):
        assert shortfall(p, c.hist[a], c.people[a]) == 0.0
    assert c.cost[0] == pytest.approx(float((c.rows * c.loss).sum()))
    assert costs[-1] == c.cost[0]
    assert costs[-1] <= costs[0]
    if rounds == 300 and not models:
        assert any(later > earlier + 1e-9 for earlier, later in itertools.pairwise(costs)), "never annealed"


def test_more_effort_loses_less() -> None:
    table = random_table(9, rows=1500)
    spec = {"columns": QUASI, "models": [{"name": "k_anonymity", "k": 12}]}
    losses = [anonymize(table, Spec.model_validate({**spec, "effort": effort})).loss for effort in (1, 3)]
    assert losses[1] < losses[0]
