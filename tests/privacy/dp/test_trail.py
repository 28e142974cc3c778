"""Every release in the audit log is compared with its debit in the ledger."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from privacy.audit import AuditEntry, AuditLog
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost, cost_of_rho
from privacy.dp.errors import LedgerDamaged, QuestionFailed
from privacy.dp.ledger import Ledger
from privacy.dp.ledger_answer import Grant
from privacy.dp.release import DataSet, read_question, release
from privacy.dp.sqlite_store import SqliteStore
from privacy.dp.trail import ACTION, Trail, verify_trail
from privacy.storage.hash_chain import ChainHead

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNT = BudgetAccount("t", "analytics")
QUESTION = read_question({"dataset": "t", "purpose": "analytics", "statistics": ["count"], "rho": 0.1})


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    opened = AuditLog(tmp_path / "audit.db", tmp_path / "audit.anchor", bytes(32))
    yield opened
    opened.close()


def spend(folder: Path, log: AuditLog | None, costs: tuple[int, ...]) -> Ledger:
    ledger = Ledger(SqliteStore(folder / "ledger.sqlite", folder / "anchor"))
    ledger.set_limit(ACCOUNT, "ever", Cost(100), NOW)
    for at, cost in enumerate(costs):
        granted = ledger.ask(ACCOUNT, f"q{at}", Cost(cost), NOW)
        assert isinstance(granted, Grant)
        if log is not None:
            Trail(log, "ha-neul", lambda: NOW, "analyst").note(QUESTION, granted)
    return ledger


def test_each_release_is_logged_with_the_debit_that_paid_for_it(tmp_path: Path, log: AuditLog) -> None:
    ledger = spend(tmp_path, log, (1, 2, 3))
    Trail(log, "ha-neul", lambda: NOW, "analyst").note_refusal(QUESTION, "no budget")
    debits = [entry.head for entry in ledger.entries() if entry.content["kind"] == "spend"]
    assert [entry.debit for _, entry in log.entries()] == [*debits, None]
    logged = [(entry.who, entry.action, entry.table, entry.outcome) for _, entry in log.entries()]
    assert logged == [("ha-neul", "dp_release", "t", "allowed")] * 3 + [("ha-neul", "dp_release", "t", "refused")]
    assert verify_trail(log, ledger.entries()) == []
    assert log.verify() == []


def test_a_ledger_that_was_written_again_with_its_anchor_is_found(tmp_path: Path, log: AuditLog) -> None:
    (tmp_path / "true").mkdir()
    (tmp_path / "false").mkdir()
    spend(tmp_path / "true", log, (1, 20, 3))
    # Consistent in itself: only the audit log knows that the second release cost 20.
    forged = spend(tmp_path / "false", None, (1, 2, 3))
    assert forged.verify() == 4
    findings = verify_trail(log, forged.entries())
    assert [(finding.kind, finding.number) for finding in findings] == [("ledger", 2), ("ledger", 3)]


def test_releases_without_a_ledger_are_found(tmp_path: Path, log: AuditLog) -> None:
    spend(tmp_path, log, (1,))
    assert len(verify_trail(log, ())) == 1


def test_an_older_copy_of_the_ledger_with_its_anchor_gives_no_budget_back(tmp_path: Path, log: AuditLog) -> None:
    trail = Trail(log, "ha-neul", lambda: NOW, "analyst")
    spend(tmp_path, log, (1,)).close()
    files = {path: path.read_bytes() for path in (tmp_path / "ledger.sqlite", tmp_path / "anchor")}
    ledger = Ledger(SqliteStore(tmp_path / "ledger.sqlite", tmp_path / "anchor"))
    granted = ledger.ask(ACCOUNT, "q", Cost(50), NOW)
    assert isinstance(granted, Grant)
    # A debit without its release is a crash between the two: the ledger is ahead, which is normal.
    trail.require_paid(ledger)
    trail.note(QUESTION, granted)
    trail.require_paid(ledger)
    ledger.close()
    for path, content in files.items():
        path.write_bytes(content)
    restored = Ledger(SqliteStore(tmp_path / "ledger.sqlite", tmp_path / "anchor"))
    # Consistent in itself, and its budget is back: only the audit log knows better.
    assert restored.verify() == 2
    assert restored.balances(ACCOUNT, NOW)[0].spent == Cost(1)
    with pytest.raises(LedgerDamaged, match=f"lacks entry {granted.debit.number}") as damaged:
        trail.require_paid(restored)
    assert damaged.value.public_details == damaged.value.message
    restored.close()


def test_a_question_to_an_older_ledger_is_not_answered_and_not_paid_again(
    tmp_path: Path, log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail = Trail(log, "ha-neul", lambda: NOW, "analyst")
    spend(tmp_path, log, (1,)).close()
    older = {path: path.read_bytes() for path in (tmp_path / "ledger.sqlite", tmp_path / "anchor")}
    ledger = Ledger(SqliteStore(tmp_path / "ledger.sqlite", tmp_path / "anchor"))
    granted = ledger.ask(ACCOUNT, "q", Cost(50), NOW)
    assert isinstance(granted, Grant)
    trail.note(QUESTION, granted)
    ledger.close()
    for path, content in older.items():
        path.write_bytes(content)
    restored = Ledger(SqliteStore(tmp_path / "ledger.sqlite", tmp_path / "anchor"))
    restored.set_limit(ACCOUNT, "ever", cost_of_rho(1), NOW)
    no_rows: Any = None
    with pytest.raises(LedgerDamaged):
        release(QUESTION, DataSet(no_rows), restored, NOW, trail)
    assert restored.balances(ACCOUNT, NOW)[0].spent == Cost(1)
    # Negative control: without the check, the budget that is back is spent a second time.
    monkeypatch.setattr(Trail, "require_paid", lambda *_: None)
    with pytest.raises(QuestionFailed):
        release(QUESTION, DataSet(no_rows), restored, NOW, trail)
    assert restored.balances(ACCOUNT, NOW)[0].spent > Cost(1)
    restored.close()


def test_a_new_ledger_in_place_of_a_deleted_one_answers_nothing(tmp_path: Path, log: AuditLog) -> None:
    spend(tmp_path, log, (1,)).close()
    for path in tmp_path.glob("*"):
        if path.name.startswith(("ledger", "anchor")):
            path.unlink()
    new = Ledger(SqliteStore(tmp_path / "ledger.sqlite", tmp_path / "anchor"))
    new.set_limit(ACCOUNT, "ever", Cost(100), NOW)
    with pytest.raises(LedgerDamaged, match="lacks entry"):
        Trail(log, "ha-neul", lambda: NOW, "analyst").require_paid(new)
    new.close()


def note(log: AuditLog, debit: ChainHead | None, reason: str) -> None:
    log.append(
        AuditEntry(at=NOW, who="ha-neul", role="analyst", purpose="analytics", action=ACTION, table="t",
                   reason=reason, debit=debit)
    )  # fmt: skip


def test_only_the_logged_digest_proves_a_payment(tmp_path: Path, log: AuditLog) -> None:
    ledger = spend(tmp_path, None, (1, 2))
    first, second = (entry.head for entry in ledger.entries() if entry.content["kind"] == "spend")
    sentence = f"paid by entry {second.number} of the privacy ledger, {second.digest}"
    note(log, first, "any text")
    # A sentence proves nothing, and neither does the number with another digest, or a debit that paid before.
    note(log, None, sentence)
    note(log, ChainHead(second.number, first.digest), sentence)
    note(log, first, sentence)
    assert [fault.number for fault in verify_trail(log, ledger.entries())] == [2, 3, 4]
    ledger.close()
