"""`bojagi read` prints values as they are, in a layout that fits the terminal, and writes files of each format."""

from __future__ import annotations

import datetime
import io
import json
import stat
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from rich.console import Console
from typer.testing import CliRunner

from installation.installation import Installation
from installation.settings import load_settings
from pipelines.cli import quarantine
from pipelines.cli.app import app
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.read_output import print_read
from privacy.access.plan import ReadPlan
from privacy.access.reader import Read
from privacy.consent.service import Statement, Terms

ODD = "[bold] [/x] [a-z]+"
TABLE, CALL = "gold/customer_lifestyle", Statement("call_center")
READ = ["read", TABLE, "--role", "analyst", "--purpose", "analytics", "--columns", "customer_id,hobbies"]


def result(**columns: list[Any]) -> Read[pa.Table]:
    plan = ReadPlan("gold/a", "analytics", tuple(columns), {}, None, is_personal=False, is_pseudonymised=False)
    return Read(pa.table(columns), plan, None)


def drawn(found: Read[pa.Table], width: int, *, vertical: bool = False) -> list[str]:
    file = io.StringIO()
    print_read(found, Console(file=file, width=width, highlight=False), vertical=vertical)
    return file.getvalue().splitlines()


def test_values_that_look_like_markup_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    for vertical in (False, True):
        assert sum(line.count(ODD) for line in drawn(result(query=[ODD, None]), 80, vertical=vertical)) == 1
    quarantine._print([dict.fromkeys(("source", "file", "line", "rows", "column", "rule", "reason", "age"), ODD)])
    assert capsys.readouterr().out.count(ODD) >= 7


@pytest.mark.parametrize("width", [60, 80, 200])
def test_many_columns_are_printed_one_a_line_without_breaking_values(width: int) -> None:
    columns: dict[str, list[Any]] = {f"measure_number_{n}": [n * 1000.125, None] for n in range(93)}
    lines = drawn(result(**columns, label=["서울특별시 강남구", "a"]), width)
    assert max(map(len, lines[:-2])) <= width
    for number in range(93):
        assert [line.split() for line in lines].count([f"measure_number_{number}", str(number * 1000.125)]) == 1
    assert ["row", "2", "of", "2"] in [line.split() for line in lines]
    assert any("서울특별시 강남구" in line for line in lines)


def test_columns_that_fit_are_printed_as_a_table_unless_vertical_is_asked() -> None:
    few = result(customer=["p_1", "p_2"], orders=[1, 2], note=["word " * 40, None])
    assert drawn(few, 80)[0].split() == ["customer", "orders", "note"]
    assert drawn(few, 80, vertical=True)[0].split() == ["row", "1", "of", "2"]
    assert drawn(few, 40)[0].split() == ["row", "1", "of", "2"]
    assert drawn(result(customer=[]), 80)[0].split() == ["customer"]


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    """A data folder with two customers who permit analytics."""
    monkeypatch.setenv("BOJAGI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    rows = {
        "customer_id": ["c_1", "c_2"],
        "hobbies": ['say "hi",\nyou', None],
        "surveyed_on": [datetime.date(2017, 1, 2), None],
    }
    with Installation(load_settings()) as installation:
        installation.lakehouse.overwrite_rows(TABLE, pa.table(rows))
        for customer in ("c_1", "c_2"):
            installation.consent_store.assign(customer, customer, datetime.datetime(2017, 1, 1))
            installation.consent_service().grant(customer, "analytics", Terms("2026.1", age_years=30), CALL)
        yield CliRunner()


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_a_file_is_private_and_holds_the_rows(runner: CliRunner, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows.{ending}"
    done = runner.invoke(app, [*READ, "--out", str(path)])
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    assert "2 rows" in done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = json.loads(runner.invoke(app, [*READ, "--json"]).stdout)["rows"]
    if ending == "csv":
        options = pyarrow.csv.ParseOptions(newlines_in_values=True)
        nulls = pyarrow.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
        found = pyarrow.csv.read_csv(path, parse_options=options, convert_options=nulls).to_pylist()
    elif ending == "json":
        found = json.loads(path.read_text("utf-8"))["rows"]
    else:
        found = pyarrow.parquet.read_table(path).to_pylist()
    assert found == shown
    assert [row["hobbies"] for row in found] == ['say "hi",\nyou', None]
    assert list(tmp_path.glob(".*")) == []


def test_an_existing_file_stays_unless_force_is_given_and_nothing_is_read(runner: CliRunner, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("mine")
    refused = runner.invoke(app, [*READ, "--out", str(path)])
    assert refused.exit_code == ExitCode.USAGE
    assert "--force" in refused.stderr
    assert path.read_text() == "mine"
    assert runner.invoke(app, ["audit", "show", "--json"]).stdout == ""
    path.chmod(0o644)
    assert runner.invoke(app, [*READ, "--out", str(path), "--force"]).exit_code == 0
    assert path.read_text() != "mine"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--out", "rows.txt"], "has no ending of"),
        (["--format", "parquet"], "Parquet needs a file"),
        (["--format", "csv", "--json"], "leave one of both out"),
        (["--out", "missing/rows.csv"], "existing"),
    ],
)
def test_options_that_contradict_each_other_are_refused(runner: CliRunner, options: list[str], reason: str) -> None:
    done = runner.invoke(app, [*READ, *options], env={"COLUMNS": "200"})
    assert done.exit_code == ExitCode.USAGE
    assert reason in done.stderr


def test_a_condition_selects_rows_and_a_forbidden_column_is_refused_and_logged(runner: CliRunner) -> None:
    one = runner.invoke(app, [*READ, "--where", "hobbies like 'say%'", "--json"])
    assert [row["hobbies"] for row in json.loads(one.stdout)["rows"]] == ['say "hi",\nyou']
    assert "the condition holds for 1 people" in runner.invoke(app, [*READ, "--where", "hobbies is null"]).stdout
    pseudonym = json.loads(one.stdout)["rows"][0]["customer_id"]
    again = runner.invoke(app, [*READ, "--customer", pseudonym, "--format", "csv"])
    assert again.stdout == f'"customer_id","hobbies"\n"{pseudonym}","say ""hi"",\nyou"\n'
    refused = runner.invoke(app, [*READ, "--where", "health_spend_share > 0.31415"])
    assert refused.exit_code == ExitCode.REFUSED
    assert "health_spend_share does not serve analytics" in refused.stderr
    log = runner.invoke(app, ["audit", "show", "--json"]).stdout
    entries = [json.loads(line) for line in log.splitlines()]
    assert [entry["outcome"] for entry in entries] == ["allowed"] * 3 + ["refused"]
    assert [entry["filtered_by"] for entry in entries] == [["hobbies"], ["hobbies"], ["customer_id"], []]
    assert "31415" not in log
    assert pseudonym not in log


def test_decimals_are_printed_exactly() -> None:
    assert "0.10" in drawn(result(spend=[Decimal("0.10")]), 80)[1]
