"""Runs `bojagi retention` on a data folder with its own contract."""

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
from pipelines.ingest.source_load import ingest_source
from tests.pipelines.ingest.shop import COLUMNS, NOW, csv_of, sale, write_contract

PERSONAL = {**COLUMNS, "phone": {**COLUMNS["phone"], "identifierRole": "direct"}}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with one old and one new row."""
    write_contract(tmp_path / "contracts", PERSONAL, subject="phone")
    settings = load_settings(data_dir=tmp_path)
    (settings.landing_dir / "sale").mkdir(parents=True)
    (settings.landing_dir / "sale" / "a.csv").write_text(csv_of(sale(1, day="2015-01-01"), sale(2)), "utf-8")
    contract = load_contracts(settings.contract_dirs).source("sale")
    with Installation(settings) as opened:
        ingest_source(contract, opened.lakehouse, settings.landing_dir, opened.protection, lambda: NOW)
    return tmp_path


def entries_of(*arguments: str) -> dict[str, dict[str, object]]:
    done = CliRunner().invoke(app, ["retention", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    return {(entry.get("plan") or entry)["table"]: entry for entry in json.loads(done.stdout)}


def test_plan_counts_due_rows_and_apply_deletes_them(data: Path) -> None:
    day = ["--data", str(data), "--on", "2017-03-05"]
    assert entries_of("plan", *day)["bronze/sale"]["due_rows"] == 1
    done = entries_of("apply", *day)["bronze/sale"]
    assert (done["deleted"], done["keys_destroyed"]) == (1, 1)
    assert entries_of("plan", *day)["bronze/sale"]["due_rows"] == 0
    assert Lakehouse(str(data / "lakehouse")).delta("bronze/sale").to_pyarrow_table()["sale_id"].to_pylist() == ["s2"]


def test_the_text_output_is_a_table_and_a_total(data: Path) -> None:
    arguments = ["--data", str(data), "--on", "2017-03-05"]
    shown = CliRunner().invoke(retention.app, ["plan", *arguments]).stdout.splitlines()
    assert shown[0].split() == ["table", "due", "kept", "next", "due", "kept", "because"]
    assert shown[1].split(maxsplit=4) == ["bronze/sale", "1", "1", "2018-03-03", "Kept for 366 days from sold_at."]
    assert shown[-1] == "1 rows are due on 2017-03-05"
    done = CliRunner().invoke(retention.app, ["apply", *arguments]).stdout.splitlines()
    assert done[-1].startswith("1 rows deleted, ")
