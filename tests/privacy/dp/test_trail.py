"""Releases in the audit log, held against the ledger that paid for them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from privacy.audit import AuditLog
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost
from privacy.dp.ledger import Grant, Ledger
from privacy.dp.release import read_question
from privacy.dp.sqlite_store import SqliteStore
from privacy.dp.trail import Trail, verify_trail

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
            Trail(log, "ha-neul", lambda: NOW).note(QUESTION, granted)
    return ledger


def test_what_was_released_is_in_the_log_with_what_paid_for_it(tmp_path: Path, log: AuditLog) -> None:
    ledger = spend(tmp_path, log, (1, 2, 3))
    Trail(log, "ha-neul", lambda: NOW).note_refusal(QUESTION, "no budget")
    told = [(entry.who, entry.action, entry.table, entry.outcome) for _, entry in log.entries()]
    assert told == [("ha-neul", "dp_release", "t", "allowed")] * 3 + [("ha-neul", "dp_release", "t", "refused")]
    assert verify_trail(log, ledger.entries()) == []
    assert log.verify() == []


def test_a_ledger_written_anew_with_its_anchor_is_found_out(tmp_path: Path, log: AuditLog) -> None:
    (tmp_path / "true").mkdir()
    (tmp_path / "false").mkdir()
    spend(tmp_path / "true", log, (1, 20, 3))
    # Consistent in itself: only the audit log knows that the second release cost 20.
    forged = spend(tmp_path / "false", None, (1, 2, 3))
    assert forged.verify() == 4
    findings = verify_trail(log, forged.entries())
    assert [(finding.kind, finding.number) for finding in findings] == [("ledger", 2), ("ledger", 3)]


def test_a_ledger_that_is_gone_is_found_out(tmp_path: Path, log: AuditLog) -> None:
    spend(tmp_path, log, (1,))
    assert len(verify_trail(log, ())) == 1
