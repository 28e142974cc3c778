"""Scores order tables as they should: real rows above synthetic rows above independent columns."""

import sys

import numpy as np
import pyarrow as pa
import pytest

from privacy.synthetic.evaluation.score import association, detection, downstream, k_marginals
from privacy.synthetic.evaluation.sdmetrics_score import NOT_INSTALLED, sdmetrics_scores
from privacy.synthetic.specification import Category, Specification
from privacy.synthetic.table_form import TableForm, independent_columns
from tests.privacy.synthetic.population import draw, form

TRAIN, FRESH = form(draw(3000, 1)), form(draw(3000, 2))
INDEPENDENT = independent_columns(TRAIN, 0)


def test_equal_tables_have_the_best_scores() -> None:
    assert k_marginals(TRAIN, TRAIN) == pytest.approx(1)
    assert association(TRAIN, TRAIN) == 1
    assert detection(TRAIN, TRAIN) < 0.02


def test_fresh_rows_score_better_than_independent_columns() -> None:
    for score in (k_marginals, association):
        assert score(TRAIN, FRESH) > score(TRAIN, INDEPENDENT) + 0.03
    assert detection(TRAIN, FRESH) < detection(TRAIN, INDEPENDENT) - 0.1
    assert downstream(FRESH, TRAIN, "income") > downstream(INDEPENDENT, TRAIN, "income") + 0.2


def test_marginals_agree_with_counted_cells() -> None:
    two = Specification(columns={"a": Category(values=("x", "y")), "b": Category(values=("x", "y"))})
    one = TableForm(pa.table({"a": ["x", "x", "y", "y"], "b": ["x", "y", "x", "y"]}), two)
    other = TableForm(pa.table({"a": ["x", "x", "y", "y"], "b": ["x", "x", "y", "y"]}), two)
    assert k_marginals(one, other, 1) == 1
    assert k_marginals(one, other, 2) == 0.5
    assert association(one, other) < 0.1


def test_a_table_with_one_class_teaches_nothing() -> None:
    alone = form(draw(200, 3).filter(pa.array(np.array(draw(200, 3)["income"].to_pylist()) == "high")))
    assert downstream(alone, TRAIN, "income") == 0.5


def test_scores_of_sdmetrics_are_left_out_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sdmetrics.reports.single_table", None)
    assert [score.missing for score in sdmetrics_scores(TRAIN, [FRESH] * 3)] == [NOT_INSTALLED] * 2


def test_scores_of_sdmetrics_stand_between_their_references() -> None:
    few = [TableForm(one.table.slice(0, 500), one.specification) for one in (TRAIN, FRESH, FRESH, INDEPENDENT)]
    quality, diagnostic = sdmetrics_scores(few[0], few[1:])
    assert quality.independent is not None
    assert quality.synthetic is not None
    assert quality.independent < quality.synthetic <= 1
    assert diagnostic.synthetic is not None
    assert diagnostic.synthetic > 0.99
