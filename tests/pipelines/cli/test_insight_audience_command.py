"""The commands `bojagi insight audience` on a small installation."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from installation.installation import Installation
from installation.settings import load_settings
from pipelines.cli.app import app
from pipelines.cli.exit_code import ExitCode
from privacy.consent.record import ConsentRecord
from privacy.consent.state import State

NAMES = [f"c_{n:03d}" for n in range(121)]
RULE = """
name: frequent
description: Ordered at least forty times
purpose: marketing
rule: {feature: "customer_purchase_window:order_count_365d", at_least: 40}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which customer number n ordered n times, and all but the last permit marketing."""
    folder = tmp_path_factory.mktemp("market") / "data"
    with Installation(load_settings(data_dir=folder)) as opened:
        today, given_at = opened.decision_moment().date(), opened.decision_moment() - timedelta(days=30)
        opened.lakehouse.overwrite_rows("silver/customer", pa.table({"customer_id": NAMES}))
        window = {"customer_id": NAMES, "as_of": [today] * len(NAMES), "order_count_365d": list(range(len(NAMES)))}
        opened.lakehouse.overwrite_rows("gold/customer_purchase_window", pa.table(window))
        opened.consent_store.append([
            ConsentRecord(
                record_id=f"r_{name}", subject_id=name, controller=opened.settings.controller, purpose="marketing",
                notice_version="1", notice_language="ko", jurisdiction="KR", method="web_form", state=State("given"),
                effective_at=given_at, recorded_at=given_at, age_years=40, evidence_hash="0" * 64, asked="separately",
            )
            for name in NAMES[:-1]
        ])  # fmt: skip
    return folder


def invoke(data: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["insight", "audience", *arguments, "--data", str(data)])


def run(data: Path, *arguments: str) -> Any:
    done = invoke(data, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_an_audience_is_created_shown_sized_checked_and_exported(data: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "frequent.yaml", tmp_path / "members.csv"
    file.write_text(RULE, "utf-8")
    created = run(data, "create", str(file), "--role", "marketer")
    assert (created["size"], created["permitting"]) == (80, 120)
    assert run(data, "size", "frequent", "--role", "marketer")["size"] == 80
    assert (
        "80 members of 120 customers who permit marketing"
        in invoke(data, "size", str(file), "--role", "marketer").output
    )
    assert [one["name"] for one in run(data, "list")] == ["frequent"]
    assert "at_least: 40" in invoke(data, "show", "frequent").stdout
    assert "$1" in run(data, "show", "frequent", "--sql")["sql"]
    assert run(data, "export", "frequent", "--role", "privacy_officer", "--out", str(out))["members"] == 80
    assert out.read_text().splitlines() == ["customer_id", *NAMES[40:-1]]
    assert out.stat().st_mode & 0o777 == 0o600
    with Installation(load_settings(data_dir=data)) as opened:
        given = opened.lakehouse.rows("silver/disclosure").to_pylist()
    assert [(row["customer_id"], row["destination"], row["audience"]) for row in given] == [
        (name, "file", "frequent") for name in NAMES[40:-1]
    ]
    checked = run(data, "check", "frequent", "--customer", NAMES[-1], "--role", "privacy_officer")
    assert (checked["permits"], checked["tests"]) == (False, [])
    # The online store has no values yet, so no test of a value holds.
    assert (
        "no  feature" in invoke(data, "check", "frequent", "--customer", NAMES[42], "--role", "privacy_officer").stdout
    )


def test_an_audience_is_exported_to_a_destination(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "often.yaml").write_text(RULE.replace("frequent", "often"), "utf-8")
    assert run(data, "create", str(tmp_path / "often.yaml"), "--role", "marketer")["size"] == 80
    destination = {
        "audience": "often", "purpose": "marketing", "role": "campaign_tool", "file": {"folder": str(tmp_path / "out")},
    }  # fmt: skip
    monkeypatch.setenv("BOJAGI_DESTINATIONS", json.dumps({"mail": destination}))
    done = run(data, "export", "often", "--role", "marketer", "--to", "mail")
    assert (done["changed"], done["unchanged"], done["removed"]) == (80, 0, 0)
    assert (tmp_path / "out" / "mail_members.csv").read_text().splitlines() == ["customer_id", *NAMES[40:-1]]
    assert "80 unchanged" in invoke(data, "export", "often", "--role", "marketer", "--to", "mail").stdout
    assert "do not give it" in invoke(data, "export", "frequent", "--role", "marketer", "--to", "mail").stderr
    for chosen in ((), ("--to", "mail", "--out", str(tmp_path / "x.csv"))):
        assert invoke(data, "export", "often", "--role", "marketer", *chosen).exit_code == ExitCode.USAGE


def test_a_near_identical_rule_and_a_role_without_the_purpose_are_refused(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "near.yaml"
    for bound in (40, 42):
        file.write_text(RULE.replace("frequent", "near").replace("at_least: 40", f"at_least: {bound}"), "utf-8")
        done = invoke(data, "size", str(file), "--role", "marketer")
        assert done.exit_code == (ExitCode.OK if bound == 40 else ExitCode.REFUSED), done.output
    assert "too few customers" in done.stderr
    assert "may not select an audience" in invoke(data, "size", str(file), "--role", "agent").stderr
    assert "There is no audience" in invoke(data, "delete", "near").stderr


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"\0", b"name: &a [*a]", b"[" * 60_000, b"\x1b[2J: 1"])
def test_a_file_that_is_no_definition_is_refused_in_one_line(data: Path, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "odd.yaml"
    file.write_bytes(content)
    for command in ("create", "size"):
        done = invoke(data, command, str(file), "--role", "marketer")
        assert (done.exit_code, done.stderr.count("\n")) == (ExitCode.USAGE, 1), done.output
        assert "Audience definition" in done.stderr
        assert "\x1b[2J" not in done.stderr


def test_a_description_is_shown_as_it_was_written(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "marked.yaml"
    text = "[/bold] [red]é빨강 <b>"
    file.write_text(
        RULE.replace("frequent", "marked").replace("Ordered at least forty times", f"'{text}'"), "utf-8-sig"
    )
    assert run(data, "create", str(file), "--role", "marketer")
    assert text in invoke(data, "list").output
    assert invoke(data, "delete", "marked").exit_code == 0


@pytest.mark.parametrize("command", ["evaluate", "personas"])
def test_a_report_into_a_folder_that_is_not_there_is_refused(data: Path, tmp_path: Path, command: str) -> None:
    place = ["--report", str(tmp_path / "none" / "page.html"), "--data", str(data)]
    done = CliRunner().invoke(app, ["insight", command, *place])
    assert done.exit_code == ExitCode.USAGE, done.output


def test_what_serves_audiences_loads_neither_spark_nor_dagster_nor_feast() -> None:
    program = "import features.insight.audience.service, sys; print({'pyspark', 'dagster', 'feast'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
