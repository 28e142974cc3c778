"""Audits of neighbouring data find no more privacy loss than claimed; variants broken on purpose are found."""

import math
from itertools import product
from typing import Any

import pandas as pd
import pytest
from scipy.stats import beta

from pipelines.engine.session import Engine
from privacy.dp.mechanism import select_keys
from privacy.dp.noise_plan import NoisePlan, NoisyVector
from privacy.dp.release import collect, read_question
from tests.privacy.dp.audit import audited_mu, epsilon_of_mu

RUNS = 100_000
# Enough to tell a μ of 1.15 times the claim from the claim in all but one of thousands of tries.
RUNS_FOR_A_SMALL_FAULT = 60_000
# The same for a μ of 1.4 times the claim or more.
RUNS_FOR_A_LARGE_FAULT = 12_000
MEASURE = {"column": "amount", "lower": 0, "upper": 100, "resolution": 1}
KEYS: dict[str, Any] = {"column": "key", "values": ["a", "b", "c", "d"]}
BASE: dict[str, Any] = {"dataset": "t", "purpose": "analytics", "unit": "cid", "rho": 0.5}
BOUNDS = {"rows": 3, "groups": 3, "rows_per_group": 1}

QUESTIONS: dict[str, dict[str, Any]] = {
    "count": {"statistics": ["count"], "group_by": [KEYS]},
    "count twice in a group": {"statistics": ["count"], "group_by": [KEYS], "bounds": BOUNDS | {"rows_per_group": 3}},
    "customers": {"statistics": ["customers"], "group_by": [KEYS]},
    "sum": {"statistics": ["sum"], "group_by": [KEYS], "measure": MEASURE},
    "count, sum, mean": {"statistics": ["count", "sum", "mean"], "group_by": [KEYS], "measure": MEASURE},
    "variance": {"statistics": ["variance"], "group_by": [KEYS], "measure": MEASURE},
    "variance of all": {"statistics": ["variance"], "measure": MEASURE},
    "histogram": {"statistics": ["count"], "group_by": [{"column": "amount", "edges": [0, 1, 50, 101]}]},
    "top": {"statistics": ["count"], "group_by": [KEYS], "top": 2},
    "contingency": {
        "statistics": ["count"],
        "group_by": [KEYS, {"column": "amount", "edges": [0, 50, 101]}],
    },
    "time series": {
        "statistics": ["count"],
        "group_by": [{"column": "day", "days": {"first": "2026-01-01", "last": "2026-01-04"}}],
    },
    "hierarchy": {
        "statistics": ["count"],
        "rollup": True,
        "group_by": [KEYS, {"column": "amount", "edges": [0, 50, 101]}],
    },
    "quantiles": {"statistics": ["quantiles"], "measure": MEASURE, "quantile_bins": 4},
}


def rows_of(customers: int, extreme: float = 1e9) -> pd.DataFrame:
    """Returns rows in which customer 0 is far beyond all bounds and the other customers are ordinary."""
    mine = [(0, key, extreme) for key in "abcd" for _ in range(5)]
    others = [(cid, "abcd"[cid % 4], 10.0 * cid) for cid in range(1, customers)]
    frame = pd.DataFrame(mine + others, columns=["cid", "key", "amount"])
    return frame.assign(day=frame.key.map({key: f"2026-01-0{at}" for at, key in enumerate("abcd", 1)}))


def vectors_of(engine: Engine, form: dict[str, Any], rows: pd.DataFrame) -> dict[str, list[int]]:
    question = read_question(BASE | {"bounds": BOUNDS} | form)
    plan = NoisePlan(question)
    exact, bins = collect(question, engine.spark.createDataFrame(rows))
    found = {}
    for name, level in product([name for name in plan.names if name != "bins"], plan.levels):
        cells = dict.fromkeys((cell[:level] for cell in question.cells()), 0)
        for group, row in exact.items():
            cells[group[:level]] += row[name]
        found[f"{name} {level}"] = list(cells.values())
    if bins:
        found["bins"] = [row["n"] for _, row in sorted(bins.items())]
    return found


def noise_of(plan: NoisePlan) -> dict[str, NoisyVector]:
    levels = {f"{name} {level}": plan.vector(name, level) for name, level in product(plan.names, plan.levels)}
    return {name: vector for name, vector in levels.items() if vector.name != "bins"} | (
        {"bins": plan.vector("bins")} if "bins" in plan.names else {}
    )


