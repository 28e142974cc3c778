"""Releases on real engines: bounds hold for every customer, bad input costs nothing, repeated answers are free."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.engine.session import Engine
from privacy.dp.bounded import contributions, lay_out
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost
from privacy.dp.errors import BadQuestion, BudgetRefused
from privacy.dp.ledger import Ledger
from privacy.dp.noise_plan import NoisePlan
from privacy.dp.release import DataSet, bounded_view, collect, read_question, release
from privacy.dp.sqlite_store import SqliteStore
from privacy.dp.statement import describe

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MEASURE = {"column": "amount", "lower": 0, "upper": 100}
KEY: dict[str, Any] = {"column": "key", "values": ["a", "b", "c", "missing"]}
BASE: dict[str, Any] = {"dataset": "t", "purpose": "analytics", "unit": "cid", "rho": 0.5}
GROUPED: dict[str, Any] = BASE | {"statistics": ["count", "sum", "mean"], "group_by": [KEY], "measure": MEASURE}


def rows(customers: int = 40, seed: int = 1) -> pd.DataFrame:
    """Returns rows in which customer 0 has half the data, only customer 1 has key c, and some amounts are NaN."""
    random = np.random.default_rng(seed)
    cid = random.integers(2, customers, 200)
    frame = pd.DataFrame({"cid": cid, "key": random.choice(["a", "b"], 200), "amount": random.exponential(40, 200)})
    heavy = frame.assign(cid=0, amount=1e12)
    odd = pd.DataFrame({"cid": [1, 1, 1], "key": ["c"] * 3, "amount": [math.nan, math.inf, -math.inf]})
    whole = pd.concat([frame, heavy, odd], ignore_index=True)
    return whole.assign(day=[f"2026-01-{1 + n % 28:02d} 23:59:59" for n in range(len(whole))])


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    opened = Ledger(SqliteStore(tmp_path / "ledger.sqlite", tmp_path / "anchor"))
    opened.set_limit(BudgetAccount("t", "analytics", "cid"), "ever", Cost(2 * 10**9, 10**13), NOW)
    return opened


def left(ledger: Ledger) -> int:
    return ledger.balances(BudgetAccount("t", "analytics", "cid"), NOW)[0].left.nano_rho


@pytest.mark.parametrize(
    "bounds",
    [
        {"rows": 4, "groups": 4, "rows_per_group": 1},
        {"rows": 6, "groups": 1, "rows_per_group": 2},
        {"rows": 5, "rows_per_group": 5},
    ],
)
@pytest.mark.parametrize("layout", [None, [], ["key"]])
def test_no_customer_changes_an_aggregate_by_more_than_its_sensitivity(
    engine: Engine, bounds: dict[str, int], layout: list[str] | None
) -> None:
    question = read_question(GROUPED | {"bounds": bounds, "statistics": ["count", "variance"]})
    plan, frame = NoisePlan(question), engine.spark.createDataFrame(rows())
    laid = frame if layout is None else lay_out(frame, "cid", layout)
    contributed = contributions(laid, question).toPandas()
    for name in ("n", "s", "q"):
        by_group = contributed.groupby(["_unit", "k0"])[name].sum()
        apart = np.sqrt((by_group.astype(float) ** 2).groupby("_unit").sum())
        assert apart.max() <= plan.vector(name).l2_sensitivity
    counted = contributed.groupby(["_unit", "k0"])["n"].sum()
    assert counted.max() <= plan.bounds.rows_per_group
    assert counted.groupby("_unit").count().max() <= plan.bounds.groups
    assert counted.groupby("_unit").sum().max() <= plan.bounds.rows


def test_a_repeated_run_in_another_row_order_draws_the_same_rows(engine: Engine) -> None:
    question = read_question(GROUPED | {"bounds": {"rows": 3, "groups": 2}})
    shuffled = rows().sample(frac=1, random_state=3)
    one, other = (collect(question, engine.spark.createDataFrame(r)) for r in (rows(), shuffled))
    assert one == other


@pytest.mark.spark
def test_both_engines_draw_the_same_rows(engines: Any) -> None:
    question = read_question(GROUPED | {"bounds": {"rows": 3, "groups": 2}})
    one, other = (collect(question, engines.open(e).spark.createDataFrame(rows())) for e in ("sail", "spark"))
    assert one == other


def test_wide_bounds_give_the_plain_aggregate(engine: Engine) -> None:
    question = read_question(GROUPED | {"bounds": {"rows": 10_000, "rows_per_group": 10_000}})
    exact, _ = collect(question, engine.spark.createDataFrame(rows()))
    data = rows().dropna()
    expected = data.assign(amount=data.amount.clip(0, 100)).groupby("key").amount.agg(["count", "sum"])
    for (key,), row in exact.items():
        assert row["n"] == expected.loc[key, "count"]
        total = row["s"] * 0.01 + 50 * row["n"]
        assert total == pytest.approx(expected.loc[key, "sum"], abs=0.01 * row["n"])


def test_an_answer_is_close_and_complete_and_costs_nothing_the_second_time(sail: Engine, ledger: Ledger) -> None:
    question = read_question(GROUPED | {"rho": 1.0})
    data = DataSet(sail.spark.createDataFrame(rows()), "7")
    answer = release(question, data, ledger, NOW)
    assert left(ledger) == 10**9
    assert {group for (group,) in answer.values("count")} == {"a", "b", "c", "missing"}
    assert release(question, data, ledger, NOW) == answer
    assert left(ledger) == 10**9
    release(question, DataSet(data.frame, "8"), ledger, NOW)
    assert left(ledger) == 0
    with pytest.raises(BudgetRefused, match="left in ever: ρ=0"):
        release(question, DataSet(data.frame, "9"), ledger, NOW)


def test_nothing_but_the_estimates_depends_on_the_rows(sail: Engine, ledger: Ledger) -> None:
    question = read_question(GROUPED | {"rho": 0.5})
    frame = sail.spark.createDataFrame(rows())
    without = frame.where("cid <> 3")
    first = release(question, DataSet(frame), ledger, NOW)
    # The rows of a customer who withdrew are gone: the same question gets the same answer, at no cost.
    assert release(question, DataSet(without), ledger, NOW) == first
    later = release(question, DataSet(without), ledger, NOW + timedelta(days=1))
    parts = [one.model_dump(exclude={"estimates", "sentence", "question", "period"}) for one in (first, later)]
    assert parts[0] == parts[1]
    # Negative control: an identity that depends on the rows, as before, costs again and shows the withdrawal.
    before = left(ledger)
    versioned = release(question, DataSet(without, str(hash("version 2"))), ledger, NOW)
    assert versioned.question != first.question
    assert left(ledger) < before


def test_a_bounded_view_gives_the_same_aggregates_as_the_rows(sail: Engine, ledger: Ledger, tmp_path: Path) -> None:
    ledger.set_limit(BudgetAccount("t", "analytics", "cid"), "ever", Cost(10**12), NOW)
    question = read_question(GROUPED | {"bounds": {"rows": 3, "groups": 2}, "rho": 100.0})
    frame = sail.spark.createDataFrame(rows())
    bounded_view(question, frame).write.format("delta").save(str(tmp_path / "view"))
    view = DataSet(sail.spark.read.format("delta").load(str(tmp_path / "view")), "1", question)
    other = question.model_copy(update={"statistics": ("customers", "count", "variance")})
    answer, expected = (release(other, data, ledger, NOW) for data in (view, DataSet(frame, "2")))
    for statistic in ("customers", "count"):
        for group, value in expected.values(statistic).items():
            assert answer.values(statistic)[group] == pytest.approx(value, abs=5)
    for change in ({"where": ({"column": "key", "operator": "=", "value": "a"},)}, {"bounds": {"rows": 4}}):
        with pytest.raises(BadQuestion, match="made for other rows"):
            release(read_question(question.model_dump() | change), view, ledger, NOW)


def test_counts_lie_within_their_margins_as_often_as_claimed(sail: Engine, ledger: Ledger) -> None:
    ledger.set_limit(BudgetAccount("t", "analytics", "cid"), "ever", Cost(10**12), NOW)
    cells = [f"x{n}" for n in range(2000)]
    form = BASE | {"statistics": ["count"], "group_by": [{"column": "key", "values": cells}], "rho": 0.01}
    answer = release(read_question(form), DataSet(sail.spark.createDataFrame(rows()), "1"), ledger, NOW)
    within = sum(e.interval[0] <= 0 <= e.interval[1] for e in answer.estimates if e.interval)
    assert 0.93 < within / len(cells) < 0.97


def test_the_counts_of_a_rollup_add_up(sail: Engine, ledger: Ledger) -> None:
    keys = [KEY, {"column": "amount", "edges": [0, 50, 1e13]}]
    form = BASE | {"statistics": ["count"], "group_by": keys, "rollup": True}
    answer = release(read_question(form), DataSet(sail.spark.createDataFrame(rows()), "1"), ledger, NOW)
    value = {tuple(e.group.values()): e.value or 0.0 for e in answer.estimates}
    for parent in [(), ("a",), ("b",)]:
        children = [v for group, v in value.items() if len(group) == len(parent) + 1 and group[:-1] == parent]
        assert value[parent] == pytest.approx(sum(children))


def test_days_are_public_and_in_local_time(sail: Engine) -> None:
    days = {"first": "2026-01-01", "last": "2026-01-31", "step": "week"}
    bounds = {"rows": 10_000, "rows_per_group": 10_000}
    form = BASE | {"statistics": ["count"], "group_by": [{"column": "day", "days": days}], "bounds": bounds}
    exact, _ = collect(read_question(form), sail.spark.createDataFrame(rows()))
    expected = pd.to_datetime(rows().day).dt.to_period("W").dt.start_time.dt.strftime("%Y-%m-%d").value_counts()
    assert {key: row["n"] for (key,), row in exact.items()} == expected.to_dict()


def test_a_private_key_of_one_customer_is_not_released(sail: Engine, ledger: Ledger) -> None:
    many = pd.concat([rows(), pd.DataFrame({"cid": range(1000, 1500), "key": "a", "amount": 1.0})])
    form = BASE | {"statistics": ["count"], "group_by": [{"column": "key", "private": True}]}
    frame = sail.spark.createDataFrame(many[["cid", "key", "amount"]])
    answer = release(read_question(form), DataSet(frame, "1"), ledger, NOW)
    assert set(answer.values("count")) == {("a",)} | (set(answer.values("count")) & {("b",)})
    assert answer.statement["delta_of_keys"] == 1e-6


BAD: dict[str, dict[str, Any]] = {
    "no rho": {"rho": 0},
    "negative rho": {"rho": -1},
    "NaN rho": {"rho": math.nan},
    "infinite clip": {"measure": MEASURE | {"upper": math.inf}},
    "NaN clip": {"measure": MEASURE | {"lower": math.nan}},
    "empty clip": {"measure": MEASURE | {"upper": 0}},
    "overflow": {"measure": MEASURE | {"upper": 1e12}},
    "no measure": {"measure": None},
    "no groups": {"group_by": [KEY | {"values": []}]},
    "two kinds of keys": {"group_by": [KEY | {"private": True}]},
    "by customer": {"group_by": [KEY | {"column": "cid"}]},
    "filter by customer": {"where": [{"column": "cid", "operator": "=", "value": 1}]},
    "no bound": {"bounds": {"rows": 0}},
    "unknown field": {"epsilon": 1},
    "unknown statistic": {"statistics": ["max"]},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD.keys())
def test_malformed_questions_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadQuestion):
        read_question(GROUPED | change)


def test_a_question_about_a_missing_column_is_refused_and_costs_nothing(sail: Engine, ledger: Ledger) -> None:
    question = read_question(GROUPED | {"measure": MEASURE | {"column": "nope"}})
    with pytest.raises(BadQuestion, match="no column nope"):
        release(question, DataSet(sail.spark.createDataFrame(rows()), "1"), ledger, NOW)
    assert left(ledger) == 2 * 10**9


def test_values_of_another_type_meet_no_condition_and_raise_no_error(engine: Engine) -> None:
    where = [{"column": "key", "operator": ">", "value": 3}, {"column": "amount", "operator": "!=", "value": "x"}]
    exact, _ = collect(read_question(GROUPED | {"where": where}), engine.spark.createDataFrame(rows()))
    assert exact == {}


@pytest.mark.parametrize("column", ["day", "at"])
def test_dates_and_times_are_compared_in_local_time(engine: Engine, column: str) -> None:
    text = "cid", "CAST(day AS DATE) AS day", "CAST(day AS TIMESTAMP_NTZ) AS at"
    frame = engine.spark.createDataFrame(rows()[["cid", "day"]]).selectExpr(*text)
    bounds = {"rows": 10_000, "rows_per_group": 10_000}
    where = [
        {"column": column, "operator": ">=", "value": "2026-01-05"},
        {"column": column, "operator": "<", "value": "2026-01-07T00:00:00"},
    ]
    form = BASE | {"statistics": ["count"], "where": where, "bounds": bounds}
    exact, _ = collect(read_question(form), frame)
    assert exact[()]["n"] == rows().day.str[:10].isin(["2026-01-05", "2026-01-06"]).sum()
    for bad in ("2026-01-05T00:00:00+09:00", "yesterday"):
        with pytest.raises(BadQuestion, match="is compared with"):
            collect(read_question(form | {"where": [where[0] | {"value": bad}]}), frame)
    with pytest.raises(BadQuestion, match="expected a number"):
        collect(read_question(form | {"group_by": [{"column": column, "edges": [0, 1]}]}), frame)


def test_an_empty_table_is_answered(sail: Engine, ledger: Ledger) -> None:
    frame = sail.spark.createDataFrame(rows()).where("1 = 0")
    answer = release(read_question(GROUPED), DataSet(frame, "1"), ledger, NOW)
    assert all(abs(value or 0) < 40 for value in answer.values("count").values())


def test_the_statement_names_all_levels_of_the_pyramid() -> None:
    statement = describe(NoisePlan(read_question(GROUPED)))
    assert statement["rho_zcdp"] == 0.5
    assert {"epsilon", "delta", "unit", "neighbouring_relation", "trust_model", "mechanism", "side_channels"} <= set(
        statement
    )
    assert {"access", "collection"} <= set(statement)


def test_no_sum_of_a_very_active_customer_overflows(sail: Engine) -> None:
    measure = {"column": "amount", "lower": -21474836, "upper": 21474836}
    bounds = {"rows": 10_000, "rows_per_group": 10_000, "groups": 1}
    form = BASE | {"statistics": ["sum"], "group_by": [KEY], "measure": measure, "bounds": bounds}
    # 600,000 rows at the upper bound: their sum times L∞ would pass 2⁶³.
    frame = sail.spark.range(600_000).selectExpr("0 AS cid", "'a' AS key", "21474836.0D AS amount")
    exact, _ = collect(read_question(form), frame)
    assert exact["a",]["n"] == 10_000
    assert exact["a",]["s"] == 10_000 * 2_147_483_600
