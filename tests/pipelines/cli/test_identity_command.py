"""The identity command from end to end."""

import json

import pytest
from typer.testing import CliRunner

from pipelines.cli.identity import app
from pipelines.evaluation.dataset import load_febrl
from pipelines.matching.person_file import read_person_file, write_person_file


@pytest.fixture(scope="module")
def febrl(tmp_path_factory):
    path = tmp_path_factory.mktemp("febrl") / "people.csv"
    write_person_file(load_febrl("febrl1").frame, path)
    return path


def test_resolve_writes_every_row_with_a_customer_id(febrl, tmp_path):
    out = tmp_path / "out.parquet"
    mapping = tmp_path / "map.yaml"
    mapping.write_text("given_name: given_name\nsurname: surname\nbirth_date: date_of_birth\nidentifier: soc_sec_id\n")
    result = CliRunner().invoke(app, ["resolve", "--input", str(febrl), "--out", str(out), "--mapping", str(mapping)])
    assert result.exit_code == 0, result.output
    frame = read_person_file(out)
    assert len(frame) == 1000
    assert frame["customer_id"].str.fullmatch(r"c_[a-z2-7]{26}").all()
    assert 490 <= frame["customer_id"].nunique() <= 520  # four parts of ten are mapped


def test_evaluate_prints_the_f1_of_a_labelled_file(febrl):
    result = CliRunner().invoke(
        app, ["evaluate", "--input", str(febrl), "--truth", "person", "--json", "--no-baseline"]
    )
    assert json.loads(result.stdout)["clusters"]["f1"] > 0.99


@pytest.mark.slow
def test_evaluate_simulated_without_a_data_folder_simulates_people(tmp_path, monkeypatch):
    monkeypatch.setenv("BOJAGI_DATA_DIR", str(tmp_path / "none"))
    result = CliRunner().invoke(app, ["evaluate", "simulated", "--json", "--no-baseline"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["clusters"]["f1"] > 0.97


def test_explain_prints_steps_that_add_up_and_draws_the_chart(febrl, tmp_path):
    frame = read_person_file(febrl)
    pair = frame[frame["person"] == "0"]["rec_id"].tolist()
    chart = tmp_path / "waterfall.svg"
    arguments = ["explain", *pair, "--input", str(febrl), "--json", "--chart", str(chart)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["same_customer"] is True
    assert found["weight"] == pytest.approx(sum(s["weight"] for s in found["steps"]), abs=0.01)
    assert chart.stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "nonsense"], "Unknown data set"),
        (["evaluate", "historical_50k"], "--data"),
        (["resolve", "--input", "missing.csv", "--out", "x.csv"], "no such file"),
        (["evaluate", "--input", "x.csv"], "--truth"),
    ],
)
def test_a_wrong_argument_exits_with_2_and_says_why(arguments, message):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_resolve_refuses_an_engine_that_cannot_match(febrl, tmp_path):
    result = CliRunner().invoke(
        app, ["resolve", "--input", str(febrl), "--out", str(tmp_path / "x.csv"), "--engine", "sail"]
    )
    assert result.exit_code == 2
    assert "expected duckdb, spark or sc://host:port" in result.output
