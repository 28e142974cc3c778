"""Runs `bojagi contracts migrate` on a data folder with its own contract."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from installation.contract.document import load_contracts
from installation.installation import Installation
from installation.lakehouse.lakehouse import Lakehouse
from installation.settings import load_settings
from pipelines.cli.app import app
from pipelines.ingest.source_load import ingest_source
from tests.pipelines.ingest.shop import COLUMNS, NOW, csv_of, sale, write_contract

PERSONAL = {
    **COLUMNS,
    "phone": {**COLUMNS["phone"], "identifierRole": "direct", "category": "pd:TelephoneNumber"},
}
WIDER = {**PERSONAL, "amount": {**COLUMNS["amount"], "physical": "decimal(14,4)"}}
NARROWER = {**PERSONAL, "amount": {**COLUMNS["amount"], "physical": "decimal(4,1)"}}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with two rows."""
    write_contract(tmp_path / "contracts", PERSONAL, subject="phone")
    settings = load_settings(data_dir=tmp_path)
    (settings.landing_dir / "sale").mkdir(parents=True)
    (settings.landing_dir / "sale" / "a.csv").write_text(csv_of(sale(1), sale(2, amount="7.25")), "utf-8")
    contract = load_contracts(settings.contract_dirs).source("sale")
    with Installation(settings) as opened:
        ingest_source(contract, opened.lakehouse, settings.landing_dir, opened.protection, lambda: NOW)
    return tmp_path


def migrate(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["contracts", "migrate", *arguments, "--data", str(data)])


def amount_type(data: Path) -> str:
    return str(Lakehouse(str(data / "lakehouse")).rows("bronze/sale").schema.field("amount").type)


def test_the_plan_lists_the_changes_and_the_command_makes_them(data: Path) -> None:
    assert migrate(data).stdout == "Every table has the form of its contract.\n"
    write_contract(data / "contracts", WIDER, subject="phone")
    shown = migrate(data, "--plan").stdout.splitlines()
    assert shown == [
        "bronze/sale: rewrite (2 rows)",
        "  widened amount (decimal(12,2) → decimal(14,4))",
        "Next: bojagi contracts migrate",
    ]
    assert amount_type(data) == "decimal128(12, 2)"
    assert migrate(data).stdout == "bronze/sale: rewrite (2 rows)\nNext: bojagi run\n"
    assert amount_type(data) == "decimal128(14, 4)"
    assert json.loads(migrate(data, "--plan", "--json").stdout) == []


def test_rows_that_do_not_fit_end_with_exit_code_2_or_go_to_quarantine(data: Path) -> None:
    write_contract(data / "contracts", NARROWER, subject="phone")
    (plan,) = json.loads(migrate(data, "--plan", "--json").stdout)
    assert (plan["possible"], plan["misfit_rows"], plan["misfits"][0]["lines"]) == (False, 1, [3])
    refused = migrate(data)
    assert (refused.exit_code, "1 of 2 rows do not fit" in refused.stderr) == (2, True)
    assert migrate(data, "--quarantine").exit_code == 2  # nobody was asked
    done = migrate(data, "--quarantine", "--yes")
    assert done.stdout.startswith("bronze/sale: rewrite (2 rows); 1 rows moved to quarantine")


def test_every_decryption_of_a_migration_is_in_the_audit_log(data: Path) -> None:
    write_contract(data / "contracts", WIDER, subject="phone")
    assert migrate(data).exit_code == 0
    with Installation(load_settings(data_dir=data)) as opened:
        uses = [entry for _, entry in opened.audit_log.entries() if entry.purpose == "contract_migration"]
    assert {(use.table, use.columns, use.subjects) for use in uses} == {("bronze/sale", ("phone",), 2)}
