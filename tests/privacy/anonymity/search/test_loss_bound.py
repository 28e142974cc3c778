"""The listed labels cover their tuples and at least k people; their dual is a lower bound of every release's loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from privacy.anonymity import Spec, anonymize
from privacy.anonymity.kernel.dual_price import find_prices
from privacy.anonymity.search import local_recoding as search
from privacy.anonymity.search.loss_bound import list_labels, lower_bound
from privacy.anonymity.table.frequency_table import tabulate
from tests.privacy.anonymity.random_release import random_table
from tests.privacy.anonymity.small_table import SmallTable, random_small_table


def make_spec(k: int = 4) -> Spec:
    tree = {"kind": "automatic", "fan_out": 2}
    columns = {name: {"role": "quasi", "hierarchy": tree} for name in ("region", "sex", "age")}
    return Spec.model_validate({"columns": columns, "models": [{"name": "k_anonymity", "k": k}]})


@pytest.mark.parametrize("seed", [1, 2])
def test_listed_labels_cover_their_units_and_at_least_k_people(seed: int) -> None:
    spec = make_spec()
    table = tabulate(random_table(seed, rows=400), spec).table
    units = np.arange(len(table.count))
    p, count = search.make_problem(table, units, spec)
    labels = list_labels(table, p, count)
    assert len(labels.cost) > 20
    for f in range(len(labels.cost)):
        inside = labels.unit[labels.start[f] : labels.start[f + 1]]
        assert count[inside].sum() >= spec.k
        assert len(set(inside.tolist())) == len(inside)
        loss = 0.0
        for j, domain in enumerate(table.domains):
            codes = table.codes[inside, j]
            loss += float(domain.pair_loss[codes.min(), codes.max()]) * float(table.weights[j])
        assert loss <= labels.cost[f] + 1e-9


def test_prices_bound_the_loss_from_below() -> None:
    spec = make_spec()
    data = random_table(3, rows=400)
    table = tabulate(data, spec).table
    p, count = search.make_problem(table, np.arange(len(table.count)), spec)
    labels = list_labels(table, p, count)
    floor = p.floor[p.tuple_of]
    _, bound = find_prices(labels, count, spec.k, floor, 3 * floor, 50)
    assert floor @ count <= bound + 1e-9
    assert 0 < bound / len(data) <= anonymize(data, spec).loss + 1e-9


SLACK = 1e-7
"""The dual tells equal records apart by 1e-9."""
TABLES = 60


def bound_of(small: SmallTable, folder: Path, steps: int = 1000) -> float:
    spec = small.spec(folder)
    table = tabulate(small.frame(), spec).table
    p, count = search.make_problem(table, np.arange(len(table.count)), spec)
    return lower_bound(table, p, count, steps)


def test_bound_is_the_relaxation_and_never_above_the_least_loss(tmp_path: Path) -> None:
    stronger = 0
    equal_rows = 0
    for seed in range(TABLES):
        small = random_small_table(seed)
        bound, relaxation, optimum = bound_of(small, tmp_path), small.relaxation(), small.optimum()
        assert bound <= optimum + SLACK, seed
        assert bound <= relaxation + SLACK, seed
        assert bound >= 0.99 * relaxation, seed
        assert bound >= small.nearest() - SLACK, seed
        stronger += bound > 1.05 * small.nearest()
        equal_rows += len(set(small.rows)) < len(small.rows)
    assert stronger > TABLES / 2
    assert equal_rows > TABLES / 2


def test_the_bound_after_few_steps_is_not_above_the_relaxation(tmp_path: Path) -> None:
    for seed in range(TABLES):
        small = random_small_table(seed)
        assert bound_of(small, tmp_path, steps=5) <= small.relaxation() + SLACK


def test_a_bound_over_too_few_labels_exceeds_the_least_loss(tmp_path: Path) -> None:
    """Negative control: without the labels between value and top, the dual is above the least possible loss."""
    above = 0
    for seed in range(TABLES):
        small = random_small_table(seed)
        flat = tuple({value: (value, "*") for value in path} for path in small.paths)
        above += bound_of(replace(small, paths=flat), tmp_path) > small.optimum() + SLACK
    assert above > TABLES / 4


def test_search_is_not_below_the_least_loss(tmp_path: Path) -> None:
    missed = 0
    for seed in range(TABLES // 2):
        small = random_small_table(seed, most_rows=10)
        loss = anonymize(small.frame(), small.spec(tmp_path)).loss * len(small.rows)
        assert loss >= small.optimum() - SLACK, seed
        missed += loss > small.optimum() + SLACK
    assert missed <= TABLES // 20


def test_t_closeness_releases_every_record() -> None:
    random = np.random.default_rng(5)
    sex = random.choice(["f", "m"], 1500)
    job = np.where(
        random.random(1500) < 0.6, np.where(sex == "f", "clerk", "smith"), random.choice(list("abcdef"), 1500)
    )
    table = pd.DataFrame({"sex": sex, "age": random.integers(20, 60, 1500), "job": job})
    spec = Spec.model_validate(
        {
            "columns": {
                "sex": {"role": "quasi"},
                "age": {"role": "quasi", "is_ordered": True},
                "job": {"role": "sensitive"},
            },
            "models": [{"name": "k_anonymity", "k": 5}, {"name": "t_closeness", "t": 0.2, "column": "job"}],
            "effort": 4,
        }
    )
    release = anonymize(table, spec)
    assert release.verdict.is_passed
    assert release.suppressed == 0
    assert release.loss < 0.6
