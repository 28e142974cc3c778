"""The marked code blocks of README.md and of the tutorial are executed as they stand, and do what the pages say."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(r"<!-- executed by tests/test_readme.py -->\n```bash\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Shop:
    """A folder in which a small market was simulated and the block of README.md was executed."""

    folder: Path
    readme_output: str


def executed_blocks(page: str) -> str:
    """Return the marked code blocks of a page as one script."""
    blocks = _BLOCK.findall((ROOT / page).read_text("utf-8"))
    assert blocks, f"{page} has no executed block"
    return "\n".join(blocks)


def execute(script: str, folder: Path) -> str:
    """Execute a script with `bojagi` as the command of this tree, and return what it printed."""
    # A program and not a function of the shell, so that the process id of a server in the background is its own.
    program = folder / "bin" / "bojagi"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipelines.cli "$@"\n')
    program.chmod(0o700)
    path = f"{program.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{script}"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    shutil.copytree(ROOT / "docs" / "examples", folder / "docs" / "examples")
    execute("bojagi simulate --households 20", folder)
    return Shop(folder, execute(executed_blocks("README.md"), folder))


@pytest.mark.slow
def test_a_source_of_ones_own_takes_one_yaml_file(shop: Shop) -> None:
    assert re.search(r"bronze/parking_visit +5 rows", shop.readme_output)
    assert re.search(r"parking_visit.csv +7 +1 +entered_at", shop.readme_output), "the broken row is named by its place"
    status = json.loads(execute("bojagi status --json", shop.folder))
    assert any(table["table"] == "bronze/parking_visit" for table in status["tables"])
    events = DeltaTable(shop.folder / "data" / "lakehouse" / "silver" / "touchpoint_event")
    kinds = events.to_pyarrow_table(columns=["event_type"])["event_type"]
    assert pc.sum(pc.equal(kinds, "parking")).as_py() == 5


@pytest.mark.slow
def test_the_tutorial_shows_the_withdrawal_the_refusals_and_the_log(shop: Shop) -> None:
    output = execute(executed_blocks("docs/tutorial.md"), shop.folder)
    permitting = [int(found) for found in re.findall(r"holds ([\d,]+) people who permit analytics", output)]
    assert permitting == [permitting[0], permitting[0] - 1], "the withdrawal hides one customer from the next read"
    assert output.count("exit code 6") == 2, (
        "the analyst's read of bronze and the question without a budget are refused"
    )
    assert re.search(r"ρ 9\.9 of 10 left", output), "the question cost 0.1"
    assert re.search(r"refused.*bronze/crm_customer|bronze/crm_customer.*refused", output), "the refusal is in the log"


@pytest.mark.slow
def test_a_feature_of_ones_own_takes_one_yaml_file_and_ten_lines_of_spark(shop: Shop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    output = execute(executed_blocks("docs/features.md").replace("8080", str(port)), shop.folder)
    assert "customer_weekend:order_count_90d = " in output
    answer = json.loads(next(line for line in output.splitlines() if line.startswith('{"service"')))
    (customer,) = answer["customers"]
    table = DeltaTable(shop.folder / "data" / "lakehouse" / "gold" / "customer_weekend").to_pyarrow_table()
    rows = [row for row in table.to_pylist() if row["customer_id"] == customer["customer"]]
    newest = max(rows, key=lambda row: row["as_of"])
    for name in ("order_count_90d", "weekend_order_share_90d"):
        assert customer["values"][f"customer_weekend:{name}"] == newest[name]
