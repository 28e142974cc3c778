"""`bojagi federated` trains a declared model, shows its state, evaluates it and writes a plan for other companies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from federated.plan import Plan
from pipelines.cli.app import app
from tests.features.repo.training_market import TrainingMarket, random_orders

MODEL = "next_purchase"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose model is trained."""
    folder = tmp_path_factory.mktemp("data")
    market = TrainingMarket(folder, random_orders(7, customers=60, regulars=0.3))
    market.installation.close()
    (folder / "run_date.toml").write_text("run_date = 2017-06-30\n")
    run = CliRunner().invoke(app, ["federated", "run", MODEL, "--data", str(folder)])
    assert run.exit_code == 0, run.output
    assert "round 1: sum of 4 sites" in run.output
    assert f"Next: bojagi federated evaluate {MODEL}" in run.output
    return folder


def test_the_status_lists_every_declared_model(data: Path) -> None:
    found = CliRunner().invoke(app, ["federated", "status", "--json", "--data", str(data)])
    models = {one["name"]: one for one in json.loads(found.stdout)}
    assert (models[MODEL]["state"], models["churn"]["state"]) == ("trained", "untrained")
    assert models[MODEL]["sites"] == ["capital", "gyeongsang", "midland", "southwest"]
    shown = CliRunner().invoke(app, ["federated", "status", MODEL, "--data", str(data)])
    assert "masked: the server saw only their sum" in shown.stdout


def test_the_evaluation_names_its_report(data: Path) -> None:
    found = CliRunner().invoke(app, ["federated", "evaluate", MODEL, "--data", str(data)])
    assert found.exit_code == 0, found.output
    assert "Too few held-out customers of each outcome to tell what it is worth to: capital" in found.stdout
    assert (data / "federated" / MODEL / "report.html").exists()
    as_json = CliRunner().invoke(app, ["federated", "evaluate", MODEL, "--json", "--data", str(data)])
    assert len(json.loads(as_json.stdout)["sites"]) == 4


def test_a_plan_is_written_for_other_companies(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    arguments = ["federated", "plan", MODEL, "--sites", "5", "--output", str(path), "--data", str(data)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    plan = Plan.from_json(path.read_text())
    assert (plan.sites_max, plan.is_secure, plan.task.name) == (5, True, "glm")


def test_a_model_that_is_not_declared_ends_with_the_code_of_usage(data: Path) -> None:
    found = CliRunner().invoke(app, ["federated", "run", "oracle", "--data", str(data)])
    assert (found.exit_code, "there are: churn, next_purchase" in found.output) == (2, True)
