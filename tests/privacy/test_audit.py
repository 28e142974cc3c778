"""The audit log in a real file and in a real PostgreSQL: every change by another program is found."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from privacy.audit import AuditEntry, AuditError, AuditLog
from tests.store_place import StorePlace

KEY = bytes(range(32))
SIZE = 12


def make_entry(number: int) -> AuditEntry:
    return AuditEntry(
        at=datetime(2026, 1, 1, tzinfo=UTC), who="ha-neul", role="analyst", purpose="analytics", action="read",
        table="gold/customer_360", columns=("age_band",), subjects=number,
    )  # fmt: skip


def filled(log: AuditLog) -> AuditLog:
    for number in range(SIZE):
        log.append(make_entry(number))
    return log


@pytest.fixture
def log(store_place: StorePlace, tmp_path: Path) -> Iterator[AuditLog]:
    """A log on each engine."""
    opened = filled(AuditLog(store_place.of("audit.db"), tmp_path / "anchor.json", KEY))
    yield opened
    opened.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.db"


@pytest.fixture
def file_log(path: Path, tmp_path: Path) -> Iterator[AuditLog]:
    """A log in a file, for what only files can suffer."""
    opened = filled(AuditLog(path, tmp_path / "anchor.json", KEY))
    yield opened
    opened.close()


def tamper(place: StorePlace, *statements: str) -> None:
    place.change("audit.db", *statements)


def test_entries_are_read_as_they_were_logged_and_the_log_verifies(log: AuditLog) -> None:
    assert [entry.subjects for _, entry in log.entries()] == list(range(SIZE))
    assert log.verify() == []


def test_the_file_is_private(file_log: AuditLog, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_database_refuses_updates_and_deletes(log: AuditLog, store_place: StorePlace) -> None:
    statements = ("DELETE FROM entry", "UPDATE entry SET content = ''", "TRUNCATE entry")
    with store_place.outside("audit.db") as run:
        for statement in statements if store_place.is_shared else statements[:2]:
            with pytest.raises(Exception, match="append-only"):
                run(statement)


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
        (
            "CREATE TABLE t AS SELECT * FROM entry WHERE number = 12; UPDATE t SET number = 13; "
            "INSERT INTO entry SELECT * FROM t;",
            "altered",
        ),
    ],
)
def test_every_change_of_the_audit_log_is_found(
    log: AuditLog, store_place: StorePlace, statements: str, kind: str
) -> None:
    tamper(store_place, statements, "DROP TABLE IF EXISTS t")
    assert kind in {finding.kind for finding in log.verify()}


FOREIGN = {
    "another trigger": (
        "CREATE TRIGGER hide AFTER INSERT ON entry BEGIN UPDATE entry SET content = ''; END;",
        "CREATE TRIGGER hide AFTER INSERT ON entry FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    ),
    "no trigger against deletions": ("DROP TRIGGER entry_delete;", "ALTER TABLE entry DISABLE TRIGGER append_only"),
    "a trigger without effect": (
        "DROP TRIGGER entry_update; CREATE TRIGGER entry_update BEFORE UPDATE ON entry BEGIN SELECT 1; END;",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    ),
    "a view": (
        "CREATE VIEW other AS SELECT * FROM entry;",
        "CREATE RULE other AS ON INSERT TO entry DO ALSO NOTHING",
    ),
}
"""What another program does to a file, and to a server."""
MENDING = (
    "DROP TRIGGER IF EXISTS hide ON entry", "DROP RULE IF EXISTS other ON entry",
    "ALTER TABLE entry ENABLE TRIGGER append_only",
)  # fmt: skip


@pytest.fixture(params=FOREIGN)
def foreign(request: pytest.FixtureRequest, store_place: StorePlace, log: AuditLog) -> Iterator[str]:
    """Another schema than that of the log. The server, which other tests use, gets its own back."""
    statements = FOREIGN[request.param]
    if not store_place.is_shared:
        db = sqlite3.connect(store_place.folder / "audit.db")
        db.executescript(statements[0])
        db.close()
        yield request.param
        return
    with store_place.outside("audit.db") as run:
        guard = run("SELECT pg_get_functiondef('refuse_change'::regproc)")[0][0]
        run(statements[1])
        yield request.param
        for statement in (*MENDING, guard):
            run(statement)


def test_a_log_whose_schema_another_program_changed_takes_no_entry(log: AuditLog, foreign: str) -> None:
    with pytest.raises(AuditError, match="another schema"):
        log.append(make_entry(99))
    assert "schema" in {fault.kind for fault in log.verify()}


def test_without_the_check_of_the_schema_the_log_takes_entries(
    log: AuditLog, foreign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Negative control.
    monkeypatch.setattr(AuditLog, "_require_own_schema", lambda _: None)
    if foreign == "another trigger":  # which itself fails
        with pytest.raises(AuditError, match="could not be logged"):
            log.append(make_entry(99))
    else:
        assert log.append(make_entry(99)).number == SIZE + 1


def test_an_end_that_was_written_without_the_key_is_found(postgres_place: StorePlace, tmp_path: Path) -> None:
    log = AuditLog(postgres_place.of(""), tmp_path / "anchor", KEY)
    forged = log.append(make_entry(1)).next("forged")
    tamper(postgres_place, f"INSERT INTO entry VALUES (2, 'forged', '{forged.digest}', '{'0' * 64}')")
    with pytest.raises(AuditError, match="not written with the audit key"):
        log.append(make_entry(2))
    assert [fault.kind for fault in log.verify()] == ["anchor"]


def test_machines_append_to_one_chain_and_a_cut_is_noticed(postgres_place: StorePlace, tmp_path: Path) -> None:
    one = AuditLog(postgres_place.of(""), tmp_path / "one" / "anchor", KEY)
    one.append(make_entry(1))
    with postgres_place.other_machine() as place:
        anchor = tmp_path / "other" / "anchor"
        other = AuditLog(place, anchor, KEY)
        with pytest.raises(AuditError, match="anchor is missing"):
            other.append(make_entry(2))
        other = AuditLog(place, anchor, KEY, joins=True)
        assert [log.append(make_entry(9)).number for log in (other, one, other, other)] == [2, 3, 4, 5]
        assert one.verify() == other.verify() == []
        tamper(postgres_place, "DELETE FROM entry WHERE number > 4")
        with pytest.raises(AuditError, match="ends at entry 4"):
            other.append(make_entry(9))
        # The anchor of the first machine lies before the cut. Its next entry makes a fork, which the other one finds.
        assert one.append(make_entry(8)).number == 5
        with pytest.raises(AuditError, match="is not the entry that its anchor records"):
            other.append(make_entry(9))
        assert {fault.kind for fault in other.verify()} == {"altered"}


def test_a_machine_with_another_key_does_not_join(postgres_place: StorePlace, tmp_path: Path) -> None:
    AuditLog(postgres_place.of(""), tmp_path / "one" / "anchor", KEY).append(make_entry(1))
    with pytest.raises(AuditError, match="not written with the audit key"):
        AuditLog(postgres_place.of(""), tmp_path / "other" / "anchor", bytes(32), joins=True)


def test_a_deleted_log_is_not_begun_anew_under_its_anchor(file_log: AuditLog, path: Path) -> None:
    file_log.close()
    path.unlink()
    again = AuditLog(path, file_log.anchor_path, KEY)
    with pytest.raises(AuditError, match="the store ends at entry 0"):
        again.append(make_entry(99))
    again.close()


def rewrite(log: AuditLog, path: Path) -> None:
    """Replaces the log by other entries that form a valid chain."""
    log.close()
    path.unlink()
    forged = AuditLog(path, log.anchor_path.with_name("other.json"), bytes(32))
    for number in range(SIZE):
        forged.append(make_entry(number + 1))
    forged.close()


def test_a_log_that_was_written_again_does_not_fit_its_anchor(file_log: AuditLog, path: Path) -> None:
    published = file_log.anchor()
    rewrite(file_log, path)
    again = AuditLog(path, file_log.anchor_path, KEY)
    assert {finding.kind for finding in again.verify()} == {"altered"}
    file_log.anchor_path.write_text(file_log.anchor_path.with_name("other.json").read_text())
    assert {finding.kind for finding in again.verify()} == {"anchor"}
    assert "anchor" in {finding.kind for finding in again.verify([published])}
    again.close()


def test_a_missing_anchor_is_a_fault(log: AuditLog) -> None:
    log.anchor_path.unlink()
    assert [finding.kind for finding in log.verify()] == ["anchor"]


def test_an_older_log_with_its_own_anchor_is_found_by_a_published_anchor(
    log: AuditLog, store_place: StorePlace, tmp_path: Path
) -> None:
    old_anchor = log.anchor_path.read_text()
    log.append(make_entry(99))
    published = log.anchor()
    tamper(store_place, "DELETE FROM entry WHERE number = 13;")
    log.anchor_path.write_text(old_anchor)
    assert log.verify() == []
    assert [finding.kind for finding in log.verify([published])] == ["anchor"]


@pytest.mark.parametrize("statement", ["DELETE FROM entry WHERE number > 10;", "DELETE FROM entry;"])
def test_a_log_that_was_cut_off_takes_no_entry_that_would_hide_it(
    log: AuditLog, store_place: StorePlace, statement: str
) -> None:
    tamper(store_place, statement)
    with pytest.raises(AuditError, match="the audit log was changed: the store ends at"):
        log.append(make_entry(99))
    assert {fault.kind for fault in log.verify()} == {"truncated"}


def test_without_the_check_before_each_entry_a_cut_is_sealed_over(
    log: AuditLog, store_place: StorePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Negative control: the behaviour before. As many entries as were deleted, and nothing is left to be found.
    tamper(store_place, "DELETE FROM entry WHERE number > 10;")
    with monkeypatch.context() as unchecked:
        unchecked.setattr(AuditLog, "_require_anchored", lambda *_: None)
        for number in range(3):
            log.append(make_entry(90 + number))
    assert log.verify() == []


def test_a_log_without_its_anchor_takes_no_entry(log: AuditLog) -> None:
    anchor = log.anchor_path.read_bytes()
    log.anchor_path.unlink()
    with pytest.raises(AuditError, match="the anchor is missing"):
        log.append(make_entry(99))
    # The contrast: with its anchor it goes on.
    log.anchor_path.write_bytes(anchor)
    assert log.append(make_entry(99)).number == SIZE + 1
    assert log.verify() == []


def test_the_next_entry_mends_an_anchor_that_a_crash_left_behind(file_log: AuditLog, path: Path) -> None:
    before = file_log.anchor_path.read_bytes()
    file_log.append(make_entry(99))
    file_log.anchor_path.write_bytes(before)
    assert [(fault.kind, fault.number) for fault in file_log.verify()] == [("anchor", SIZE)]
    file_log.append(make_entry(100))
    assert file_log.verify() == []


def test_a_spoiled_slot_of_the_anchor_does_not_hide_a_removed_end(log: AuditLog, store_place: StorePlace) -> None:
    content = bytearray(log.anchor_path.read_bytes())
    newest = content.index(b"%020d" % SIZE)
    content[newest + 30 : newest + 40] = bytes(10)
    log.anchor_path.write_bytes(content)
    tamper(store_place, f"DELETE FROM entry WHERE number = {SIZE};")
    assert [fault.kind for fault in log.verify()] == ["anchor"]


def test_several_processes_write_one_valid_chain(file_log: AuditLog, path: Path) -> None:
    code = (
        "import sys, pathlib; from privacy.audit import *; from privacy.clock import utc_now\n"
        "a, b = map(pathlib.Path, sys.argv[1:])\n"
        "log = AuditLog(a, b, bytes(range(32)))\n"
        "use = dict(who='w', role='r', purpose='p', action='read', table='t')\n"
        "for n in range(20): log.append(AuditEntry(at=utc_now(), **use))"
    )
    command = [sys.executable, "-c", code, str(path), str(file_log.anchor_path)]
    writers = [subprocess.Popen(command) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert file_log.verify() == []
    assert len(list(file_log.entries())) == SIZE + 60


@pytest.mark.parametrize("break_it", [lambda path: path.write_text("x" * 5000)])
def test_a_file_of_something_else_is_refused(tmp_path: Path, break_it: Callable[[Path], object]) -> None:
    break_it(tmp_path / "audit.db")
    with pytest.raises(AuditError, match="cannot be opened"):
        AuditLog(tmp_path / "audit.db", tmp_path / "anchor.json", KEY)


@pytest.mark.parametrize("is_put_back", [False, True])
def test_an_open_log_takes_no_entry_once_another_file_has_its_name(
    file_log: AuditLog, path: Path, is_put_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.rename(path.with_suffix(".old"))
    if is_put_back:
        path.write_bytes(path.with_suffix(".old").read_bytes())
    with pytest.raises(AuditError, match="another file has the name of the log"):
        file_log.append(make_entry(SIZE))
    # Negative control: without the check the entry goes to a file that nobody reads.
    monkeypatch.setattr("privacy.storage.database.is_replaced", lambda path, opened: False)
    file_log.append(make_entry(SIZE))
