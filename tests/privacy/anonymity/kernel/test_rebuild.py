"""Classes keep what makes a leaving record cheap to price; a rebuild loses nobody and can be taken back."""

from __future__ import annotations

import numpy as np
import pytest

from privacy.anonymity import Spec
from privacy.anonymity.kernel.class_growth import keep_satisfied
from privacy.anonymity.kernel.class_state import EMPTY, Classes
from privacy.anonymity.kernel.problem import INTERVAL, Problem
from privacy.anonymity.kernel.random_number import new_random_state
from privacy.anonymity.search import local_recoding as search
from privacy.anonymity.table.frequency_table import tabulate
from tests.privacy.anonymity.kernel_entry import loss_without, rebuild
from tests.privacy.anonymity.random_release import random_table

K = 4


@pytest.fixture
def grown() -> tuple[Problem, np.ndarray, Classes]:
    columns = {"region": {"role": "quasi"}, "age": {"role": "quasi", "is_ordered": True}}
    spec = Spec.model_validate({"columns": columns, "models": [{"name": "k_anonymity", "k": K}]})
    table = tabulate(random_table(3, rows=400), spec).table
    p, count = search.make_problem(table, np.arange(len(table.count)), spec)
    classes = search._new(p, count)
    keep_satisfied(p, classes)
    search._grow(p, classes)
    return p, count, classes


def members(c: Classes, a: int) -> list[int]:
    return [int(c.slot_unit[s]) for s in np.flatnonzero(c.slot_class == a)]


def loss_of(p: Problem, units: list[int]) -> float:
    total = 0.0
    for j in range(len(p.kind)):
        codes = [int(p.codes[u, j]) for u in units]
        if p.kind[j] == INTERVAL:
            total += p.table[p.table_start[j] + min(codes) * p.size[j] + max(codes)]
        else:
            total += p.set_step[j] * (len(set(codes)) - 1)
    return total


def contents(c: Classes) -> dict[frozenset[tuple[int, int]], int]:
    found: dict[frozenset[tuple[int, int]], int] = {}
    for a in np.flatnonzero(c.rows > 0):
        slots = np.flatnonzero(c.slot_class == a)
        key = frozenset((int(c.slot_unit[s]), int(c.slot_count[s])) for s in slots)
        found[key] = found.get(key, 0) + 1
    return found


def test_the_loss_without_a_record_equals_the_loss_of_the_others(grown: tuple[Problem, np.ndarray, Classes]) -> None:
    p, count, c = grown
    random = np.random.default_rng(0)
    checked = 0
    for a in map(int, np.flatnonzero(c.loss > 0)):
        inside = members(c, a)
        u, v = int(random.choice(inside)), int(random.integers(len(count)))
        others = [unit for unit in inside if unit != u]
        if others and v not in inside:
            assert loss_without(p, c, a, u, EMPTY) == pytest.approx(loss_of(p, others))
            assert loss_without(p, c, a, u, v) == pytest.approx(loss_of(p, [*others, v]))
            checked += 1
    assert checked > 5


@pytest.mark.parametrize(("rise", "is_kept"), [(-1e9, False), (1e9, True)])
def test_a_rebuild_keeps_every_record_and_can_be_reverted(
    grown: tuple[Problem, np.ndarray, Classes], rise: float, is_kept: bool
) -> None:
    p, count, c = grown
    dice, room = new_random_state(1), np.zeros(2048, np.int64)
    before = contents(c)
    for _ in range(40):
        dear = np.flatnonzero(c.loss > 0)
        group = np.array(sorted({int(dear[0]), int(dear[-1])}), np.int64)
        assert rebuild(p, c, group, len(group), room, 2, rise, dice) == is_kept
        held = np.bincount(c.slot_unit[c.slot_class >= 0], c.slot_count[c.slot_class >= 0], len(count))
        assert (held == count).all()
        assert (c.rows[c.rows > 0] >= K).all()
        assert c.cost[0] == pytest.approx(float((c.rows * c.loss).sum()))
    assert (contents(c) == before) == (not is_kept)
