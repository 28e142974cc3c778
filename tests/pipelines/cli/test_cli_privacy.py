"""`bojagi consent`, `audit` and `keys` on real stores in a data folder."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from installation.installation import Installation
from installation.settings import load_settings
from pipelines.cli import audit, consent, keys
from pipelines.cli.exit_code import ExitCode
from privacy.audit import AuditEntry
from privacy.consent.receipt import read_receipt

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


def test_keys_rotate_rewraps_every_data_key_under_a_new_version(runner: CliRunner) -> None:
    store = Installation(load_settings()).open_key_store()
    store.keys_of(["crm:1", "crm:2"])
    store.close()
    before = json.loads(runner.invoke(keys.app, ["status", "--json"]).stdout)
    assert runner.invoke(keys.app, ["rotate"]).stdout.startswith("2 data keys")
    after = json.loads(runner.invoke(keys.app, ["status", "--json"]).stdout)
    assert (before["data_keys"], after["data_keys"]) == (2, 2)
    assert before["current_version"] != after["current_version"]
