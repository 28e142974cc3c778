"""Runs `bojagi retention` on a data folder with its own contract."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
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


WITHOUT_ASKING = ("--yes", "--allow-share", "50%")


def entries_of(*arguments: str) -> dict[str, dict[str, object]]:
    done = CliRunner().invoke(app, ["retention", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    return {(entry.get("plan") or entry)["table"]: entry for entry in json.loads(done.stdout)}


def test_plan_counts_due_rows_and_apply_deletes_them(data: Path) -> None:
    day = ["--data", str(data), "--on", "2017-03-05"]
    assert entries_of("plan", *day)["bronze/sale"]["due_rows"] == 1
    done = entries_of("apply", *day, *WITHOUT_ASKING)["bronze/sale"]
    assert (done["deleted"], done["keys_destroyed"]) == (1, 1)
    assert entries_of("plan", *day)["bronze/sale"]["due_rows"] == 0
    assert Lakehouse(str(data / "lakehouse")).delta("bronze/sale").to_pyarrow_table()["sale_id"].to_pylist() == ["s2"]


def test_the_text_output_is_a_table_and_a_total(data: Path) -> None:
    arguments = ["--data", str(data), "--on", "2017-03-05"]
    shown = CliRunner().invoke(retention.app, ["plan", *arguments]).stdout.splitlines()
    assert shown[0].split() == ["table", "due", "share", "kept", "next", "due", "kept", "because"]
    row = ["bronze/sale", "1", "50.0%", "1", "2018-03-03", "Kept for 366 days from sold_at."]
    assert shown[1].split(maxsplit=5) == row
    assert shown[-1] == "1 rows are due on 2017-03-05"
    done = CliRunner().invoke(retention.app, ["apply", *arguments, *WITHOUT_ASKING]).stdout.splitlines()
    assert done[-1].startswith("1 rows deleted, ")


def sales(data: Path) -> int:
    return Lakehouse(str(data / "lakehouse")).delta("bronze/sale").to_pyarrow_table().num_rows


def test_apply_without_a_terminal_and_without_yes_deletes_nothing_and_exits_with_2(data: Path) -> None:
    done = CliRunner().invoke(app, ["retention", "apply", "--data", str(data), "--allow-share", "1"], input="y\n")
    assert done.exit_code == 2
    assert "no terminal" in done.output
    assert "--yes" in done.output
    assert sales(data) == 2


@pytest.mark.parametrize("share", [(), ("--allow-share", "0.49")])
def test_apply_refuses_more_than_the_allowed_share_of_a_table(data: Path, share: tuple[str, ...]) -> None:
    day = ["--data", str(data), "--on", "2017-03-05"]
    done = CliRunner().invoke(app, ["retention", "apply", *day, "--yes", *share])
    assert done.exit_code == 5
    assert "bronze/sale (1 of 2, 50%)" in done.stderr
    assert sales(data) == 2


@pytest.mark.parametrize("share", ["-0.1", "1.5", "200%", "half"])
def test_a_share_outside_0_to_1_is_a_usage_error(data: Path, share: str) -> None:
    done = CliRunner().invoke(app, ["retention", "apply", "--data", str(data), "--yes", "--allow-share", share])
    assert done.exit_code == 2
    assert "such as 0.5, or 50%" in " ".join(done.output.replace("│", " ").split())


@pytest.mark.parametrize(("answer", "left"), [("n", 2), ("y", 1)])
def test_at_a_terminal_apply_shows_the_rows_and_deletes_them_only_after_yes(data: Path, answer: str, left: int) -> None:
    main, worker = pty.openpty()
    os.write(main, f"{answer}\n".encode())
    day = ["--data", str(data), "--on", "2017-03-05", "--allow-share", "0.5"]
    command = [sys.executable, "-m", "pipelines.cli", "retention", "apply", *day]
    done = subprocess.run(command, stdin=worker, capture_output=True, text=True, check=True)
    os.close(main)
    os.close(worker)
    assert "bronze/sale" in done.stderr
    assert "50.0%" in done.stderr
    assert "Delete these 1 rows, which are due on 2017-03-05?" in done.stderr
    assert ("Nothing was deleted." in done.stderr) is (answer == "n")
    assert sales(data) == left
