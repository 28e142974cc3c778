"""Costs and conversions agree with `dp-accounting`, an independent implementation."""

import math
from fractions import Fraction

import dp_accounting
import pytest
from dp_accounting import pld, rdp

from privacy.dp.cost import Cost, cost_of_rho, rho_of_pure_epsilon
from privacy.dp.ledger_answer import Balance
from privacy.dp.mechanism import approximate_epsilon
from privacy.dp.noise_plan import NoisePlan
from privacy.dp.release import read_question

DELTA = 1e-6
ORDERS = [1 + x / 20 for x in range(1, 200)] + list(range(12, 512))


def epsilon_of_rdp(noise_multipliers: list[float], delta: float = DELTA) -> float:
    accountant = rdp.RdpAccountant(ORDERS)
    for multiplier in noise_multipliers:
        accountant.compose(dp_accounting.GaussianDpEvent(multiplier))
    return float(accountant.get_epsilon(delta))


def epsilon_of_pld(noise_multipliers: list[float], delta: float = DELTA) -> float:
    accountant = pld.PLDAccountant(value_discretization_interval=1e-3)
    for multiplier in noise_multipliers:
        accountant.compose(dp_accounting.GaussianDpEvent(multiplier))
    return float(accountant.get_epsilon(delta))


@pytest.mark.parametrize("rho", [0.01, 0.1, 0.5, 2.0])
def test_epsilon_of_rho_equals_that_of_renyi_accounting(rho: float) -> None:
    ours, theirs = approximate_epsilon(rho, 0.0, DELTA), epsilon_of_rdp([1 / math.sqrt(2 * rho)])
    assert ours == pytest.approx(theirs, rel=0.02)
    # Never less than the tight curve of one Gaussian; as a control, a third of the ρ gives less.
    assert ours >= epsilon_of_pld([1 / math.sqrt(2 * rho)])
    assert approximate_epsilon(rho / 3, 0.0, DELTA) < 0.9 * theirs


@pytest.mark.parametrize("rhos", [(0.1,) * 10, (0.01, 0.2, 0.05), (1.0, 1e-3)])
def test_added_costs_give_the_epsilon_of_their_composition(rhos: tuple[float, ...]) -> None:
    spent = sum((cost_of_rho(rho) for rho in rhos), Cost(0))
    ours = approximate_epsilon(spent.rho, 0.0, DELTA)
    multipliers = [1 / math.sqrt(2 * rho) for rho in rhos]
    assert ours == pytest.approx(epsilon_of_rdp(multipliers), rel=0.02)
    assert ours >= epsilon_of_pld(multipliers)


def test_the_vectors_of_a_question_compose_to_no_more_than_its_cost() -> None:
    form = {
        "dataset": "t", "purpose": "analytics", "rho": 0.3, "statistics": ["count", "sum", "variance", "customers"],
        "measure": {"column": "amount", "lower": 0, "upper": 100}, "bounds": {"rows": 7, "rows_per_group": 2},
        "group_by": [{"column": "key", "values": ["a", "b"]}],
    }  # fmt: skip
    plan = NoisePlan(read_question(form))
    vectors = [plan.vector(name) for name in plan.names]
    assert len(vectors) == 4
    multipliers = [vector.scale / vector.l2_sensitivity for vector in vectors]
    claimed = approximate_epsilon(plan.cost.rho, 0.0, DELTA)
    assert claimed == pytest.approx(epsilon_of_rdp(multipliers), rel=0.02)
    assert claimed >= epsilon_of_pld(multipliers)


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 2.0])
def test_the_rho_of_a_pure_epsilon_is_no_less_than_its_privacy_loss(epsilon: float) -> None:
    # Rounds up, the more so with a coarser interval, so this makes the test stricter and faster.
    accountant = pld.PLDAccountant(value_discretization_interval=1e-3)
    for _ in range(20):
        accountant.compose(dp_accounting.LaplaceDpEvent(1 / epsilon))
    rho = float(20 * rho_of_pure_epsilon(epsilon))
    assert approximate_epsilon(rho, 0.0, DELTA) >= accountant.get_epsilon(DELTA)


def test_costs_are_rounded_up_and_never_down() -> None:
    third = cost_of_rho(Fraction(1, 3))
    thrice = third + third + third
    assert Fraction(thrice.nano_rho, 10**9) >= 1
    assert Balance("ever", cost_of_rho(1), thrice).left == Cost(0)
