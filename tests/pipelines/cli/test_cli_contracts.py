from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli.contracts import app

EXAMPLE = Path(__file__).parent.parent / "contracts" / "example"


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "source_member.odcs.yaml"
    path.write_text(path.read_text("utf-8").replace("pd:Name", "pd:Naam"), "utf-8")
    return tmp_path


def test_a_check_without_faults_prints_the_data_map(runner: CliRunner) -> None:
    result = runner.invoke(app, ["check", "--contracts", str(EXAMPLE)])
    assert result.exit_code == 0
    assert "record of processing activities" in result.output
    assert "3 contracts, no faults." in result.output


def test_a_quiet_check_prints_one_line(runner: CliRunner) -> None:
    result = runner.invoke(app, ["check", "--quiet", "--contracts", str(EXAMPLE)])
    assert len(result.output.strip().splitlines()) == 1


def test_a_fault_ends_in_exit_code_1_with_file_and_line(runner: CliRunner, broken: Path) -> None:
    result = runner.invoke(app, ["check", "--contracts", str(broken)])
    assert result.exit_code == 1
    line = (broken / "source_member.odcs.yaml").read_text("utf-8").split("pd:Naam")[0].count("\n") + 1
    assert f"source_member.odcs.yaml:{line}: Property 'dataCategory' has an invalid value" in result.output
    assert "record of processing" not in result.output


def test_check_prints_json_with_faults_or_the_data_map(runner: CliRunner, broken: Path) -> None:
    sound = json.loads(runner.invoke(app, ["check", "--json", "--contracts", str(EXAMPLE)]).output)
    assert (sound["contracts"], sound["faults"], len(sound["data_map"])) == (3, [], 11)
    result = runner.invoke(app, ["check", "--json", "--contracts", str(broken)])
    faulty = json.loads(result.output)
    assert result.exit_code == 1
    assert faulty["data_map"] is None
    assert faulty["faults"][0]["got"] == "'pd:Naam'"


def test_map_prints_the_columns_of_one_table_as_json(runner: CliRunner) -> None:
    result = runner.invoke(app, ["map", "bronze/member", "--json", "--contracts", str(EXAMPLE)])
    rows = json.loads(result.output)
    assert {row["table"] for row in rows} == {"bronze/member"}
    assert len(rows) == 6


def test_init_drafts_a_contract_that_check_accepts(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "visit_2017-07.csv"
    file.write_text(
        "방문번호,회원번호,방문일시\n1,M000000001,2017-07-01 10:00:00\n2,M000000002,2017-07-02 11:00:00\n",
        "cp949",
    )
    contracts = tmp_path / "contracts"
    contracts.mkdir()
    result = runner.invoke(app, ["init", str(file), "--out", str(contracts)])
    assert result.exit_code == 0, result.output
    assert (contracts / "source_visit.odcs.yaml").exists()
    assert "bojagi contracts check --contracts" in result.output
    checked = runner.invoke(app, ["check", "--quiet", "--contracts", str(contracts)])
    assert checked.exit_code == 0, checked.output
    assert "member_no is still a guess" in checked.output


def test_init_makes_the_folder_of_the_contract(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "visit.csv"
    file.write_text("visit_no,amount\nV1,3\nV2,4\n", "utf-8")
    contracts = tmp_path / "data" / "contracts"
    result = runner.invoke(app, ["init", str(file), "--out", str(contracts)])
    assert result.exit_code == 0, result.output
    assert [path.name for path in contracts.iterdir()] == ["source_visit.odcs.yaml"]


def test_init_does_not_overwrite_an_existing_file(runner: CliRunner, tmp_path: Path) -> None:
    file, out = tmp_path / "a.csv", tmp_path / "a.yaml"
    file.write_text("id\n1\n2\n", "utf-8")
    out.write_text("mine", "utf-8")
    result = runner.invoke(app, ["init", str(file), "--out", str(out)])
    assert result.exit_code == 2
    assert out.read_text("utf-8") == "mine"


def test_init_without_out_prints_the_draft(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id\n1\n2\n", "utf-8")
    result = runner.invoke(app, ["init", str(file), "--name", "visits"])
    assert "id: source.visits" in result.output


def test_check_without_options_checks_the_built_in_contracts(runner: CliRunner) -> None:
    result = runner.invoke(app, ["check", "--quiet"])
    assert result.exit_code == 0, result.output
