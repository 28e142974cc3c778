"""The README's commands do what it says: its block on a source of one's own is executed as it stands."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable

ROOT = Path(__file__).parent.parent


def executed_block() -> str:
    text = (ROOT / "README.md").read_text()
    found = re.search(r"<!-- executed by tests/test_readme.py -->\n```bash\n(.*?)```", text, re.DOTALL)
    assert found, "README lost its executed block"
    return found[1]


def test_every_image_and_page_that_the_readme_names_is_there() -> None:
    names = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_commands_of_the_readme_are_targets_of_make() -> None:
    named = set(re.findall(r"make ([a-z]+)", (ROOT / "README.md").read_text())) - {"and"}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named <= targets


@pytest.mark.slow
def test_a_source_of_ones_own_takes_one_yaml_file(tmp_path: Path) -> None:
    bojagi = f'"{sys.executable}" -m pipelines.cli'
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}

    def run(script: str) -> str:
        script = f'set -euo pipefail\nbojagi() {{ {bojagi} "$@"; }}\n{script}'
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("bojagi simulate --households 20")
    said = run(executed_block())
    assert re.search(r"bronze/parking_visit +5 rows", said)
    assert re.search(r"parking_visit +entered_at", said), "the broken row is named by source and column"
    status = json.loads(run("bojagi status --json"))
    assert any(table["table"] == "bronze/parking_visit" for table in status["tables"])
    events = DeltaTable(tmp_path / "data" / "lakehouse" / "silver" / "touchpoint_event")
    kinds = events.to_pyarrow_table(columns=["event_type"])["event_type"]
    assert pc.sum(pc.equal(kinds, "parking")).as_py() == 5
