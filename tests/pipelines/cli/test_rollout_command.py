"""`bojagi experiment` creates, shows and stops a rollout, and the job of Dagster judges it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml
from typer.testing import CliRunner

from features.rollout.service import Rollouts
from installation.clock import wall_clock
from installation.installation import Installation
from installation.settings import load_settings
from pipelines.cli.app import app
from pipelines.defs.rollout import rollout_job, rollout_schedule
from tests.features.rollout.rollout_shop import CANARY, NEW, OLD, SUBJECT, document

ROLE = ("--role", "marketer")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rollout.yaml").write_text(document(CANARY | {"hours": 48}))
    return tmp_path


def run(folder: Path, *words: str) -> str:
    """Run a command of experiments; return what it prints."""
    done = CliRunner().invoke(app, ["experiment", *words, "--data", str(folder / "data")])
    assert done.exit_code == 0, done.output
    return done.output


def test_one_command_creates_and_one_switches_back(folder: Path) -> None:
    created = run(folder, "create", str(folder / "rollout.yaml"), *ROLE)
    assert created == "hybrid_3: popularity/1 to hybrid/3; canary 20%\n"
    (row,) = json.loads(run(folder, "status", "--json"))
    assert row["state"].startswith("canary (1 of 1), continue: canary until")
    assert "hybrid_3" in run(folder, "status")
    words = ["experiment", "create", str(folder / "rollout.yaml"), *ROLE, "--data", str(folder / "data")]
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 2
    assert "already" in again.stderr
    variants = [{"name": name, "version": name, "share": 0.5} for name in ("one", "two")]
    whole = {"name": "hybrid_3", "purpose": "marketing", "start": "2026-03-02", "variants": variants}
    (folder / "experiment.yaml").write_text(yaml.safe_dump(whole | {"metric": {"name": "spend"}}))
    taken = CliRunner().invoke(app, [*words[:2], str(folder / "experiment.yaml"), *words[3:]])
    assert "There is a rollout 'hybrid_3'" in taken.stderr
    run(folder, "stop", "hybrid_3", *ROLE, "--reason", "customers complain")
    page = folder / "page.html"
    told = run(folder, "report", "hybrid_3", *ROLE, "--out", str(page))
    assert "stopped: customers complain" in told
    assert "popularity/1 to hybrid/3" in page.read_text()
    assert json.loads(run(folder, "report", "hybrid_3", *ROLE, "--json"))["state"] == "stopped"


def test_the_job_rolls_back_and_says_why(folder: Path) -> None:
    run(folder, "create", str(folder / "rollout.yaml"), *ROLE)
    settings = load_settings(data_dir=folder / "data")
    later = Installation(settings, lambda: wall_clock() + timedelta(hours=1))
    with Installation(settings) as installation:
        rollouts = Rollouts(installation)
        rollouts.record(SUBJECT, OLD, 800, 8)
        rollouts.record(SUBJECT, NEW, 200, 100)
        rollouts.close()
    job = rollout_job(later)
    schedule, context = rollout_schedule(job, later), dg.build_schedule_context()
    assert isinstance(schedule(context), dg.RunRequest)
    events = job.execute_in_process().all_node_events
    assert isinstance(schedule(context), dg.SkipReason)
    later.close()
    (output,) = (one.step_output_data for one in events if one.event_type_value == "STEP_OUTPUT")
    assert "roll back: guardrail broken" in str(output.metadata["hybrid_3"].value)
    assert "rolled back: guardrail broken: error 50.00%" in run(folder, "status")
