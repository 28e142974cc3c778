"""The pool holds labels that cover their units and enough people; its prices bound every release from below."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from privacy.anonymity import Spec, anonymize
from privacy.anonymity import local_recoding as search
from privacy.anonymity.candidate import make_pool
from privacy.anonymity.kernel.classes import new_classes
from privacy.anonymity.kernel.price import find_prices
from privacy.anonymity.table import tabulate
from tests.privacy.anonymity.random_release import random_table


def make_spec(k: int = 4) -> Spec:
    tree = {"kind": "automatic", "fan_out": 2}
    columns = {name: {"role": "quasi", "hierarchy": tree} for name in ("region", "sex", "age")}
    return Spec.model_validate({"columns": columns, "models": [{"name": "k_anonymity", "k": k}]})


@pytest.mark.parametrize("seed", [1, 2])
def test_labels_cover_their_units_and_enough_people(seed: int) -> None:
    spec = make_spec()
    table = tabulate(random_table(seed, rows=400), spec).table
    units = np.arange(len(table.count))
    p, count = search.make_problem(table, units, spec)
    none = new_classes(p, count, 16, 16)
    pool, _ = make_pool(table, p, none, count, count >= spec.k)
    assert len(pool.cost) > 20
    for f in range(len(pool.cost)):
        inside = pool.unit[pool.start[f] : pool.start[f + 1]]
        assert count[inside].sum() >= spec.k
        assert len(set(inside.tolist())) == len(inside)
        loss = 0.0
        for j, domain in enumerate(table.domains):
            codes = table.codes[inside, j]
            loss += float(domain.pair_loss[codes.min(), codes.max()]) * float(table.weights[j])
        assert loss <= pool.cost[f] + 1e-9


def test_prices_bound_the_loss_from_below() -> None:
    spec = make_spec()
    data = random_table(3, rows=400)
    table = tabulate(data, spec).table
    p, count = search.make_problem(table, np.arange(len(table.count)), spec)
    none = new_classes(p, count, 16, 16)
    pool, _ = make_pool(table, p, none, count, count >= spec.k)
    floor = p.floor[p.tuple_of]
    _, bound = find_prices(pool, count, spec.k, floor, 3 * floor, 50)
    assert floor @ count <= bound + 1e-9
    assert 0 < bound / len(data) <= anonymize(data, spec).loss + 1e-9


def test_records_are_published_where_shares_must_match() -> None:
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
        }
    )
    release = anonymize(table, spec)
    assert release.verdict.is_passed
    assert release.suppressed == 0
    assert release.loss < 0.6
