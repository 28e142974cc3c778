"""`bojagi anonymize` and `bojagi risk` on real files."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import typer
from deltalake import write_deltalake
from typer.testing import CliRunner

from installation.errors import SettingsError
from pipelines.cli.anonymize import anonymize_command, risk_command
from pipelines.cli.table_file import read_table
from privacy.anonymity.errors import SpecError
from tests.privacy.anonymity.random_release import random_table

app = typer.Typer()
app.command("anonymize")(anonymize_command)
app.command("risk")(risk_command)

SPEC = """
columns:
  region: {role: quasi}
  sex: {role: quasi}
  age: {role: quasi, is_ordered: true, hierarchy: {kind: intervals, widths: [5, 10, 20]}}
  illness: {role: sensitive}
models:
  - {name: k_anonymity, k: 4}
  - {name: distinct_l, l: 2, column: illness}
"""


def test_a_csv_becomes_a_verified_release_with_a_report(tmp_path: Path) -> None:
    random_table(1, rows=200).to_csv(tmp_path / "people.csv", index=False)
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    files = ["--input", str(tmp_path / "people.csv"), "--output", str(tmp_path / "out.csv")]
    extra = ["--report", str(tmp_path / "report"), "--json"]
    result = CliRunner().invoke(app, ["anonymize", str(tmp_path / "spec.yaml"), *files, *extra])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.output)
    assert figures["rows"] == 200
    assert figures["measured"]["k_anonymity"] >= 4
    out = pd.read_csv(tmp_path / "out.csv", dtype=str)
    assert out.groupby(["region", "sex", "age"]).size().min() >= 4
    assert "visits" not in out.columns
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert report["is_verified"]
    assert report["open_questions"]
    assert "<svg" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_a_release_says_that_it_stands_alone_and_what_its_classes_reveal(tmp_path: Path) -> None:
    random_table(1, rows=200).to_csv(tmp_path / "people.csv", index=False)
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    files = ["--input", str(tmp_path / "people.csv"), "--output", str(tmp_path / "out.csv")]
    command = ["anonymize", str(tmp_path / "spec.yaml"), *files, "--report", str(tmp_path / "report")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    shown = " ".join(result.output.replace("│", " ").split())
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    for text in (shown, page):
        assert "do not join it or publish it together with another release" in text
    assert "reveals of illness" in shown


def test_population_models_read_the_population_table(tmp_path: Path) -> None:
    everybody = random_table(7, rows=900)
    everybody.to_csv(tmp_path / "everybody.csv", index=False)
    everybody.head(150).to_csv(tmp_path / "people.csv", index=False)
    spec = SPEC.replace("k_anonymity, k: 4", "k_map, k: 12").replace("models:", "algorithm: global\nmodels:")
    (tmp_path / "spec.yaml").write_text(spec, encoding="utf-8")
    files = ["--input", str(tmp_path / "people.csv"), "--output", str(tmp_path / "out.csv"), "--json"]
    command = ["anonymize", str(tmp_path / "spec.yaml"), *files]
    refused = CliRunner().invoke(app, command)
    assert isinstance(refused.exception, SpecError)
    assert "--population-table" in str(refused.exception)
    report = ["--report", str(tmp_path / "report")]
    made = CliRunner().invoke(app, [*command, "--population-table", str(tmp_path / "everybody.csv"), *report])
    assert made.exit_code == 0, made.output
    assert json.loads(made.output)["measured"]["k_map"] >= 12
    text = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert text["iso_27559"]["7.3_attack_modelling"]["Population or sample"] == "By the population's table"


def test_the_same_input_gives_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    """Negative control: another table does not."""
    table = random_table(8, rows=300)
    made: list[dict[str, bytes]] = []
    for number, rows in enumerate([table, table, table.sample(frac=1, random_state=1), table.drop(index=7)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        rows.to_csv(folder / "people.csv", index=False)
        (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
        for kind in ("csv", "parquet"):
            files = ["--input", str(folder / "people.csv"), "--output", str(folder / f"out.{kind}")]
            report = ["--report", str(folder)] if kind == "csv" else []
            result = CliRunner().invoke(app, ["anonymize", str(folder / "spec.yaml"), *files, *report])
            assert result.exit_code == 0, result.output
        made.append({path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.stem != "people"})
    assert made[0] == made[1]
    assert set(made[0]) == {"out.csv", "out.parquet", "report.html", "report.json", "spec.yaml"}
    for name in ("out.csv", "out.parquet"):
        assert made[0][name] == made[2][name]
        assert made[0][name] != made[3][name]


def test_risk_as_json_shows_the_measured_risks(tmp_path: Path) -> None:
    random_table(2, rows=100).to_parquet(tmp_path / "people.parquet")
    command = ["risk", "--input", str(tmp_path / "people.parquet"), "--quasi", "region,sex,age", "--json"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    figures = json.loads(result.output)
    assert figures["highest_prosecutor"] == 1.0
    assert figures["people"] == 100


def test_risk_as_text_shows_every_requested_measure(tmp_path: Path) -> None:
    table = random_table(2, rows=100)
    table.to_csv(tmp_path / "people.csv", index=False)
    table.to_csv(tmp_path / "everybody.csv", index=False)
    command = ["risk", "--input", str(tmp_path / "people.csv"), "--quasi", "region,sex,age"]
    more = ["--population", "500", "--population-table", str(tmp_path / "everybody.csv"), "--riskiest", "2"]
    result = CliRunner().invoke(app, [*command, *more])
    assert result.exit_code == 0, result.output
    for text in (
        "highest risk (prosecutor)",
        "highest risk (journalist)",
        "unique in the population (Pitman)",
        "100.0%",
    ):
        assert text in result.output
    sizes = table.groupby(["region", "sex", "age"])["age"].transform("size")
    alone = [str(row + 1) for row in sizes.index[sizes == 1][:2]]
    assert "rows at highest risk" in result.output
    assert ", ".join(alone) in result.output
    refused = CliRunner().invoke(app, [*command, "--population", "99"])
    assert isinstance(refused.exception, SpecError)


@pytest.mark.parametrize("kind", ["delta", "parquet"])
def test_a_folder_is_released_on_the_engine(tmp_path: Path, kind: str) -> None:
    table, source = random_table(3, rows=300), tmp_path / "people"
    if kind == "delta":
        write_deltalake(source, pa.Table.from_pandas(table, preserve_index=False))
    else:
        source.mkdir()
        table.iloc[:150].to_parquet(source / "a.parquet", index=False)
        table.iloc[150:].to_parquet(source / "b.parquet", index=False)
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    files = ["--input", str(source), "--output", str(tmp_path / "out"), "--engine", "sail", "--json"]
    result = CliRunner().invoke(app, ["anonymize", str(tmp_path / "spec.yaml"), *files])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["measured"]["k_anonymity"] >= 4
    assert "do not join it" in json.loads(result.output)["other_releases"]
    out = read_table(tmp_path / "out")
    assert len(out) == 300
    assert out.groupby(["region", "sex", "age"]).size().min() >= 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "people", "spec.yaml"]
    again = CliRunner().invoke(app, ["anonymize", str(tmp_path / "spec.yaml"), *files])
    assert isinstance(again.exception, SettingsError)


def test_a_sweep_compares_each_k_on_one_page_and_releases_nothing(tmp_path: Path) -> None:
    random_table(1, rows=200).to_csv(tmp_path / "people.csv", index=False)
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    command = ["anonymize", str(tmp_path / "spec.yaml"), "--input", str(tmp_path / "people.csv")]
    swept = CliRunner().invoke(app, [*command, "--sweep", "k=2,20,500", "--report", str(tmp_path / "sweep"), "--json"])
    assert swept.exit_code == 0, swept.output
    two, twenty, impossible = json.loads(swept.output)
    assert two["loss"] < twenty["loss"]
    assert two["risk"]["highest_prosecutor"] <= 1 / 2
    assert twenty["risk"]["highest_prosecutor"] <= 1 / 20
    assert (impossible["k"], impossible["risk"]) == (500, None)
    # One k of the sweep is the release that its own specification gives.
    (tmp_path / "twenty.yaml").write_text(SPEC.replace("k: 4", "k: 20"), encoding="utf-8")
    single = CliRunner().invoke(
        app,
        ["anonymize", str(tmp_path / "twenty.yaml"), *command[2:], "--output", str(tmp_path / "out.csv"), "--json"],
    )
    assert json.loads(single.output)["information_loss"] == pytest.approx(twenty["loss"], abs=1e-6)
    page = (tmp_path / "sweep" / "sweep.html").read_text(encoding="utf-8")
    assert page.count("<circle") == 4
    assert "no release satisfies the models" in page
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".csv") == ["out.csv", "people.csv"]
    for wrong in (["--sweep", "l=2"], ["--sweep", "k=2", "--output", "o.csv"], []):
        assert isinstance(CliRunner().invoke(app, [*command, *wrong]).exception, SettingsError)
