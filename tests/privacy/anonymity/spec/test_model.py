"""Models against published examples and an independent solver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linprog

from privacy.anonymity.spec import model as models


@dataclass(frozen=True)
class Context:
    prior: NDArray[np.float64]
    ground: NDArray[np.int32]


def flat(prior: list[float], ground: list[list[int]] | None = None) -> Context:
    return Context(np.array(prior), np.array(ground or [[0] * len(prior)], np.int32))


def transport(q: NDArray[np.float64], p: NDArray[np.float64], cost: NDArray[np.float64]) -> float:
    """Returns the earth mover's distance, computed as a linear programme."""
    n = len(q)
    rows = [np.kron(np.eye(n)[i], np.ones(n)) for i in range(n)] + [np.kron(np.ones(n), np.eye(n)[i]) for i in range(n)]
    return float(linprog(cost.ravel(), A_eq=np.array(rows), b_eq=np.concatenate([q, p])).fun)


@pytest.mark.parametrize("seed", range(20))
def test_distances_equal_the_linear_programme(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = 6
    ground = np.array([[0, 1, 2, 3, 4, 5], [0, 0, 2, 2, 2, 5], [0, 0, 0, 0, 0, 5]], np.int32)
    hist = random.integers(0, 9, (1, n)) + np.eye(n, dtype=int)[:1]
    prior = random.dirichlet(np.ones(n))
    context = Context(prior, ground)
    span = np.abs(np.arange(n)[:, None] - np.arange(n)) / (n - 1)
    height = len(ground)
    climb = np.array([[sum(ground[h][i] != ground[h][j] for h in range(height)) for j in range(n)] for i in range(n)])
    costs = {"equal": 1.0 - np.eye(n), "ordered": span, "hierarchical": climb / height}
    for kind, cost in costs.items():
        ours = models.TCloseness(t=1, column="s", distance=kind).measure(hist, context)[0]  # type: ignore[arg-type]
        assert ours == pytest.approx(transport(hist[0] / hist.sum(), prior, cost), abs=1e-7), kind


def test_t_closeness_equals_the_salary_example_of_li_et_al() -> None:
    """Li et al. 2007, section 4.1: P1 = {3k, 4k, 5k} of 3k..11k is 0.375 away, P2 = {6k, 8k, 11k} 0.167."""
    context = flat([1 / 9] * 9)
    hist = np.array([[1, 1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 1, 0, 0, 1]])
    measured = models.TCloseness(t=1, column="s", distance="ordered").measure(hist, context)
    assert measured == pytest.approx([0.375, 0.167], abs=1e-3)


def test_diversity_and_likeness_equal_hand_computed_values() -> None:
    context = flat([0.5, 0.3, 0.2])
    hist = np.array([[4, 0, 0], [2, 1, 1], [5, 3, 2]])
    people = hist.sum(1)
    wanted = {
        models.DistinctL(l=3, column="s"): [False, True, True],
        models.EntropyL(l=2.7, column="s"): [False, True, True],
        models.EntropyL(l=2.83, column="s"): [False, False, False],
        models.RecursiveL(c=1.5, l=2, column="s"): [False, True, True],
        models.RecursiveL(c=1.0, l=2, column="s"): [False, False, False],
        models.Alpha(alpha=0.5, column="s"): [False, True, True],
        models.BasicBeta(beta=0.2, column="s"): [False, False, True],
        models.BasicBeta(beta=0.25, column="s"): [False, True, True],
        models.DeltaDisclosure(delta=0.3, column="s"): [False, True, True],
        models.EnhancedBeta(beta=5.0, column="s"): [False, True, True],
    }
    for model, holds in wanted.items():
        assert model.holds(hist, people, context).tolist() == holds, model
