import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from bench.dp.ledger import try_ledger
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost
from privacy.dp.errors import BadQuestion, BudgetRefused, LedgerDamaged
from privacy.dp.ledger import Ledger
from privacy.dp.ledger_answer import Answered, Grant
from privacy.dp.sqlite_store import SqliteStore

ACCOUNT = BudgetAccount("gold/order", "analytics")
NOW = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)


def open_ledger(folder: Path) -> Ledger:
    return Ledger(SqliteStore(folder / "ledger.sqlite", folder / "anchor"))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path)
    opened.set_limit(ACCOUNT, "month", Cost(10, 5), NOW)
    yield opened
    opened.close()


def test_spends_up_to_the_limit_are_granted_and_the_next_is_refused(ledger: Ledger) -> None:
    for turn in range(10):
        assert isinstance(ledger.ask(ACCOUNT, f"q{turn}", Cost(1), NOW), Grant)
    with pytest.raises(BudgetRefused, match="left in month 2026-03: ρ=0"):
        ledger.ask(ACCOUNT, "one more", Cost(1), NOW)
    assert ledger.balances(ACCOUNT, NOW)[0].left == Cost(0, 5)


def test_a_spend_beyond_the_limit_of_delta_is_refused(ledger: Ledger) -> None:
    with pytest.raises(BudgetRefused) as refused:
        ledger.ask(ACCOUNT, "q", Cost(1, 6), NOW)
    assert (refused.value.left_nano_rho, refused.value.left_atto_delta) == (10, 5)


def test_a_refused_spend_leaves_the_balance_unchanged(ledger: Ledger) -> None:
    with pytest.raises(BudgetRefused):
        ledger.ask(ACCOUNT, "too much", Cost(11), NOW)
    assert isinstance(ledger.ask(ACCOUNT, "all of it", Cost(10), NOW), Grant)


def test_an_account_without_a_limit_is_refused(ledger: Ledger) -> None:
    with pytest.raises(BudgetRefused, match="No limit is set"):
        ledger.ask(BudgetAccount("gold/order", "marketing"), "q", Cost(1), NOW)


def test_the_budget_over_all_data_sets_and_purposes_counts_every_debit_of_the_privacy_unit(ledger: Ledger) -> None:
    other = BudgetAccount("gold/visit", "marketing")
    ledger.set_limit(other, "ever", Cost(100, 5), NOW)
    # Spent before the common limit exists, and counted.
    ledger.ask(ACCOUNT, "a", Cost(4), NOW)
    assert ledger.balances(ACCOUNT.over_all, NOW) == []
    ledger.set_limit(other.over_all, "ever", Cost(9, 5), NOW)
    ledger.ask(other, "b", Cost(5), NOW)
    with pytest.raises(BudgetRefused, match=r"Budget of \*\|\*\|customer_id refused.* left in ever: ρ=0"):
        ledger.ask(other, "c", Cost(1), NOW)
    # Negative control: the account's own limit alone, as before, would have granted it.
    assert ledger.balances(other, NOW)[0].left.nano_rho > 1
    # The contrast: another privacy unit has a budget of its own.
    household = BudgetAccount("gold/order", "analytics", "household_id")
    ledger.set_limit(household, "ever", Cost(3), NOW)
    assert isinstance(ledger.ask(household, "d", Cost(3), NOW), Grant)
    assert ledger.verify() == 7


