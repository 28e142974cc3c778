"""`bojagi console account`: accounts are added, listed and revoked; a link is made anew; sessions end."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent_serving.web.pass_store import PassKind
from agent_serving.web.site import open_passes
from installation.installation import Installation
from installation.settings import load_settings
from pipelines.cli.app import app
from pipelines.cli.exit_code import ExitCode


def account(data: Path, *arguments: str, code: ExitCode = ExitCode.OK) -> str:
    result = CliRunner().invoke(app, ["console", "account", *arguments, "--data", str(data)])
    assert result.exit_code == code, result.output
    return result.stdout


def secret_of(text: str) -> str:
    found = re.fullmatch(r"http://127\.0\.0\.1:8080/console/sign-in/link\?token=([\w-]{43})\n", text)
    assert found
    return found[1]


def test_an_account_gets_links_is_listed_and_loses_its_links_and_sessions_when_revoked(tmp_path: Path) -> None:
    secrets = [secret_of(account(tmp_path, "add", "minji", "--role", "marketer"))]
    secrets += [secret_of(account(tmp_path, "link", "minji"))]
    (row,) = json.loads(account(tmp_path, "list", "--json"))
    assert (row["name"], row["role"], row["state"]) == ("minji", "marketer", "active")
    with Installation(load_settings(data_dir=tmp_path)) as installation, closing(open_passes(installation)) as passes:
        assert all(passes.read(PassKind.STAFF_LINK, one) for one in secrets)
        assert "is revoked" in account(tmp_path, "revoke", "minji")
        assert not any(passes.read(PassKind.STAFF_LINK, one) for one in secrets)
    assert "revoked" in account(tmp_path, "list")
    account(tmp_path, "add", "minji", "--role", "analyst")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("add", "minji", "--role", "agent"), ExitCode.REFUSED), (("add", "minji", "--role", "root"), ExitCode.REFUSED),
     (("add", "<b>", "--role", "analyst"), ExitCode.USAGE), (("add", "taken", "--role", "analyst"), ExitCode.USAGE),
     (("link", "nobody"), ExitCode.USAGE), (("revoke", "nobody"), ExitCode.USAGE)],
)  # fmt: skip
def test_what_cannot_be_is_refused(tmp_path: Path, arguments: tuple[str, ...], code: ExitCode) -> None:
    account(tmp_path, "add", "taken", "--role", "analyst")
    account(tmp_path, *arguments, code=code)
    assert len(json.loads(account(tmp_path, "list", "--json"))) == 1
