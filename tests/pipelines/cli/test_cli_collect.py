"""Commands `bojagi collect`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.cli.exit_code import ExitCode
from tests.features.retrieval.feature_shop import FeatureShop
from tests.pipelines.collection.test_micro_batch import message, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shop = FeatureShop(tmp_path)
    write(shop, message(1), message(1), message(2, type="teleport"))
    shop.close()
    return tmp_path


def command(folder: Path, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["collect", *arguments, "--data", str(folder)])
    return done.exit_code, done.stdout


def test_write_keys_are_made_listed_and_revoked(folder: Path) -> None:
    code, made = command(folder, "key", "create", "--name", "web-shop", "--json")
    assert code == 0
    key = json.loads(made)
    assert key["source"] == "source.tracked_event"

    def listed() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(command(folder, "key", "list", "--json")[1])
        return found

    assert [(one["id"], one["state"]) for one in listed()] == [(key["id"], "active")]
    assert key["key"] not in json.dumps(listed())
    assert command(folder, "key", "revoke", key["id"])[0] == 0
    assert [one["state"] for one in listed()] == ["revoked"]
    assert command(folder, "key", "revoke", "000000000000")[0] == ExitCode.REFUSED
    refused = command(folder, "key", "create", "--name", "till", "--source", "source.web_event")
    assert refused[0] == ExitCode.REFUSED
    keys = CliRunner().invoke(app, ["api-key", "list", "--json", "--data", str(folder)])
    assert json.loads(keys.stdout) == []


def test_what_is_in_the_log_is_loaded(folder: Path) -> None:
    code, told = command(folder, "load", "--json")
    assert code == 0
    counts = json.loads(told)
    assert (counts["added"], counts["repeated"], counts["quarantined"], counts["segments"]) == (1, 1, 1, 1)
    assert command(folder, "load") == (0, "No events wait to be loaded.\n")


def test_status_shows_what_waits_and_replay_loads_what_was_quarantined(folder: Path) -> None:
    def waiting() -> tuple[int, dict[str, Any]]:
        code, told = command(folder, "status", "--json")
        (found,) = json.loads(told)
        return code, found

    code, found = waiting()
    assert (code, found["segments"], found["is_late"]) == (0, 1, False)
    assert found["size_bytes"] > 0
    assert command(folder, "load")[0] == 0
    assert waiting()[1] | {"segments": 0, "size_bytes": 0, "seconds": 0.0} == waiting()[1]
    assert "tracked_event" in command(folder, "status")[1]
    (report,) = json.loads(command(folder, "replay", "--json")[1])
    assert (report["source"], report["rows_added"], report["rows_quarantined"]) == ("tracked_event", 0, 1)
