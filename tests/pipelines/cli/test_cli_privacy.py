"""`bojagi consent`, `audit` and `keys` on real stores in a data folder."""

from __future__ import annotations

import json
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from installation.installation import Installation
from installation.settings import load_settings
from pipelines.cli import audit, consent, keys
from pipelines.cli.exit_code import ExitCode
from privacy.audit import AuditEntry, AuditLog
from privacy.consent.receipt import read_receipt
from privacy.consent.record import ConsentRecord
from privacy.consent.state import State

GRANT = ["grant", "c_1", "marketing", "--notice", "2026.1", "--age", "30"]


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("BOJAGI_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with Installation(load_settings()) as installation:
        installation.consent_store.assign("c_1", "c_1", datetime(2017, 1, 1))
    return CliRunner()


def permitted(runner: CliRunner) -> dict[str, bool]:
    shown = runner.invoke(consent.app, ["show", "c_1", "--json", "--at", "2999-01-01T12:00:00"])
    result: dict[str, bool] = json.loads(shown.stdout)["permitted"]
    return result


def test_grant_permits_grant_again_renews_and_withdraw_denies(runner: CliRunner) -> None:
    given = runner.invoke(consent.app, [*GRANT, "--at", "2998-12-01T00:00:00"])
    assert given.exit_code == 0, given.output
    assert permitted(runner)["marketing"]
    receipt = json.loads(runner.invoke(consent.app, ["receipt", given.stdout.strip()]).stdout)
    assert read_receipt(receipt).purpose == "marketing"
    renewed = runner.invoke(consent.app, [*GRANT, "--at", "2998-12-02T00:00:00"])
    assert renewed.exit_code == 0
    assert runner.invoke(consent.app, ["withdraw", "c_1", "marketing", "--at", "2998-12-03T00:00:00"]).exit_code == 0
    assert not permitted(runner)["marketing"]
    told = runner.invoke(consent.app, ["history", "c_1", "--json"]).stdout.splitlines()
    assert [json.loads(line)["state"] for line in told] == ["given", "renewed", "withdrawn"]


def test_history_and_show_print_tables_without_json(runner: CliRunner) -> None:
    given = runner.invoke(consent.app, [*GRANT, "--at", "2998-12-01T00:00:00"]).stdout.strip()
    heading, record = runner.invoke(consent.app, ["history", "c_1"]).stdout.splitlines()
    assert heading.split() == ["effective", "at", "state", "purpose", "expressed", "by", "record"]
    assert record.split() == ["2998-12-01", "00:00:00", "given", "marketing", "self", given]
    shown = runner.invoke(consent.app, ["show", "c_1", "--at", "2999-01-01T12:00:00"]).stdout.splitlines()
    assert shown[0].split() == ["purpose", "at", "2999-01-01", "12:00:00", "rests", "on"]
    verdicts = dict(line.split()[:2] for line in shown[1:])
    assert {verdicts["marketing"], verdicts["legal_records"]} == {"permitted"}
    assert verdicts["research"] == "refused"


def test_withdrawn_advertising_messages_are_refused_while_marketing_stays_permitted(runner: CliRunner) -> None:
    runner.invoke(consent.app, [*GRANT, "--at", "2998-12-01T00:00:00"])
    assert permitted(runner)["advertising_message"]
    withdrawn = runner.invoke(consent.app, ["withdraw", "c_1", "advertising_message", "--at", "2998-12-02T00:00:00"])
    assert withdrawn.exit_code == 0, withdrawn.output
    history = [
        json.loads(line) for line in runner.invoke(consent.app, ["history", "c_1", "--json"]).stdout.splitlines()
    ]
    assert [(entry["purpose"], entry["state"]) for entry in history] == [
        ("marketing", "given"),
        ("advertising_message", "withdrawn"),
    ]
    shown = permitted(runner)
    assert (shown["advertising_message"], shown["marketing"]) == (False, True)


def test_an_unknown_customer_and_a_purpose_without_consent_are_refused(runner: CliRunner) -> None:
    shown = runner.invoke(consent.app, ["show", "c_nosuchcustomer"])
    assert (shown.exit_code, shown.stdout) == (ExitCode.REFUSED, "")
    assert "no decision is shown" in shown.stderr
    granted = runner.invoke(consent.app, ["grant", "c_1", "service_delivery", "--notice", "1", "--age", "34"])
    assert (granted.exit_code, granted.stdout) == (ExitCode.REFUSED, "")
    assert "rests on no consent" in granted.stderr
    assert runner.invoke(consent.app, ["history", "c_1", "--json"]).stdout == ""
    # Negative control: a known customer and a purpose that rests on consent are accepted.
    assert runner.invoke(consent.app, GRANT).exit_code == 0


def test_unread_statements_are_listed_and_resolved_and_both_are_in_the_audit_log(runner: CliRunner) -> None:
    runner.invoke(consent.app, [*GRANT, "--at", "2998-12-01T00:00:00"])
    with Installation(load_settings()) as installation:
        item = ConsentRecord(
            record_id="q_1", subject_id="c_1", controller=installation.settings.controller, purpose="*",
            notice_version="none", notice_language="und", jurisdiction="KR", method="quarantine", state=State.UNREAD,
            effective_at=datetime(1900, 1, 1), recorded_at=datetime(2026, 1, 1), evidence_hash="0" * 64,
            note="wave2.jsonl, line 1: state: not one of the values",
        )  # fmt: skip
        installation.consent_store.append([item])
    assert not permitted(runner)["marketing"]
    listed = json.loads(runner.invoke(consent.app, ["unread", "--json", "--who", "officer"]).stdout)
    assert [(found["person"], found["item"]) for found in listed["items"]] == [("c_1", "q_1")]
    assert "q_1" in runner.invoke(consent.app, ["unread"]).stdout
    resolve = ["resolve", "q_1", "--as", "nothing", "--note", "a test row", "--who", "officer"]
    assert runner.invoke(consent.app, resolve).exit_code == 0
    assert permitted(runner)["marketing"]
    assert runner.invoke(consent.app, resolve).exit_code == ExitCode.REFUSED
    assert json.loads(runner.invoke(consent.app, ["unread", "--json"]).stdout)["items"] == []
    log = runner.invoke(audit.app, ["show", "--who", "officer"]).stdout
    assert "list unread consents" in log
    assert "resolve unread consent" in log


def test_an_objection_denies_what_consent_permits_until_it_is_lifted(runner: CliRunner) -> None:
    runner.invoke(consent.app, [*GRANT, "--at", "2998-12-01T00:00:00"])
    assert runner.invoke(consent.app, ["object", "c_1", "*"]).exit_code == 0
    assert not permitted(runner)["marketing"]
    assert permitted(runner)["legal_records"]
    assert runner.invoke(consent.app, ["object", "c_1", "*", "--lift"]).exit_code == 0
    assert permitted(runner)["marketing"]
    runner.invoke(consent.app, ["object", "c_1", "*", "--restrict"])
    assert not permitted(runner)["service_delivery"]


def test_unknown_records_purposes_and_identifiers_end_in_their_exit_codes(runner: CliRunner) -> None:
    assert runner.invoke(consent.app, ["withdraw", "c_1", "marketing"]).exit_code == ExitCode.REFUSED
    assert runner.invoke(consent.app, ["receipt", "r_0"]).exit_code == ExitCode.REFUSED
    stranger = runner.invoke(consent.app, ["object", "c_nosuchcustomer", "marketing"])
    assert (stranger.exit_code, stranger.stdout) == (ExitCode.REFUSED, "")
    assert "after `bojagi run`" in stranger.stderr
    unknown = runner.invoke(consent.app, ["grant", "c_1", "curiosity", "--notice", "1"])
    assert unknown.exit_code == ExitCode.USAGE
    assert "expected one of" in unknown.stderr
    malformed = runner.invoke(consent.app, ["grant", "c 1", "marketing", "--notice", "1"])
    assert malformed.exit_code == ExitCode.USAGE
    assert "subject_id" in malformed.stderr


def test_a_second_import_of_an_export_adds_nothing(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.invoke(consent.app, GRANT)
    exported = runner.invoke(consent.app, ["history", "c_1", "--json"]).stdout
    (tmp_path / "export.jsonl").write_text(exported)
    monkeypatch.setenv("BOJAGI_DATA_DIR", str(tmp_path / "other"))
    for expected in ("1 records imported, 0 were recorded", "0 records imported, 1 were recorded"):
        assert expected in runner.invoke(consent.app, ["import", str(tmp_path / "export.jsonl")]).stdout
    assert runner.invoke(consent.app, ["history", "c_1", "--json"]).stdout == exported


def test_an_imported_landed_file_leaves_no_member_number_in_the_store(runner: CliRunner, tmp_path: Path) -> None:
    row = {
        "record_id": "c_000", "member_no": "M000000001", "controller": "Bojagi Mart", "purpose": "marketing",
        "data_categories": "pd:EmailAddress,pd:Purchase", "notice_version": "2017.1", "notice_language": "ko",
        "recipients": None, "jurisdiction": "KR", "method": "web_form", "state": "given",
        "event_at": "2017-01-01T10:00:00", "recorded_at": "2017-01-01T10:00:05", "valid_days": 730,
        "expressed_by": "guardian", "evidence_hash": "0" * 64, "supersedes": None,
    }  # fmt: skip
    (tmp_path / "landed.jsonl").write_text(json.dumps(row) + "\n")
    done = runner.invoke(consent.app, ["import", "--landed", str(tmp_path / "landed.jsonl")])
    assert "1 records imported" in done.stdout, done.output
    assert b"M000000001" not in (tmp_path / "consent" / "consent.db").read_bytes()
    (tmp_path / "broken.jsonl").write_text(json.dumps({**row, "jurisdiction": "Korea"}) + "\n")
    broken = runner.invoke(consent.app, ["import", "--landed", str(tmp_path / "broken.jsonl")])
    assert broken.exit_code == ExitCode.REFUSED
    assert "broken.jsonl:1: jurisdiction" in broken.stderr


def test_audit_show_filters_by_reader_and_verify_finds_a_deleted_entry(runner: CliRunner) -> None:
    log = Installation(load_settings()).audit_log
    for who in ("ha-neul", "agent"):
        log.append(AuditEntry(at=datetime(2026, 1, 1, tzinfo=UTC), who=who, role="analyst", purpose="analytics",
                          action="read", table="gold/customer_360", subjects=7))  # fmt: skip
    log.close()
    shown = runner.invoke(audit.app, ["show", "--who", "agent"]).stdout
    assert "7 subjects" in shown
    assert "ha-neul" not in shown
    anchor = shown.split("anchor ")[1].strip()
    assert runner.invoke(audit.app, ["verify", "--anchor", anchor]).exit_code == 0
    with sqlite3.connect(log.path) as db:
        db.executescript("DROP TRIGGER entry_delete; DELETE FROM entry WHERE number = 2")
    db.close()
    changed = runner.invoke(audit.app, ["verify", "--json", "--anchor", anchor])
    assert changed.exit_code == 1
    assert {finding["kind"] for finding in json.loads(changed.stdout)} == {"truncated", "anchor"}
    assert runner.invoke(audit.app, ["verify", "--anchor", "seven"]).exit_code == 2


def logged(count: int, **changes: object) -> AuditLog:
    """A log of uses by Ha-neul, one a day until now; the first is the oldest."""
    log, now = Installation(load_settings()).audit_log, datetime.now(UTC)
    fields: dict[str, Any] = {"who": "Ha-neul", "role": "analyst", "purpose": "analytics", "action": "read",
                              "table": "gold/customer_360"} | changes  # fmt: skip
    for number in range(count):
        log.append(AuditEntry(at=now - timedelta(days=count - 1 - number), subjects=number, **fields))
    log.close()
    return log


def test_audit_show_prints_the_newest_entries_and_says_how_many_are_older(runner: CliRunner) -> None:
    logged(60)
    lines = runner.invoke(audit.app, ["show"]).stdout.splitlines()
    assert lines[0].startswith("10 older entries are not shown; --limit 60")
    assert [line.split()[0] for line in lines[1:-1]] == [str(number) for number in range(11, 61)]
    few = runner.invoke(audit.app, ["show", "--limit", "2", "--json"]).stdout.splitlines()
    assert [json.loads(line)["number"] for line in few] == [59, 60]
    assert len(runner.invoke(audit.app, ["show", "--json"]).stdout.splitlines()) == 60


def test_audit_show_since_an_age_a_date_or_a_time(runner: CliRunner) -> None:
    logged(10)
    day = (datetime.now(UTC) - timedelta(days=3)).date()

    def numbers(since: str) -> list[int]:
        shown = runner.invoke(audit.app, ["show", "--since", since, "--json"])
        return [json.loads(line)["number"] for line in shown.stdout.splitlines()]

    assert numbers("36h") == [9, 10]
    assert numbers("1w") == list(range(4, 11))
    assert numbers(day.isoformat()) == [7, 8, 9, 10]
    assert numbers(f"{day}T23:59:59.999999+00:00") == [8, 9, 10]
    for odd in ("seven", "7y", "2026-13-01", "-7d"):
        refused = runner.invoke(audit.app, ["show", "--since", odd])
        assert refused.exit_code == ExitCode.USAGE
        assert "7d" in refused.stderr


def test_audit_show_fits_a_narrow_terminal_and_breaks_no_line_in_a_pipe(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged(3, reason="The role analyst may not read " + "gold/customer_360 for marketing; " * 5, outcome="refused")
    assert len(runner.invoke(audit.app, ["show"]).stdout.splitlines()) == 4
    narrow = Console(width=80, force_terminal=True, no_color=True)
    monkeypatch.setattr("pipelines.cli.grid.open_console", lambda: narrow)
    *lines, anchor = runner.invoke(audit.app, ["show"]).stdout.splitlines()
    plain = [re.sub("\x1b\\[[0-9;]*m", "", line) for line in lines]
    assert max(map(len, plain)) <= 80
    assert anchor.startswith("anchor 3:")
    assert [line.split()[0] for line in plain if not line.startswith(" " * 10)] == ["1", "2", "3"]


def test_keys_rotate_rewraps_every_data_key_under_a_new_version(runner: CliRunner) -> None:
    store = Installation(load_settings()).open_key_store()
    store.keys_of(["crm:1", "crm:2"])
    store.close()
    before = json.loads(runner.invoke(keys.app, ["status", "--json"]).stdout)
    assert runner.invoke(keys.app, ["rotate"]).stdout.startswith("2 data keys")
    after = json.loads(runner.invoke(keys.app, ["status", "--json"]).stdout)
    assert (before["data_keys"], after["data_keys"]) == (2, 2)
    assert before["current_version"] != after["current_version"]
