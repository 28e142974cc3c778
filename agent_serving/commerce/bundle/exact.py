"""Searches the best bundle with OR-Tools' CP-SAT until it is proven, or until the effort is spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from agent_serving.commerce.bundle.greedy import partners_of
from agent_serving.commerce.bundle.wish import BundleItem, BundleWish, Pair

EFFORT = 8.0
"""Deterministic time of CP-SAT, so that the same question has the same answer on every machine."""


@dataclass(frozen=True)
class Found:
    """The best bundle that was found, and the most points that any bundle can have."""

    items: list[BundleItem]
    bound: int


def search(
    items: Sequence[BundleItem], pairs: Mapping[Pair, int], wish: BundleWish, start: Sequence[BundleItem],
    effort: float = EFFORT,
) -> Found:  # fmt: skip
    """Return the best bundle from permitted products; `start` respects the wish.

    x_i says that product i is held, y_ij that i and j are. Beside y_ij ≤ x_i and y_ij ≤ x_j (and y_ij ≥ x_i + x_j − 1
    where the pair costs points), the budget Σ_j p_j x_j ≤ B is multiplied by x_i and by 1 − x_i (Adams and Sherali,
    1986), over the partners j of i:
        Σ_j p_j y_ij ≤ (B − p_i) x_i        Σ_j p_j (x_j − y_ij) ≤ B (1 − x_i)
    Without these cuts the linear relaxation is so weak that the search does not end.
    """
    by_id = {item.id: item for item in items}
    known = {pair: points for pair, points in pairs.items() if points and pair[0] in by_id and pair[1] in by_id}
    model = cp_model.CpModel()
    held = {item.id: model.new_bool_var("") for item in items}
    both = {pair: model.new_bool_var("") for pair in known}
    _limit(model, held, items, wish)
    for (one, other), var in both.items():
        model.add(var <= held[one])
        model.add(var <= held[other])
        if known[one, other] < 0:
            model.add(var >= held[one] + held[other] - 1)
    _cut(model, held, both, by_id, known, wish)
    model.maximize(
        sum(item.worth * held[item.id] for item in items) + sum(known[pair] * var for pair, var in both.items())
    )
    started = {item.id for item in start}
    for id_, var in held.items():
        model.add_hint(var, id_ in started)
    for (one, other), var in both.items():
        model.add_hint(var, one in started and other in started)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 2
    solver.parameters.max_deterministic_time = effort
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Found(list(start), int(solver.best_objective_bound))
    return Found([by_id[id_] for id_, var in held.items() if solver.value(var)], round(solver.best_objective_bound))


def _limit(
    model: cp_model.CpModel, held: Mapping[str, cp_model.IntVar], items: Sequence[BundleItem], wish: BundleWish
) -> None:
    model.add(sum(item.price.minor * held[item.id] for item in items) <= wish.budget.minor)
    every = sum(held.values())
    model.add(every >= wish.least_items)
    if wish.most_items is not None:
        model.add(every <= wish.most_items)
    for category, limit in wish.categories.items():
        some = sum(held[item.id] for item in items if item.category == category)
        model.add(some >= limit.least)
        if limit.most is not None:
            model.add(some <= limit.most)
    for id_ in wish.required:
        model.add(held[id_] == 1)


def _cut(
    model: cp_model.CpModel, held: Mapping[str, cp_model.IntVar], both: Mapping[Pair, cp_model.IntVar],
    by_id: Mapping[str, BundleItem], pairs: Mapping[Pair, int], wish: BundleWish,
) -> None:  # fmt: skip
    budget = wish.budget.minor
    for id_, partners in partners_of(pairs).items():
        joint = [
            (by_id[other].price.minor, held[other], both.get((id_, other), both.get((other, id_))))
            for other in partners
        ]
        model.add(sum(price * var for price, _, var in joint) <= (budget - by_id[id_].price.minor) * held[id_])
        model.add(sum(price * (one - var) for price, one, var in joint) <= budget * (1 - held[id_]))
        if wish.most_items is not None:
            model.add(sum(var for _, _, var in joint) <= (wish.most_items - 1) * held[id_])
