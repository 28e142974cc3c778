"""The commands `bojagi policy` on a data folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.cli.exit_code import ExitCode
from privacy.consent.state import State
from tests.features.policy.policy_shop import EVERYBODY, PolicyShop, document
from tests.features.retrieval.feature_shop import ZONE


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[PolicyShop]:
    with closing(PolicyShop(tmp_path)) as made:
        made.moment = datetime.now(ZONE).replace(tzinfo=None)
        yield made


def invoke(shop: PolicyShop, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["policy", *arguments, "--data", str(shop.installation.settings.data_dir)])


def test_a_policy_is_created_learned_judged_and_shown(shop: PolicyShop, tmp_path: Path) -> None:
    file = tmp_path / "second.yaml"
    file.write_text(document(name="second"))
    assert invoke(shop, "create", str(file)).output == "second: relevance, thrifty; learned by lin_ts\n"
    shop.log(EVERYBODY, 0.6)
    assert invoke(shop, "learn", "objective").output.startswith("objective/2: learned by lin_ts;")
    done = invoke(shop, "judge", "objective")
    assert done.output.startswith("better: worth more than the logged decisions and than the greedy policy\n")
    assert "policy - greedy: +" in done.output
    rows = json.loads(invoke(shop, "status", "--json").output)
    assert [(row["version"], row["serves"]) for row in rows] == [
        ("objective/1", ""), ("objective/2", "yes"), ("second/1", "yes"),
    ]  # fmt: skip
    assert "objective/2" in invoke(shop, "status").output


def test_a_judgement_without_decisions_says_why(shop: PolicyShop) -> None:
    assert invoke(shop, "judge", "objective").exit_code == ExitCode.USAGE
    shop.permit(EVERYBODY, State.WITHDRAWN, days_ago=1)
    shop.log(EVERYBODY, 0.6)
    done = invoke(shop, "learn", "objective")
    assert done.exit_code == ExitCode.REFUSED
    assert "decisions of 0 customers" in done.stderr


def test_a_file_that_is_no_text_is_refused(shop: PolicyShop, tmp_path: Path) -> None:
    file = tmp_path / "bytes.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    assert invoke(shop, "create", str(file)).exit_code == ExitCode.USAGE
