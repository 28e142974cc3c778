"""The commands `bojagi experiment` on a small installation."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from installation.installation import Installation
from installation.settings import load_settings
from pipelines.cli.app import app
from pipelines.cli.exit_code import ExitCode
from tests.features.experiment.experiment_shop import document


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with an empty record of consents."""
    folder = tmp_path / "data"
    with Installation(load_settings(data_dir=folder)) as opened, closing(opened.open_consent_store()):
        pass
    return folder


def invoke(data: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["experiment", *arguments, "--data", str(data)])


def test_an_experiment_is_created_listed_reported_and_stopped(data: Path, tmp_path: Path) -> None:
    file, page = tmp_path / "basket.yaml", tmp_path / "basket.html"
    file.write_text(document(), "utf-8")
    made = invoke(data, "create", str(file), "--role", "analyst", "--who", "kim")
    assert made.exit_code == 0, made.output
    assert "basket: 2 variants" in made.output
    assert invoke(data, "create", str(file), "--role", "analyst").exit_code == ExitCode.USAGE
    (listed,) = json.loads(invoke(data, "status", "--json").stdout)
    assert (listed["name"], listed["variants"]) == ("basket", "control = popular/1 (50%), new = hybrid/1 (50%)")
    told = json.loads(invoke(data, "report", "basket", "--role", "analyst", "--out", str(page), "--json").stdout)
    assert [one["answer"] for one in told["verdicts"]] == ["undecided"]
    assert "too few customers" in page.read_text("utf-8")
    assert "src=" not in page.read_text("utf-8")
    assert "too few customers" in invoke(data, "report", "basket", "--role", "analyst").stdout
    assert invoke(data, "stop", "basket", "--role", "analyst", "--reason", "decided", "--who", "kim").exit_code == 0
    assert json.loads(invoke(data, "status", "--json").stdout)[0]["state"] == "stopped: decided"
    with Installation(load_settings(data_dir=data)) as opened:
        entries = [one for _, one in opened.audit_log.entries() if one.table == "experiment/basket"]
    assert [one.action for one in entries] == ["create", "report", "report", "stop"]
    assert (entries[0].who, entries[0].role) == ("kim", "analyst")


def test_a_role_without_the_purpose_may_do_nothing(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "basket.yaml"
    file.write_text(document(), "utf-8")
    refused = invoke(data, "create", str(file), "--role", "marketer")
    assert refused.exit_code == ExitCode.REFUSED
    assert "may not create" in refused.output
    assert json.loads(invoke(data, "status", "--json").stdout) == []
