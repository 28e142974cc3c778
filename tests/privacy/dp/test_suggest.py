"""Bounds suggested from noisy histograms contain most customers; they are debited once and free the second time."""

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.engine.session import Engine
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost, cost_of_rho
from privacy.dp.errors import BadQuestion, BudgetRefused
from privacy.dp.ledger import Ledger
from privacy.dp.release import DataSet, collect, read_question
from privacy.dp.sqlite_store import SqliteStore
from privacy.dp.suggest import VALUE_EDGES, read_bounds_question, suggest

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNT = BudgetAccount("t", "analytics", "cid")
FORM = {"dataset": "t", "purpose": "analytics", "unit": "cid", "column": "amount", "rho": 0.1}


def open_ledger(folder: Path, limit: Cost) -> Ledger:
    ledger = Ledger(SqliteStore(folder / "ledger.sqlite", folder / "anchor"))
    ledger.set_limit(ACCOUNT, "ever", limit, NOW)
    return ledger


def data(engine: Engine, customers: int) -> DataSet:
    """Returns rows: each customer has 1 to 6 rows of 10 to 90, and one has a thousand rows of a million."""
    random = np.random.default_rng(5)
    cid = np.repeat(np.arange(customers), random.integers(1, 7, customers))
    ordinary = pd.DataFrame({"cid": cid, "amount": random.uniform(10, 90, len(cid))})
    extreme = pd.DataFrame({"cid": [-1] * 1000, "amount": 1e6})
    return DataSet(engine.spark.createDataFrame(pd.concat([ordinary, extreme])), "1")


def test_suggested_bounds_contain_most_customers_and_no_extreme_one(sail: Engine, tmp_path: Path) -> None:
    ledger, question, rows = open_ledger(tmp_path, cost_of_rho(0.1)), read_bounds_question(FORM), data(sail, 3000)
    found = suggest(question, rows, ledger, NOW)
    assert (found.lower, found.upper) == (0.0, 100.0)
    assert found.rows == 6
    assert ledger.balances(ACCOUNT, NOW)[0].left == Cost(0)
    assert suggest(question, rows, ledger, NOW) == found
    with pytest.raises(BudgetRefused):
        suggest(question, DataSet(rows.frame, "2"), ledger, NOW)


def test_values_beyond_the_outer_edges_count_in_the_outer_bins(engine: Engine, tmp_path: Path) -> None:
    values = [-1e300] * 100 + [math.nan] * 50 + [math.inf] * 50 + [-math.inf] * 10 + [20.0] * 190
    frame = engine.spark.createDataFrame(pd.DataFrame({"cid": range(len(values)), "amount": values}))
    question = read_bounds_question(FORM | {"rho": 50})
    found = suggest(question, DataSet(frame), open_ledger(tmp_path, cost_of_rho(50)), NOW)
    assert (found.lower, found.upper) == (VALUE_EDGES[0], VALUE_EDGES[-1])
    counts = {group[0]: value for group, value in found.answers[0].values("count").items() if value and value > 5}
    assert [round(count, -1) for count in counts.values()] == [110, 190, 50]


def test_quantiles_over_a_range_too_narrow_for_their_bins_are_refused_in_words() -> None:
    narrow = {"column": "amount", "lower": 1.0, "upper": 1.0000000000000004, "resolution": 1}
    form = {"dataset": "t", "purpose": "analytics", "unit": "cid", "rho": 1, "statistics": ["quantiles"]}
    with pytest.raises(BadQuestion, match="too narrow for 64 bins"):
        read_question(form | {"measure": narrow})


def test_infinities_are_clipped_into_the_outer_bins_of_quantiles(engine: Engine) -> None:
    values = [math.inf] * 3 + [-math.inf] * 2 + [5.0] + [math.nan]
    frame = engine.spark.createDataFrame(pd.DataFrame({"cid": range(len(values)), "amount": values}))
    form = {"dataset": "t", "purpose": "analytics", "unit": "cid", "rho": 1, "statistics": ["quantiles"]}
    question = read_question(form | {"measure": {"column": "amount", "lower": 0, "upper": 10}, "quantile_bins": 2})
    _, bins = collect(question, frame)
    assert {label: row["n"] for (label,), row in bins.items()} == {"[0.0, 5.0)": 2, "[5.0, 10.0)": 4}


def test_too_few_customers_give_no_suggestion(sail: Engine, tmp_path: Path) -> None:
    """Of a thousand histograms without data, about one has a bin above the threshold, so two of three draws count."""
    ledger, frame = open_ledger(tmp_path, Cost(10**9)), data(sail, 5).frame
    found = [suggest(read_bounds_question(FORM), DataSet(frame, scope), ledger, NOW) for scope in "123"]
    assert [(one.lower, one.upper, one.rows) for one in found].count((None, None, None)) >= 2


@pytest.mark.parametrize("change", [{"rho": 0}, {"share": 1.0}, {"columns": "amount"}])
def test_malformed_questions_for_bounds_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(BadQuestion):
        read_bounds_question(FORM | change)
