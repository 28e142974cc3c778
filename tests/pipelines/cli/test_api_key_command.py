"""`bojagi api-key`: keys are made, listed and revoked; what cannot work is refused before a key exists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.cli.exit_code import ExitCode

NEW = ["create", "--name", "web-shop", "--role", "agent", "--purpose", "personalisation"]


def keys(data: Path, *arguments: str, code: ExitCode = ExitCode.OK) -> str:
    result = CliRunner().invoke(app, ["api-key", *arguments, "--data", str(data)])
    assert result.exit_code == code, result.output
    return result.output


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(tmp_path: Path) -> None:
    made = json.loads(keys(tmp_path, *NEW, "--expires", "90d", "--json"))
    assert made["key"].startswith(f"bjg_{made['id']}_")
    listed = keys(tmp_path, "list", "--json")
    assert made["key"].removeprefix(f"bjg_{made['id']}_") not in listed
    (row,) = json.loads(listed)
    assert (row["name"], row["role"], row["purposes"], row["state"]) == (
        "web-shop",
        "agent",
        ["personalisation"],
        "active",
    )
    assert row["expires_at"] is not None
    assert "is revoked" in keys(tmp_path, "revoke", made["id"])
    assert json.loads(keys(tmp_path, "list", "--json"))[0]["state"] == "revoked"
    assert "web-shop" in keys(tmp_path, "list")


def test_without_json_the_key_alone_is_on_standard_output(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["api-key", *NEW, "--data", str(tmp_path)])
    assert result.stdout.startswith("bjg_")
    assert len(result.stdout.split()) == 1
    assert "not shown again" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (
            ("--role", "agent", "--purpose", "legal_records"),
            ExitCode.REFUSED,
            "does not have the purpose legal_records",
        ),
        (("--role", "agnt", "--purpose", "personalisation"), ExitCode.REFUSED, "agnt"),
        (
            ("--role", "agent", "--purpose", "personalisation", "--expires", "soon"),
            ExitCode.USAGE,
            "expected a number of days",
        ),
        (("--role", "agent", "--purpose", "personalisation", "--name", "a/b"), ExitCode.USAGE, "expected 1 to 80"),
    ],
)
def test_a_key_that_could_not_work_is_refused_and_none_is_made(
    tmp_path: Path, arguments: tuple[str, ...], code: ExitCode, told: str
) -> None:
    name = () if "--name" in arguments else ("--name", "web-shop")
    assert told in " ".join(keys(tmp_path, "create", *name, *arguments, code=code).split())
    assert "There are no API keys" in keys(tmp_path, "list")


def test_revoking_an_unknown_key_names_the_list(tmp_path: Path) -> None:
    assert "api-key list" in keys(tmp_path, "revoke", "0123456789ab", code=ExitCode.USAGE)
