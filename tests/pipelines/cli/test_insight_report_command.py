"""The commands `bojagi insight segments`, `personas` and `evaluate` on stored cards."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from features.insight.model.card import Calibration, Metric, ModelCard
from features.insight.model.target import Target
from features.insight.segment.card import Card, CategoryFigure, TraitFigure
from installation.installation import Installation
from installation.settings import load_settings
from pipelines.cli.app import app
from pipelines.cli.exit_code import ExitCode

DAY, LONG_NAME = date(2017, 12, 31), "Bargain-hunting, brand-switching shoppers"


def _segment(name: str, share: float) -> Card:
    trait = TraitFigure("order_count", 12.0, 11.0, 13.0, 10.0, 0.5)
    return Card(name, DAY, DAY, LONG_NAME, "고객", 120, share, (trait,), (CategoryFigure("Beef", 0.2, 1.5),),
                {"economy": 0.6}, {"store": 0.9}, {"monday": 0.2}, {"night": 0.3}, moved_in={"s9": 20})  # fmt: skip


def _model(target: Target, metric: str, calibration: Calibration | None) -> ModelCard:
    better = Metric(metric, 0.8, 0.7, 0.9, 0.75, 0.05, 0.01, 0.1, higher_is_better=True)
    return ModelCard(target, "What is predicted", "0" * 16, 90, (), DAY, DAY, DAY, DAY, 300, 200, 0, (better,),
                     calibration)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the cards of two segments and of two models, and no campaign."""
    folder = tmp_path_factory.mktemp("cards") / "data"
    cards = [_segment("s1", 0.6), _segment("s2", 0.4)]
    models = [_model(Target.CHURN, "AUC", Calibration((0.1, 0.4), (0.1, 0.33), (5, 5), 0.02, 0.01)),
              _model(Target.NEXT_CATEGORY, "hit rate", None)]  # fmt: skip
    fit = {"fitted_on": DAY, "stability": 0.9, "stability_low": 0.8, "stability_high": 1.0, "resample_count": 50,
           "former_agreement": None, "silhouettes": '{"2": 0.3}', "customer_count": 240}  # fmt: skip
    with Installation(load_settings(data_dir=folder)) as opened:
        rows = [{"as_of": DAY, "card": card.to_json()} for card in cards]
        opened.lakehouse.overwrite_rows("gold/segment", pa.Table.from_pylist(rows))
        kept = pa.table(
            {name: pa.array([value], pa.float64() if value is None else None) for name, value in fit.items()}
        )
        opened.lakehouse.overwrite_rows("gold/segment_model", kept)
        opened.lakehouse.overwrite_rows("gold/insight_model", pa.table({"card": [one.to_json() for one in models]}))
    return folder


def invoke(data: Path, *arguments: str) -> Any:
    done = CliRunner().invoke(app, ["insight", *arguments, "--data", str(data)])
    assert done.exit_code == ExitCode.OK, done.output
    return done


def test_a_report_of_one_segment_has_that_card_only(data: Path, tmp_path: Path) -> None:
    page = tmp_path / "persona.html"
    done = invoke(data, "personas", "--segment", "s2", "--report", str(page))
    assert (done.stdout, done.stderr) == ("", f"Wrote {page}\n")
    text = page.read_text("utf-8")
    assert 'id="s2"' in text
    assert 'id="s1"' not in text
    assert f"s1 {LONG_NAME}" in text  # the chart of shares has all segments


def test_an_unknown_segment_writes_no_report(data: Path, tmp_path: Path) -> None:
    page = tmp_path / "persona.html"
    arguments = ["insight", "personas", "--segment", "s7", "--report", str(page), "--data", str(data)]
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, page.exists()) == (ExitCode.USAGE, False)


def test_segments_and_personas_tell_sizes_units_and_moves(data: Path) -> None:
    assert "60 %" in invoke(data, "segments").stdout
    text = invoke(data, "personas", "--segment", "s1").stdout
    assert "orders: 12 (11 to 13; all 10)" in text
    assert "Monday 20 %" in text
    assert "night (22–6) 30 %" in text
    assert "moved here from s9 in the last 28 days: at least 20" in text
    assert [card["segment_id"] for card in json.loads(invoke(data, "personas", "--json").stdout)] == ["s1", "s2"]


def test_an_evaluation_names_the_baseline_of_each_model_and_what_calibration_allows(data: Path, tmp_path: Path) -> None:
    done = invoke(data, "evaluate")
    assert "AUC: better than the baseline of recency and frequency." in done.stdout
    assert "hit rate: better than the customer's most frequent category." in done.stdout
    assert "It is calibrated: expected calibration error 0.020. Allowed is the larger of 0.03 and 0.010" in done.stdout
    page = tmp_path / "models.html"
    assert invoke(data, "evaluate", "--report", str(page)).stdout == ""
    assert page.read_text("utf-8").count("<circle") == 2
