"""Opening a ledger with a long chain reads only its end; the full verification finds changes before that."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from privacy.dp import ledger as ledger_module
from privacy.dp import ledger_state
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost
from privacy.dp.errors import BudgetRefused, LedgerDamaged
from privacy.dp.ledger import Ledger
from privacy.dp.ledger_answer import Answered, Grant
from privacy.dp.sqlite_store import SqliteStore
from privacy.storage.hash_chain import EMPTY, ChainHead

ACCOUNT = BudgetAccount("gold/order", "analytics")
START = datetime(2026, 1, 1, tzinfo=UTC)
# Smaller than the real one, so that a chain of many checkpoints is short.
CHECKPOINT_INTERVAL = 32
SPENDS = 6 * CHECKPOINT_INTERVAL
LIMIT = Cost(10 * SPENDS)


class CountingStore(SqliteStore):
    """A store that counts the entries that are read from it."""

    entries_read = 0

    @contextmanager
    def snapshot(self) -> Iterator[Any]:
        with super().snapshot() as transaction:
            yield CountingTransaction(self, transaction)


class CountingTransaction:
    def __init__(self, store: CountingStore, transaction: Any) -> None:
        self._store, self._transaction = store, transaction

    def run(self, sql: str, values: Any = ()) -> list[tuple[Any, ...]]:
        rows = self._transaction.run(sql, values)
        self._store.entries_read += len(rows) if "FROM dp_entry" in sql else 0
        return rows


def open_ledger(folder: Path) -> tuple[Ledger, CountingStore]:
    store = CountingStore(folder / "ledger.sqlite", folder / "anchor")
    return Ledger(store), store


@pytest.fixture(scope="module", autouse=True)
def small_interval() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        for module in (ledger_module, ledger_state):
            patched.setattr(module, "CHECKPOINT_INTERVAL", CHECKPOINT_INTERVAL)
        yield


@pytest.fixture(scope="module")
def long_chain(small_interval: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a ledger with one spend per hour and an answer to every tenth spend. Tests change copies of it."""
    folder = tmp_path_factory.mktemp("long")
    ledger, _ = open_ledger(folder)
    ledger.set_limit(ACCOUNT, "ever", LIMIT, START)
    ledger.set_limit(ACCOUNT, "day", Cost(100), START)
    for number in range(SPENDS):
        at = START + timedelta(hours=number)
        granted = ledger.ask(ACCOUNT, f"q{number}", Cost(2), at)
        assert isinstance(granted, Grant)
        if number % 10 == 0:
            ledger.record_answer(granted, f"answer {number}", at)
    ledger.close()
    return folder


@pytest.fixture
def folder(long_chain: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(long_chain, tmp_path / "copy"))


def change(folder: Path, *statements: str) -> None:
    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0
    connection.close()


def last_number(folder: Path) -> int:
    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        number = connection.execute("SELECT max(number) FROM dp_entry").fetchone()[0]
    connection.close()
    return int(number)


def test_opening_reads_a_bounded_number_of_entries_whatever_the_length(folder: Path) -> None:
    length = last_number(folder)
    assert length > 6 * CHECKPOINT_INTERVAL
    ledger, store = open_ledger(folder)
    assert store.entries_read <= CHECKPOINT_INTERVAL + 4
    store.entries_read = 0
    assert ledger.balances(ACCOUNT, START)[1].spent == Cost(2 * SPENDS)
    assert store.entries_read <= 2
    # The contrast: the full verification reads everything.
    assert ledger.verify() == length
    assert store.entries_read >= length
    ledger.close()


def test_checkpoints_do_not_change_what_may_be_spent(folder: Path) -> None:
    ledger, _ = open_ledger(folder)
    at = START + timedelta(hours=SPENDS)
    stored = ledger.peek(ACCOUNT, "q100")
    assert isinstance(stored, Answered)
    assert stored.answer == "answer 100"
    assert isinstance(ledger.ask(ACCOUNT, "all of the day", Cost(100), at + timedelta(days=2)), Grant)
    with pytest.raises(BudgetRefused, match="left in day"):
        ledger.ask(ACCOUNT, "one more", Cost(1), at + timedelta(days=2))
    ledger.close()


CHEAPER = "UPDATE dp_entry SET content = replace(content, ', 2, 0]', ', 1, 0]') WHERE number = "
RICHER = "UPDATE dp_entry SET content = replace(content, 'ever\", ', 'ever\", 1') WHERE number = "
TAIL = {
    "an entry of the tail": CHEAPER + "{tail}",
    "an entry of the tail removed": "DELETE FROM dp_entry WHERE number = {tail}",
    "the checkpoint": RICHER + "{checkpoint}",
    "the checkpoint's predecessor": "UPDATE dp_entry SET digest = '{zeros}' WHERE number = {checkpoint} - 1",
    "a limit": "UPDATE dp_limit SET nano_rho = nano_rho + 1 WHERE period = 'ever'",
    "a limit of another account": "INSERT INTO dp_limit VALUES ('gold/order|marketing|customer_id', 'ever', 9, 9)",
    "the balance for ever": "UPDATE dp_balance SET nano_rho = 0 WHERE period = 'ever'",
    "the balance of the day": "UPDATE dp_balance SET nano_rho = 0 WHERE period = '{day}'",
    "a balance of tomorrow": "INSERT INTO dp_balance VALUES ('{account}', 'day 2027-01-01', -1000, 0)",
    "an answer of the tail": "UPDATE dp_answer SET answer = 'other' WHERE number > {checkpoint}",
}