def test_lowering_the_common_balance_by_hand_is_found(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.set_limit(ACCOUNT, "ever", Cost(10), NOW)
    ledger.set_limit(ACCOUNT.over_all, "ever", Cost(10), NOW)
    ledger.ask(ACCOUNT, "a", Cost(4), NOW)
    ledger.close()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute("UPDATE dp_balance SET nano_rho = 0 WHERE account = ?", (str(ACCOUNT.over_all),))
    with pytest.raises(LedgerDamaged, match="dp_balance does not agree"):
        open_ledger(tmp_path)


def test_a_repeated_question_gets_the_stored_answer_and_costs_nothing(ledger: Ledger) -> None:
    grant = ledger.ask(ACCOUNT, "q", Cost(10), NOW)
    assert isinstance(grant, Grant)
    ledger.record_answer(grant, "42 ± 3", NOW)
    again = ledger.ask(ACCOUNT, "q", Cost(10), NOW)
    assert isinstance(again, Answered)
    assert again.answer == "42 ± 3"


def test_a_crash_after_the_debit_keeps_the_debit(tmp_path: Path, ledger: Ledger) -> None:
    ledger.ask(ACCOUNT, "q", Cost(10), NOW)
    reopened = open_ledger(tmp_path)
    with pytest.raises(BudgetRefused):
        reopened.ask(ACCOUNT, "q", Cost(10), NOW)


def test_a_new_period_starts_at_zero_but_the_limit_for_ever_does_not(ledger: Ledger) -> None:
    ledger.set_limit(ACCOUNT, "ever", Cost(15, 5), NOW)
    ledger.ask(ACCOUNT, "a", Cost(10), NOW)
    ledger.ask(ACCOUNT, "b", Cost(5), NOW + timedelta(hours=1))
    with pytest.raises(BudgetRefused, match="left in ever"):
        ledger.ask(ACCOUNT, "c", Cost(1), NOW + timedelta(hours=1))


def test_time_zones_and_turned_back_clocks_open_no_new_period(ledger: Ledger) -> None:
    ledger.ask(ACCOUNT, "a", Cost(10), NOW)
    seoul = NOW.astimezone(timezone(timedelta(hours=9)))
    assert seoul.month != NOW.month
    for clock in (seoul, NOW - timedelta(days=40)):
        with pytest.raises(BudgetRefused):
            ledger.ask(ACCOUNT, "b", Cost(1), clock)
    with pytest.raises(BadQuestion, match="without a time zone"):
        ledger.ask(ACCOUNT, "b", Cost(1), NOW.replace(tzinfo=None))


def test_a_ledger_restored_from_an_older_copy_is_refused(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.set_limit(ACCOUNT, "ever", Cost(10), NOW)
    ledger.ask(ACCOUNT, "a", Cost(4), NOW)
    ledger.close()
    shutil.copy(tmp_path / "ledger.sqlite", tmp_path / "old.sqlite")
    ledger = open_ledger(tmp_path)
    ledger.ask(ACCOUNT, "b", Cost(4), NOW)
    ledger.close()
    shutil.copy(tmp_path / "old.sqlite", tmp_path / "ledger.sqlite")
    with pytest.raises(LedgerDamaged, match="older copy"):
        open_ledger(tmp_path)


def test_a_ledger_replaced_while_open_is_refused(tmp_path: Path, ledger: Ledger) -> None:
    shutil.copy(tmp_path / "ledger.sqlite", tmp_path / "copy")
    os.replace(tmp_path / "copy", tmp_path / "ledger.sqlite")
    with pytest.raises(LedgerDamaged, match="replaced while it was open"):
        ledger.ask(ACCOUNT, "a", Cost(1), NOW)


@pytest.mark.timeout(20)
def test_readers_and_opening_do_not_wait_for_a_writer(tmp_path: Path, ledger: Ledger) -> None:
    grant = ledger.ask(ACCOUNT, "a", Cost(1), NOW)
    assert isinstance(grant, Grant)
    ledger.record_answer(grant, "42", NOW)
    with ledger._store.transaction():
        other = open_ledger(tmp_path)
        assert other.peek(ACCOUNT, "a") == Answered(3, "42")
        assert other.balances(ACCOUNT, NOW)[0].spent == Cost(1)
        other.require(ACCOUNT, Cost(9), NOW)
        with pytest.raises(BudgetRefused):
            other.require(ACCOUNT, Cost(10), NOW)
        other.close()


@pytest.mark.parametrize("lost", ["ledger.sqlite", "anchor"])
def test_a_missing_ledger_or_anchor_is_refused(tmp_path: Path, lost: str) -> None:
    ledger = open_ledger(tmp_path)
    ledger.set_limit(ACCOUNT, "ever", Cost(10), NOW)
    ledger.close()
    (tmp_path / lost).unlink()
    with pytest.raises(LedgerDamaged):
        open_ledger(tmp_path)


def test_an_interrupted_write_of_the_anchor_is_mended(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.set_limit(ACCOUNT, "ever", Cost(10), NOW)
    ledger.ask(ACCOUNT, "a", Cost(1), NOW)
    ledger.close()
    content = (tmp_path / "anchor").read_bytes()
    newest = content.index(b"%020d" % 2)
    (tmp_path / "anchor").write_bytes(content[: newest + 30] + b"\0" * 20 + content[newest + 50 :])
    assert open_ledger(tmp_path).verify() == 2


ALTERED: dict[str, str] = {
    "balance": "UPDATE dp_balance SET nano_rho = 0",
    "limit": "UPDATE dp_limit SET nano_rho = 1000",
    "answer": "UPDATE dp_answer SET answer = 'other'",
    "spend": "UPDATE dp_entry SET content = replace(content, '\"q\", 3', '\"q\", 1')",
    "removed": "DELETE FROM dp_entry WHERE number = 2",
}


@pytest.mark.parametrize("sql", ALTERED.values(), ids=ALTERED.keys())
def test_a_change_from_outside_is_refused_at_opening(tmp_path: Path, ledger: Ledger, sql: str) -> None:
    grant = ledger.ask(ACCOUNT, "q", Cost(3), NOW)
    assert isinstance(grant, Grant)
    ledger.record_answer(grant, "42", NOW)
    assert ledger.verify() == 3
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        assert connection.execute(sql).rowcount > 0
    with pytest.raises(LedgerDamaged):
        open_ledger(tmp_path)


@pytest.mark.parametrize(
    ("processes", "each", "limit"),
    [(4, 60, 200), pytest.param(16, 700, 10_000, marks=pytest.mark.slow)],
)
def test_concurrent_spends_with_kills_never_exceed_the_limit(
    tmp_path: Path, processes: int, each: int, limit: int
) -> None:
    trial = try_ledger(tmp_path, processes, each, limit)
    assert trial.killed
    assert len(set(trial.granted)) == len(trial.granted) <= trial.spent <= limit
    assert trial.without_debit == 0
    assert len(trial.debited) == trial.spent
    if trial.refused:
        assert trial.spent == limit
