"""The identity command from end to end."""

import json
import re

import pandas as pd
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
    steps = {s["comparison"]: s for s in found["steps"]}
    assert steps["birth_date"]["columns"] == ["date_of_birth"]
    assert steps["suburb"]["values"] == frame[frame["person"] == "0"]["suburb"].tolist()
    assert not any(s["comparison"][-1].isdigit() for s in found["steps"])


@pytest.fixture(scope="module")
def chained(tmp_path_factory):
    """People with two records each, and one whose records match only through a third one."""
    given_names = ["민수", "영희", "서연", "지훈", "도윤"] * 24
    rows = [
        {"id": f"{n}-{copy}", "name": f"{family}{given}", "phone": f"010-2{n:03d}-11{n % 90 + 10}", "직업": job,
         "card_no": f"{4_000_000 + n * 7919}"}
        for n, (family, given) in enumerate(zip("김이박최정강조윤장임한오" * 10, given_names, strict=True))
        for copy, job in (("a", "의사"), ("b", "교사"))
    ]  # fmt: skip
    middle = {
        "id": "middle",
        "name": "노진우",
        "phone": "010-9876-5432",
        "card_no": "9876543",
        "직업": "요리사",
    }
    ends = [
        middle | {"id": "first", "card_no": None, "직업": None},
        middle | {"id": "last", "phone": None, "name": None},
    ]
    path = tmp_path_factory.mktemp("chained") / "people.csv"
    write_person_file(pd.DataFrame([*rows, middle, *ends]), path)
    return path


def test_explain_names_the_record_that_links_two_records_and_shows_its_values(chained):
    result = CliRunner().invoke(app, ["explain", "first", "last", "--input", str(chained)])
    assert result.exit_code == 0, result.output
    assert "Same customer: yes, because of record middle" in result.output
    assert re.search(r"middle +\+\d+\.\d\d +노진우 +010-9876-5432 +9876543 +요리사", result.output)
    assert "직업" in result.output
    assert "attribute_0" not in result.output
    found = json.loads(CliRunner().invoke(app, ["explain", "last", "first", "--input", str(chained), "--json"]).stdout)
    assert [record["record"] for record in found["link_path"]] == ["last", "middle", "first"]
    assert (
        CliRunner()
        .invoke(app, ["explain", "first", "middle", "--input", str(chained)])
        .output.endswith("Same customer: yes\n")
    )


def test_previous_keeps_the_ids_and_lists_merges(chained, tmp_path):
    first, second, third = (tmp_path / f"{n}.csv" for n in range(3))
    run = CliRunner().invoke
    assert run(app, ["resolve", "--input", str(chained), "--out", str(first)]).exit_code == 0
    result = run(app, ["resolve", "--input", str(chained), "--out", str(second), "--previous", str(first)])
    assert "243 of 243 known records kept their id (100.00 %); 0 records are new." in result.output
    assert "No merges, splits or moves." in result.output
    assert first.read_bytes() == second.read_bytes()
    changed = read_person_file(first)
    ids = changed["customer_id"].tolist()
    changed.loc[1, "customer_id"] = "c_" + "z" * 26
    write_person_file(changed, second)
    arguments = ["resolve", "--input", str(chained), "--out", str(third), "--previous", str(second)]
    assert f"merge  c_{'z' * 26}  {ids[1]}        1" in run(app, arguments).stdout
    assert read_person_file(third)["customer_id"].tolist() == ids
    told = json.loads(run(app, [*arguments, "--json"]).stdout)
    assert told["previous"]["events"] == [
        {"event": "merge", "from_customer_id": f"c_{'z' * 26}", "to_customer_id": ids[1], "records": 1}
    ]
    assert told["id_column"] == "customer_id"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "nonsense"], "Unknown data set"),
        (["evaluate", "historical_50k"], "--data"),
        (["resolve", "--input", "missing.csv", "--out", "x.csv"], "does not exist"),
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
