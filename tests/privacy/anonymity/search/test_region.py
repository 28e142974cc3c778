"""Every class is in one region, refinement keeps every record, and the number of threads changes no result."""

from __future__ import annotations

import numpy as np
import pytest

from privacy.anonymity import Spec
from privacy.anonymity.kernel.class_growth import keep_satisfied
from privacy.anonymity.kernel.class_state import Classes
from privacy.anonymity.kernel.problem import Problem
from privacy.anonymity.kernel.refinement import new_schedule
from privacy.anonymity.search import local_recoding as search
from privacy.anonymity.search import region
from privacy.anonymity.search.region import Slots, cut_classes, extract, refine_in_regions, slots_of
from privacy.anonymity.table.frequency_table import tabulate
from tests.privacy.anonymity.kernel_entry import shortfall
from tests.privacy.anonymity.random_release import random_table

K = 4
COLUMNS = {"region": {"role": "quasi"}, "sex": {"role": "quasi"}, "age": {"role": "quasi", "is_ordered": True}}


@pytest.fixture
def many_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(region, "REGION_SLOTS", 20)


@pytest.fixture
def grown() -> tuple[Problem, np.ndarray, Classes]:
    spec = Spec.model_validate({"columns": COLUMNS, "models": [{"name": "k_anonymity", "k": K}]})
    table = tabulate(random_table(3, rows=900), spec).table
    p, count = search.make_problem(table, np.arange(len(table.count)), spec)
    classes = search._new(p, count)
    keep_satisfied(p, classes)
    search._grow(p, classes)
    return p, count, classes


def records(slots: Slots, units: int) -> np.ndarray:
    return np.bincount(slots.unit, slots.count, units)


@pytest.mark.usefixtures("many_regions")
def test_every_class_is_in_exactly_one_region(grown: tuple[Problem, np.ndarray, Classes]) -> None:
    p, count, classes = grown
    slots = slots_of(classes)
    parts = cut_classes(p, slots, np.random.default_rng(1))
    assert len(parts) > 3
    assert sum(records(part, len(count)) for part in parts).tolist() == count.tolist()
    whole = [set(part.group.tolist()) for part in parts]
    assert sum(map(len, whole)) == len(set.union(*whole)) == slots.group.max() + 1
    other = cut_classes(p, slots, np.random.default_rng(2))
    assert [set(part.group.tolist()) for part in other] != whole


@pytest.mark.usefixtures("many_regions")
def test_refinement_in_regions_keeps_every_record_and_the_models(grown: tuple[Problem, np.ndarray, Classes]) -> None:
    p, count, classes = grown
    found = refine_in_regions(p, slots_of(classes), new_schedule(classes, 40), 1, 2)
    assert records(found, len(count)).tolist() == count.tolist()
    _, after = extract(p, np.arange(len(count)), found)
    used = np.flatnonzero(after.rows > 0)
    assert all(shortfall(p, after.hist[a], after.people[a]) == 0.0 for a in used)
    assert after.cost[0] < classes.cost[0]


@pytest.mark.parametrize("block_tuples", [1000, 20_000])
@pytest.mark.parametrize("models", [(), ({"name": "distinct_l", "l": 2, "column": "illness"},)])
@pytest.mark.usefixtures("many_regions")
def test_the_number_of_threads_changes_nothing(models: tuple[dict[str, object], ...], block_tuples: int) -> None:
    columns = {**COLUMNS, "illness": {"role": "sensitive"}}
    rules = [{"name": "k_anonymity", "k": K}, *models]
    spec = Spec.model_validate({"columns": columns, "models": rules, "effort": 1, "block_tuples": block_tuples})
    data = random_table(5, rows=3000)
    data["age"] = np.random.default_rng(5).integers(0, 900, len(data))
    table = tabulate(data, spec).table
    found = [search.recode_locally(table, spec, threads) for threads in (1, 2, 5)]
    for other in found[1:]:
        assert other.unit.tobytes() == found[0].unit.tobytes()
        assert other.group.tobytes() == found[0].group.tobytes()
        assert other.count.tobytes() == found[0].count.tobytes()
        assert other.labels.tolist() == found[0].labels.tolist()
    different = search.recode_locally(table, spec.model_copy(update={"seed": 1}), 2)
    assert different.group.tobytes() != found[0].group.tobytes()