def padded(x: dict[str, list[int]], y: dict[str, list[int]]) -> None:
    """Returns both sides with the same bins: a bin that one side lacks is added with zero."""
    for name in x:
        y[name] += [0] * (len(x[name]) - len(y[name]))


@pytest.mark.slow
@pytest.mark.parametrize("form", QUESTIONS.values(), ids=QUESTIONS.keys())
def test_no_question_reveals_more_than_it_claims(sail: Engine, form: dict[str, Any]) -> None:
    plan = NoisePlan(read_question(BASE | {"bounds": BOUNDS} | form))
    # Values beyond the edges are in no group, so there the extreme value is within them.
    is_by_edges = any("edges" in key for key in form.get("group_by", ()))
    rows = rows_of(8, 100.0 if is_by_edges else 1e9)
    x, y = vectors_of(sail, form, rows), vectors_of(sail, form, rows[rows.cid != 0])
    padded(x, y)
    found, claimed = audited_mu(noise_of(plan), x, y, RUNS), math.sqrt(2 * plan.question.rho)
    print(f"audited ε {epsilon_of_mu(found):.3f} claimed ε {epsilon_of_mu(claimed):.3f} at δ=1e-6")
    assert 0 < found <= claimed


def broken(rows: pd.DataFrame, variant: str) -> dict[str, list[int]]:
    """Returns counts per key, computed with a fault in the bounds that other libraries have or had."""
    keys = list("abcd")
    if variant == "one group too many":
        kept = rows.drop_duplicates(["cid", "key"]).groupby("cid").head(4)
    elif variant == "clip after sum":
        kept = rows
    elif variant == "max_length counts twice (OpenDP 2945)":
        kept = pd.concat([rows.drop_duplicates(["cid", "key"]).groupby("cid").head(3)] * 2)
    else:
        # OpenDP 2949: the grouping column is redefined after truncation, so all kept rows are in one group.
        kept = rows.drop_duplicates(["cid", "key"]).groupby("cid").head(3).assign(key="a")
    return {"n": [int((kept.key == key).sum()) for key in keys]}


@pytest.mark.parametrize(
    ("variant", "runs"),
    [
        ("one group too many", RUNS_FOR_A_SMALL_FAULT),
        ("clip after sum", RUNS_FOR_A_LARGE_FAULT),
        ("max_length counts twice (OpenDP 2945)", RUNS_FOR_A_LARGE_FAULT),
        ("redefined (OpenDP 2949)", RUNS_FOR_A_LARGE_FAULT),
    ],
)
def test_the_audit_catches_broken_bounds(variant: str, runs: int) -> None:
    plan = NoisePlan(read_question(BASE | {"bounds": BOUNDS} | QUESTIONS["count"]))
    rows = rows_of(8)
    x, y = broken(rows, variant), broken(rows[rows.cid != 0], variant)
    assert audited_mu({"n": plan.vector("n")}, x, y, runs) > math.sqrt(2 * plan.question.rho)


@pytest.mark.parametrize(("scale_factor", "is_caught"), [(1.0, False), (0.7, True)])
def test_the_audit_catches_too_little_noise(scale_factor: float, is_caught: bool) -> None:
    plan = NoisePlan(read_question(BASE | {"bounds": BOUNDS} | QUESTIONS["count"]))
    x, y = {"n": [1, 1, 1, 0]}, {"n": [0, 0, 0, 0]}
    found = audited_mu({"n": plan.vector("n")}, x, y, RUNS_FOR_A_LARGE_FAULT, rho_factor=scale_factor**-2)
    assert (found > math.sqrt(2 * plan.question.rho)) == is_caught


@pytest.mark.slow
@pytest.mark.parametrize(("delta_used", "is_caught"), [(0.005, False), (0.05, True)])
def test_a_key_of_one_customer_is_released_with_probability_delta(delta_used: float, is_caught: bool) -> None:
    # 1000 keys of different customers at once are 1000 independent runs of a key that one customer has.
    released = sum(len(select_keys({str(k): 1 for k in range(1000)}, 1, 0.5, delta_used)[0]) for _ in range(100))
    assert (beta.ppf(0.001, released, RUNS - released + 1) > 0.005) == is_caught
