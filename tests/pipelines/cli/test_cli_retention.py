"""`bojagi retention` on a data folder with a contract of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from installation.contract.document import load_contracts
from installation.installation import Installation
from installation.lakehouse.lakehouse import Lakehouse
from installation.settings import load_settings
from pipelines.cli import retention
from pipelines.cli.app import app
from pipelines.ingest.load import ingest_source
from tests.pipelines.ingest.shop import COLUMNS, NOW, csv_of, sale, write_contract

PERSONAL = {**COLUMNS, "phone": {**COLUMNS["phone"], "identifierRole": "direct"}}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with one old and one new row of a source of its own."""
    write_contract(tmp_path / "contracts", PERSONAL, subject="phone")
    settings = load_settings(data_dir=tmp_path)
    (settings.landing_dir / "sale").mkdir(parents=True)
    (settings.landing_dir / "sale" / "a.csv").write_text(csv_of(sale(1, day="2015-01-01"), sale(2)), "utf-8")
    contract = load_contracts(settings.contract_dirs).source("sale")
    with Installation(settings) as opened:
        ingest_source(contract, opened.lakehouse, settings.landing_dir, opened.protection, lambda: NOW)
    return tmp_path


def told(*arguments: str) -> dict[str, dict[str, object]]:
    done = CliRunner().invoke(app, ["retention", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    return {(entry.get("plan") or entry)["table"]: entry for entry in json.loads(done.stdout)}


def test_a_plan_counts_and_an_apply_deletes(data: Path) -> None:
    day = ["--data", str(data), "--on", "2017-03-05"]
    assert told("plan", *day)["bronze/sale"]["due_rows"] == 1
    done = told("apply", *day)["bronze/sale"]
    assert (done["deleted"], done["keys_destroyed"]) == (1, 1)
    assert told("plan", *day)["bronze/sale"]["due_rows"] == 0
    assert Lakehouse(str(data / "lakehouse")).delta("bronze/sale").to_pyarrow_table()["sale_id"].to_pylist() == ["s2"]


def test_people_are_told_in_a_table(data: Path) -> None:
    arguments = ["--data", str(data), "--on", "2017-03-05"]
    shown = CliRunner().invoke(retention.app, ["plan", *arguments]).stdout.splitlines()
    assert shown[0].split() == ["table", "due", "held", "next", "due", "held", "because"]
    assert shown[1].split(maxsplit=4) == ["bronze/sale", "1", "1", "2018-03-03", "Kept for 366 days from sold_at."]
    assert shown[-1] == "1 rows are due on 2017-03-05"
    done = CliRunner().invoke(retention.app, ["apply", *arguments]).stdout.splitlines()
    assert done[-1].startswith("1 rows deleted, ")
