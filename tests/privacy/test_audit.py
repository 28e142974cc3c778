"""The audit log in a real file: every change of that file by another program is found."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from privacy.audit import AuditEntry, AuditError, AuditLog

KEY = bytes(range(32))
SIZE = 12


def make_entry(number: int) -> AuditEntry:
    return AuditEntry(
        at=datetime(2026, 1, 1, tzinfo=UTC), who="ha-neul", role="analyst", purpose="analytics", action="read",
        table="gold/customer_360", columns=("age_band",), subjects=number,
    )  # fmt: skip


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    opened = AuditLog(tmp_path / "audit.db", tmp_path / "anchor.json", KEY)
    for number in range(SIZE):
        opened.append(make_entry(number))
    yield opened
    opened.close()


def tamper(log: AuditLog, *statements: str) -> None:
    db = sqlite3.connect(log.path)
    triggers = [row[0] for row in db.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
    db.executescript("DROP TRIGGER entry_update; DROP TRIGGER entry_delete;" + "".join(statements))
    # Put back, so that only the change of the entries is left to be found.
    db.executescript(";".join(triggers) + ";")
    db.close()


def test_entries_are_read_as_they_were_logged_and_the_log_verifies(log: AuditLog) -> None:
    assert [entry.subjects for _, entry in log.entries()] == list(range(SIZE))
    assert log.verify() == []
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_the_file_refuses_updates_and_deletes(log: AuditLog) -> None:
    db = sqlite3.connect(log.path)
    for statement in ("DELETE FROM entry", "UPDATE entry SET content = ''"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(statement)
    db.close()


SWAP = (
    "UPDATE entry SET number = -1 WHERE number = 4; UPDATE entry SET number = 4 WHERE number = 7; "
    "UPDATE entry SET number = 7 WHERE number = -1;"
)
SWAP_CONTENT = (
    "CREATE TABLE t AS SELECT * FROM entry; "
    "UPDATE entry SET content = (SELECT content FROM t WHERE number = 11 - entry.number) WHERE number IN (4, 7);"
)


@pytest.mark.parametrize(
    ("statements", "kind"),
    [
        ("UPDATE entry SET content = replace(content, 'ha-neul', 'somebody') WHERE number = 5;", "altered"),
        ("UPDATE entry SET digest = substr(digest, 2) || '0' WHERE number = 5;", "altered"),
        ("DELETE FROM entry WHERE number = 5;", "removed"),
        ("DELETE FROM entry WHERE number = 1;", "removed"),
        ("DELETE FROM entry WHERE number BETWEEN 3 AND 6;", "removed"),
        ("DELETE FROM entry WHERE number = 5; UPDATE entry SET number = number - 1 WHERE number > 5;", "altered"),
        (SWAP, "altered"),
        (SWAP_CONTENT, "reordered"),
        ("DELETE FROM entry WHERE number = 12;", "truncated"),
        ("DELETE FROM entry WHERE number > 2;", "truncated"),
        ("DELETE FROM entry;", "truncated"),
        ("INSERT INTO entry SELECT 13, content, digest FROM entry WHERE number = 12;", "altered"),
    ],
)
def test_every_change_of_the_audit_log_is_found(log: AuditLog, statements: str, kind: str) -> None:
    tamper(log, statements)
    assert kind in {finding.kind for finding in log.verify()}


FOREIGN = {
    "another trigger": "CREATE TRIGGER hide AFTER INSERT ON entry BEGIN UPDATE entry SET content = ''; END;",
    "no trigger against deletions": "DROP TRIGGER entry_delete;",
    "a trigger without effect": "DROP TRIGGER entry_update; "
    "CREATE TRIGGER entry_update BEFORE UPDATE ON entry BEGIN SELECT 1; END;",
    "a view": "CREATE VIEW other AS SELECT * FROM entry;",
}


@pytest.mark.parametrize("statements", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_log_whose_schema_another_program_changed_takes_no_entry(log: AuditLog, statements: str) -> None:
    log.append(make_entry(98))
    db = sqlite3.connect(log.path)
    db.executescript(statements)
    db.close()
    with pytest.raises(AuditError, match="another schema"):
        log.append(make_entry(99))
    assert "schema" in {fault.kind for fault in log.verify()}


def test_a_deleted_log_is_not_begun_anew_under_its_anchor(log: AuditLog) -> None:
    log.close()
    log.path.unlink()
    again = AuditLog(log.path, log.anchor_path, KEY)
    with pytest.raises(AuditError, match="the store ends at entry 0"):
        again.append(make_entry(99))
    again.close()


def rewrite(log: AuditLog) -> None:
    """Replaces the log by other entries that form a valid chain."""
    log.close()
    log.path.unlink()
    forged = AuditLog(log.path, log.anchor_path.with_name("other.json"), bytes(32))
    for number in range(SIZE):
        forged.append(make_entry(number + 1))
    forged.close()


def test_a_log_that_was_written_again_does_not_fit_its_anchor(log: AuditLog) -> None:
    published = log.anchor()
    rewrite(log)
    again = AuditLog(log.path, log.anchor_path, KEY)
    assert {finding.kind for finding in again.verify()} == {"altered"}
    log.anchor_path.write_text(log.anchor_path.with_name("other.json").read_text())
    assert {finding.kind for finding in again.verify()} == {"anchor"}
    assert "anchor" in {finding.kind for finding in again.verify([published])}
    again.close()


def test_a_missing_anchor_is_a_fault(log: AuditLog) -> None:
    log.anchor_path.unlink()
    assert [finding.kind for finding in log.verify()] == ["anchor"]


def test_an_older_log_with_its_own_anchor_is_found_by_a_published_anchor(log: AuditLog, tmp_path: Path) -> None:
    old_anchor = log.anchor_path.read_text()
    log.append(make_entry(99))
    published = log.anchor()
    tamper(log, "DELETE FROM entry WHERE number = 13;")
    log.anchor_path.write_text(old_anchor)
    assert log.verify() == []
    assert [finding.kind for finding in log.verify([published])] == ["anchor"]


@pytest.mark.parametrize("statement", ["DELETE FROM entry WHERE number > 10;", "DELETE FROM entry;"])
def test_a_log_that_was_cut_off_takes_no_entry_that_would_hide_it(log: AuditLog, statement: str) -> None:
    tamper(log, statement)
    with pytest.raises(AuditError, match="the audit log was changed: the store ends at"):
        log.append(make_entry(99))
    assert {fault.kind for fault in log.verify()} == {"truncated"}


def test_without_the_check_before_each_entry_a_cut_is_sealed_over(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Negative control: the behaviour before. As many entries as were deleted, and nothing is left to be found.
    tamper(log, "DELETE FROM entry WHERE number > 10;")
    with monkeypatch.context() as unchecked:
        unchecked.setattr(AuditLog, "_require_anchored", lambda *_: None)
        for number in range(3):
            log.append(make_entry(90 + number))
    assert log.verify() == []


@pytest.mark.parametrize("statements", [*FOREIGN.values()][1:], ids=[*FOREIGN][1:])
def test_without_the_check_of_the_schema_the_log_takes_entries(
    log: AuditLog, statements: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Negative control.
    db = sqlite3.connect(log.path)
    db.executescript(statements)
    db.close()
    monkeypatch.setattr(AuditLog, "_require_own_schema", lambda _: None)
    assert log.append(make_entry(99)).number == SIZE + 1


def test_a_log_without_its_anchor_takes_no_entry(log: AuditLog) -> None:
    anchor = log.anchor_path.read_bytes()
    log.anchor_path.unlink()
    with pytest.raises(AuditError, match="the anchor is missing"):
        log.append(make_entry(99))
    # The contrast: with its anchor it goes on.
    log.anchor_path.write_bytes(anchor)
    assert log.append(make_entry(99)).number == SIZE + 1
    assert log.verify() == []


def test_the_next_entry_mends_an_anchor_that_a_crash_left_behind(log: AuditLog) -> None:
    before = log.anchor_path.read_bytes()
    log.append(make_entry(99))
    log.anchor_path.write_bytes(before)
    assert [(fault.kind, fault.number) for fault in log.verify()] == [("anchor", SIZE)]
    log.append(make_entry(100))
    assert log.verify() == []


def test_a_spoiled_slot_of_the_anchor_does_not_hide_a_removed_end(log: AuditLog) -> None:
    content = bytearray(log.anchor_path.read_bytes())
    newest = content.index(b"%020d" % SIZE)
    content[newest + 30 : newest + 40] = bytes(10)
    log.anchor_path.write_bytes(content)
    tamper(log, f"DELETE FROM entry WHERE number = {SIZE};")
    assert [fault.kind for fault in log.verify()] == ["anchor"]


def test_several_processes_write_one_valid_chain(log: AuditLog) -> None:
    code = (
        "import sys, pathlib; from privacy.audit import *; from privacy.clock import utc_now\n"
        "a, b = map(pathlib.Path, sys.argv[1:])\n"
        "log = AuditLog(a, b, bytes(range(32)))\n"
        "use = dict(who='w', role='r', purpose='p', action='read', table='t')\n"
        "for n in range(20): log.append(AuditEntry(at=utc_now(), **use))"
    )
    command = [sys.executable, "-c", code, str(log.path), str(log.anchor_path)]
    writers = [subprocess.Popen(command) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert log.verify() == []
    assert len(list(log.entries())) == SIZE + 60


@pytest.mark.parametrize("break_it", [lambda path: path.write_text("x" * 5000)])
def test_a_file_of_something_else_is_refused(tmp_path: Path, break_it: Callable[[Path], object]) -> None:
    break_it(tmp_path / "audit.db")
    with pytest.raises(AuditError, match="cannot be opened"):
        AuditLog(tmp_path / "audit.db", tmp_path / "anchor.json", KEY)


@pytest.mark.parametrize("is_put_back", [False, True])
def test_an_open_log_takes_no_entry_once_another_file_has_its_name(
    log: AuditLog, is_put_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.path.rename(log.path.with_suffix(".old"))
    if is_put_back:
        log.path.write_bytes(log.path.with_suffix(".old").read_bytes())
    with pytest.raises(AuditError, match="another file has the name of the log"):
        log.append(make_entry(SIZE))
    # Negative control: without the check the entry goes to a file that nobody reads.
    monkeypatch.setattr("privacy.audit.is_replaced", lambda path, opened: False)
    log.append(make_entry(SIZE))
