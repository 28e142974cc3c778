"""A model learns as much from an unchanged release as from the original, and nothing from a hidden one."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from privacy.anonymity import Spec, anonymize
from privacy.anonymity.errors import SpecError
from privacy.anonymity.report.document import render_json
from privacy.anonymity.report.html_page import render_html
from privacy.anonymity.report.measurement import make_report
from privacy.anonymity.risk.prediction import measure_prediction
from privacy.anonymity.risk.utility import label_cover


def people(rows: int = 800) -> pd.DataFrame:
    random = np.random.default_rng(5)
    age = random.integers(20, 80, rows)
    region = random.choice(list("abcd"), rows)
    rich = random.random(rows) < np.where((age > 50) & (region != "a"), 0.9, 0.1)
    spend = 3.0 * age + np.where(region == "b", 40, 0) + random.normal(0, 5, rows)
    return pd.DataFrame({"age": age, "region": region, "rich": np.where(rich, "yes", "no"), "spend": spend.round(1)})


def make_spec(target: str = "rich", k: int = 5) -> Spec:
    columns = {
        "age": {"role": "quasi", "is_ordered": True},
        "region": {"role": "quasi"},
        "rich": {"role": "insensitive"},
        "spend": {"role": "insensitive", "is_confirmed": True},
    }
    return Spec.model_validate({"columns": columns, "models": [{"name": "k_anonymity", "k": k}], "target": target})


def cover_of(table: pd.DataFrame, published: pd.DataFrame) -> dict[str, dict[str, frozenset[str]]]:
    names = ("age", "region")
    return {name: label_cover(table[name].astype(str), published[name].astype(str).tolist()) for name in names}


@pytest.mark.parametrize(("target", "measure"), [("rich", "accuracy"), ("spend", "R²")])
def test_a_model_keeps_all_of_an_unchanged_table_and_nothing_of_a_hidden_one(target: str, measure: str) -> None:
    table = people()
    same = measure_prediction(table, table, make_spec(target), cover_of(table, table))
    assert same is not None
    assert same.measure == measure
    assert same.original == same.released > same.baseline + 0.1
    hidden = table.assign(age="*", region="*")
    lost = measure_prediction(table, hidden, make_spec(target), cover_of(table, hidden))
    assert lost is not None
    assert lost.original == same.original
    assert lost.released < same.original - 0.1


def test_the_report_shows_what_a_model_loses() -> None:
    table, spec = people(), make_spec()
    release = anonymize(table, spec)
    report = make_report(table, release.table, spec, 0, "people")
    text = json.loads(render_json(report))["figures"]["model_trained_on_the_release"]
    assert text["target"] == "rich"
    assert text["baseline"] < text["released"] <= text["original"] + 0.05
    assert "trained on the release" in render_html(report)
    silent = make_report(table, release.table, spec.model_copy(update={"target": None}), 0, "people")
    assert "Predicting" in render_html(report)
    assert "Predicting" not in render_html(silent)


def test_a_target_that_is_not_released_or_not_learnable_is_refused() -> None:
    with pytest.raises(ValidationError, match="released as it is"):
        make_spec("age")
    table = people(60)
    with pytest.raises(SpecError, match="cannot be learnt"):
        measure_prediction(table, table, make_spec(), cover_of(table, table))