@pytest.mark.parametrize("statement", TAIL.values(), ids=TAIL.keys())
def test_opening_refuses_a_change_of_the_tail_or_of_what_can_still_be_spent(folder: Path, statement: str) -> None:
    last = last_number(folder)
    names = {
        "tail": last - 20,
        "checkpoint": last // CHECKPOINT_INTERVAL * CHECKPOINT_INTERVAL,
        "zeros": EMPTY.digest,
        "day": f"day {START + timedelta(hours=SPENDS - 1):%Y-%m-%d}",
        "account": ACCOUNT,
    }
    open_ledger(folder)[0].close()
    change(folder, statement.format(**names))
    with pytest.raises(LedgerDamaged):
        open_ledger(folder)


OLD = {
    "an old entry": CHEAPER + "100",
    "an old entry removed": "DELETE FROM dp_entry WHERE number = 100",
    "an old checkpoint": "UPDATE dp_entry SET content = replace(content, ', 0]', ', 1]') WHERE number = 64",
    "a balance of a past day": "UPDATE dp_balance SET nano_rho = 0 WHERE period = 'day 2026-01-02'",
    "an old answer": "UPDATE dp_answer SET answer = 'other' WHERE question = 'q10'",
}


@pytest.mark.parametrize("statement", OLD.values(), ids=OLD.keys())
def test_the_full_verification_finds_a_change_of_the_old_part(folder: Path, statement: str) -> None:
    change(folder, statement)
    ledger, _ = open_ledger(folder)
    with pytest.raises(LedgerDamaged):
        ledger.verify()
    ledger.close()


def test_an_altered_old_answer_is_refused(folder: Path) -> None:
    change(folder, "UPDATE dp_answer SET answer = 'other' WHERE question = 'q10'")
    ledger, _ = open_ledger(folder)
    assert ledger.peek(ACCOUNT, "q20") is not None
    with pytest.raises(LedgerDamaged, match="was altered"):
        ledger.peek(ACCOUNT, "q10")
    with pytest.raises(LedgerDamaged, match="was altered"):
        ledger.ask(ACCOUNT, "q10", Cost(1), START)
    ledger.close()


def append_forged(folder: Path, entries: int, spent: int) -> None:
    """Appends forged entries with valid digests, and a checkpoint with `spent` as the balance of all time."""
    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        number, digest, content = connection.execute(
            "SELECT number, digest, content FROM dp_entry ORDER BY number DESC LIMIT 1"
        ).fetchone()
        at, head = json.loads(content)["at"], ChainHead(number, digest)
        period = f"day {datetime.fromisoformat(at):%Y-%m-%d}"
        limits = [[str(ACCOUNT), "day", 100, 0], [str(ACCOUNT), "ever", LIMIT.nano_rho, 0]]
        balances = [[str(ACCOUNT), "ever", spent, 0]]
        for _ in range(entries):
            is_due = (head.number + 1) % CHECKPOINT_INTERVAL == 0
            forged = (
                {"kind": "checkpoint", "at": at, "limits": limits, "balances": balances}
                if is_due
                else {"kind": "answer", "of": 1, "key": ["x", str(head.number)], "answer": "x", "at": at}
            )
            text = json.dumps(forged, sort_keys=True)
            head = head.next(text)
            connection.execute("INSERT INTO dp_entry VALUES (?, ?, ?)", (head.number, text, head.digest))
        connection.execute("DELETE FROM dp_balance WHERE period <> 'ever' AND period >= ?", (period,))
        connection.execute("UPDATE dp_balance SET nano_rho = ? WHERE period = 'ever'", (spent,))
    connection.close()


def test_a_forged_checkpoint_behind_the_anchor_gives_no_budget(folder: Path) -> None:
    append_forged(folder, CHECKPOINT_INTERVAL + 5, spent=0)
    with pytest.raises(LedgerDamaged, match="forged"):
        open_ledger(folder)


def test_a_balance_altered_while_the_ledger_is_open_does_not_pass_into_a_checkpoint(folder: Path) -> None:
    ledger, _ = open_ledger(folder)
    change(folder, "UPDATE dp_balance SET nano_rho = 0 WHERE period = 'ever'")
    at = START + timedelta(hours=SPENDS)
    due = CHECKPOINT_INTERVAL - 1 - ledger.head().number % CHECKPOINT_INTERVAL
    for number in range(due):
        ledger.ask(ACCOUNT, f"later {number}", Cost(1), at)
    with pytest.raises(LedgerDamaged, match="dp_balance"):
        ledger.ask(ACCOUNT, "the checkpoint is due", Cost(1), at)
    ledger.close()


def test_without_the_comparison_of_tables_an_altered_balance_would_open(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the comparison of the tables refuses the change, not the chain."""
    change(folder, "UPDATE dp_balance SET nano_rho = 0 WHERE period = 'ever'")
    monkeypatch.setattr(ledger_module, "_require_tables", lambda *_: None)
    ledger, _ = open_ledger(folder)
    assert ledger.balances(ACCOUNT, START)[1].spent == Cost(0)
    ledger.close()
