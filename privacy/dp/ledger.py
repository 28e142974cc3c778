"""The ledger of privacy budgets: debits every release before its noise is drawn, and never exceeds a limit.

Order of a release: `ask` (checks every limit, debits, flushes the debit to the disk) → draw noise → `record_answer`.
A crash after the debit keeps the debit. The same question in the same period gets the stored answer and costs nothing,
because that answer is already published. A debit is added to two accounts: the question's, and the one of its privacy
unit over all data sets and purposes, whose limits are optional. Entries form a hash chain. The anchor, kept apart from
the ledger, moves before `ask` returns, so it covers every release.

What opening a ledger verifies, without reading the whole chain:
1. The chain contains the anchored entry.
2. The entries from the last checkpoint before the anchor to the end are as they were written, and so are the answers
   recorded by them. A checkpoint is an entry that repeats all limits and all balances that can still be charged; every
   64th entry is one.
3. The limits, and the balances of every period that can still be charged, equal those that these entries give. So
   editing a limit or a balance gains no budget. The same is verified again before a checkpoint is written.

What only `verify` finds, which `bojagi dp budget` and `bojagi audit verify` run: changes of entries before that
checkpoint, of balances of past periods, and of an old answer together with the entry that recorded it. None of these
changes gains budget. A stored answer is compared with its entry whenever it is returned.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Any

from privacy.dp.budget_account import PERIODS, BudgetAccount, Period, period_keys
from privacy.dp.cost import Cost
from privacy.dp.errors import BudgetRefused, LedgerDamaged
from privacy.dp.ledger_answer import Answered, Balance, Grant, LedgerEntry
from privacy.dp.ledger_state import CHECKPOINT_INTERVAL, LedgerState, Rows, checkpoint_of
from privacy.dp.store import Store, Transaction
from privacy.storage.anchor import Anchored, StoreBehindError, require_anchored
from privacy.storage.hash_chain import EMPTY, ChainEntry, ChainHead, find_faults

_CONFLICT = "ON CONFLICT (account, period) DO UPDATE SET nano_rho = excluded.nano_rho, atto_delta = excluded.atto_delta"
# The last key of each kind of period, as far as ledgers reach; see `period_keys`.
_LAST_KEYS = {"day": "day 9999-12-31", "month": "month 9999-12", "year": "year 9999", "ever": "ever"}


class Ledger:
    """The budgets of all accounts in one store. Safe under threads and processes.

    Raises (every method):
        LedgerDamaged: the store ends before its anchor, lacks the anchored entry, or contradicts its own chain.
    """

    def __init__(self, store: Store) -> None:
        """Open the ledger and verify its end and its budgets, see the module. Closes the store on failure."""
        self._store = store
        try:
            with self._reading() as (transaction, tail):
                _verified_state(transaction, tail.anchored)
        except LedgerDamaged:
            store.close()
            raise

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def set_limit(self, account: BudgetAccount, period: Period, limit: Cost, now: datetime) -> None:
        """Set the most that may be spent in each period of this kind. The change is an entry of the chain."""
        with self._writing() as (transaction, tail):
            values = (str(account), period, limit.nano_rho, limit.atto_delta)
            head = _append(transaction, tail, now, {"kind": "limit", "limit": list(values)})
            transaction.run(f"INSERT INTO dp_limit VALUES (?, ?, ?, ?) {_CONFLICT}", values)
        self._store.settle(head)

    def ask(self, account: BudgetAccount, question: str, cost: Cost, now: datetime) -> Grant | Answered:
        """Debit `cost` for a question, on the disk when this returns; or return the stored answer free of charge.

        `question` is a hash of everything that shapes the answer but the rows; the period is included.

        Raises:
            BudgetRefused: the account has no limit, or the debit would exceed one. Nothing was spent.
        """
        with self._writing() as (transaction, tail):
            known = _answered(transaction, account, question)
            if known is not None:
                return known
            granted = _debit(transaction, tail, account, question, cost, now)
        self._store.settle(granted.debit)
        return granted

    def require(self, account: BudgetAccount, cost: Cost, now: datetime) -> None:
        """Check that `cost` could be spent at this moment. Spends nothing and reserves nothing.

        Raises:
            BudgetRefused: as `ask`.
        """
        with self._reading() as (transaction, tail):
            _require_left(transaction, account, cost, tail.not_before(now))

    def record_answer(self, grant: Grant, answer: str, now: datetime) -> None:
        """Store the released answer for the same question later. Does nothing if one is stored already.

        The answer survives a crash of this process. A power failure within the next moments may lose it, but never its
        debit; the question then costs again.
        """
        with self._writing() as (transaction, tail):
            if _answered(transaction, grant.account, grant.question) is not None:
                return
            key = (str(grant.account), grant.question)
            content = {"kind": "answer", "of": grant.debit.number, "key": list(key), "answer": _digest(answer)}
            head = _append(transaction, tail, now, content)
            transaction.run("INSERT INTO dp_answer VALUES (?, ?, ?, ?)", (*key, head.number, answer))

    def peek(self, account: BudgetAccount, question: str) -> Answered | None:
        """Return the stored answer, or None if there is none. Costs nothing and does not wait for writers."""
        with self._reading() as (transaction, _):
            return _answered(transaction, account, question)

    def balances(self, account: BudgetAccount, now: datetime) -> list[Balance]:
        """Return one balance per limit of the account, for the periods that contain `now`."""
        with self._reading() as (transaction, _):
            return _balances(transaction, account, now)

    def accounts(self) -> list[BudgetAccount]:
        """Return every account that has a limit."""
        with self._reading() as (transaction, _):
            rows = transaction.run("SELECT DISTINCT account FROM dp_limit ORDER BY account")
        return [_account(row[0]) for row in rows]

    def contains(self, entry: ChainHead) -> bool:
        """Return whether the chain has this entry, with this digest."""
        with self._reading() as (transaction, _):
            return _digest_at(transaction, entry.number) == entry.digest

    def head(self) -> ChainHead:
        """Return the last entry of the chain."""
        with self._reading() as (_, tail):
            return tail.head

    def entries(self) -> Iterator[LedgerEntry]:
        """Yield every entry of the chain, in order."""
        with self._reading() as (transaction, _):
            rows = _entries_from(transaction, 1)
        for entry in rows:
            yield LedgerEntry(ChainHead(entry.number, entry.digest), json.loads(entry.content))

    def verify(self) -> int:
        """Replay the whole chain, compare limits, balances and answers with it, and return the number of entries."""
        with self._reading() as (transaction, _):
            state = LedgerState()
            for entry in _entries_from(transaction, 1):
                state.replay(entry)
            _require_tables(transaction, state, None)
        return state.head.number

    @contextmanager
    def _writing(self) -> Iterator[tuple[Transaction, _Tail]]:
        # The anchor covers committed entries only, so this transaction must contain an anchor that was read before it.
        anchored = self._store.anchored()
        with self._store.transaction() as transaction:
            yield transaction, _tail(transaction, anchored)

    @contextmanager
    def _reading(self) -> Iterator[tuple[Transaction, _Tail]]:
        anchored = self._store.anchored()
        with self._store.snapshot() as transaction:
            yield transaction, _tail(transaction, anchored)


@dataclass(frozen=True)
class _Tail:
    """The end of the chain: its head, the moment of its last entry (None if empty), and the anchor."""

    head: ChainHead
    at: datetime | None
    anchored: Anchored

    def not_before(self, now: datetime) -> datetime:
        """Return the later of `now` and the last entry's moment, so that setting a clock back opens no other period."""
        period_keys(now)
        return now if self.at is None else max(now, self.at)


def _tail(transaction: Transaction, anchored: Anchored | None) -> _Tail:
    """Read the end of the chain, and check that the chain contains the anchored entry."""
    rows = transaction.run("SELECT number, digest, content FROM dp_entry ORDER BY number DESC LIMIT 1")
    head = ChainHead(*rows[0][:2]) if rows else EMPTY
    if anchored is None:
        raise LedgerDamaged(
            f"The ledger has {head.number} entries, but its anchor is missing. Restore the anchor file; until then "
            "releases are refused"
        )
    try:
        require_anchored(anchored, head, lambda number: _digest_at(transaction, number))
    except StoreBehindError as error:
        raise LedgerDamaged(
            f"The ledger was restored from an older copy or replaced: {error.message}. Restore the newest copy; until "
            "then releases are refused"
        ) from error
    return _Tail(head, datetime.fromisoformat(json.loads(rows[0][2])["at"]) if rows else None, anchored)


def _digest_at(transaction: Transaction, number: int) -> str | None:
    if number == 0:
        return EMPTY.digest
    rows = transaction.run("SELECT digest FROM dp_entry WHERE number = ?", (number,))
    return str(rows[0][0]) if rows else None


def _entries_from(transaction: Transaction, number: int) -> list[ChainEntry]:
    sql = "SELECT number, content, digest FROM dp_entry WHERE number >= ? ORDER BY number"
    return [ChainEntry(*row) for row in transaction.run(sql, (number,))]


def _verified_state(transaction: Transaction, anchored: Anchored) -> LedgerState:
    """Replay the chain from the last checkpoint up to the anchor, and compare the tables with the result.

    The anchor proves that the anchored entry is unchanged, and the chain proves the same for every entry before it. So
    the checkpoint is unchanged too, and its limits and balances are right.

    Raises:
        LedgerDamaged: an entry since that checkpoint was changed, or a table does not agree.
    """
    first = anchored.head.number // CHECKPOINT_INTERVAL * CHECKPOINT_INTERVAL
    if first == 0:
        state, entries, since = LedgerState(), _entries_from(transaction, 1), None
    else:
        entries = _entries_from(transaction, first)
        before = ChainHead(first - 1, _digest_at(transaction, first - 1) or "")
        checkpoint = json.loads(entries[0].content)
        if any(find_faults(entries[:1], before)) or checkpoint["kind"] != "checkpoint":
            raise LedgerDamaged(f"Checkpoint {first} of the ledger was altered or removed. Restore the newest copy")
        state = LedgerState(ChainHead(first, entries.pop(0).digest), checkpoint)
        since = (first, datetime.fromisoformat(checkpoint["at"]))
    for entry in entries:
        state.replay(entry)
    _require_tables(transaction, state, since)
    return state


def _require_tables(transaction: Transaction, state: LedgerState, since: tuple[int, datetime] | None) -> None:
    """Compare the tables with a state: all rows, or only those that count after the checkpoint `since`.

    `since`: number and moment of the checkpoint; None compares all rows.
    """
    limits = transaction.run("SELECT account, period, nano_rho, atto_delta FROM dp_limit")
    _require_equal("dp_limit", _flat(state.limits), limits)
    if since is None:
        number = 0
        balances = transaction.run("SELECT account, period, nano_rho, atto_delta FROM dp_balance")
    else:
        number, moment = since
        balances = _balances_since(transaction, _charged_accounts(state), moment)
    _require_equal("dp_balance", _flat(state.balances), balances)
    sql = "SELECT account, question, number, answer FROM dp_answer WHERE number >= ?"
    answers = [(*row[:3], _digest(row[3])) for row in transaction.run(sql, (number,))]
    _require_equal("dp_answer", state.answers, answers)


def _charged_accounts(state: LedgerState) -> list[str]:
    """Return every account that a debit can be added to: those with limits, and those over all data sets."""
    limited = {account for account, _ in state.limits}
    return sorted(limited | {str(_account(name).over_all) for name in limited})


def _balances_since(transaction: Transaction, accounts: list[str], moment: datetime) -> list[tuple[Any, ...]]:
    """Return the balances of the periods that contain `moment`, and of later ones.

    Future periods are compared as well, because a forged row of tomorrow would count tomorrow.
    """
    if not accounts:
        return []
    # By account, so that the primary key finds the rows without a pass over balances of past periods.
    marks = ", ".join("?" * len(accounts))
    sql = (
        "SELECT account, period, nano_rho, atto_delta FROM dp_balance "
        f"WHERE account IN ({marks}) AND period BETWEEN ? AND ?"
    )
    periods = period_keys(moment).items()
    values = [value for kind, key in periods for value in (*accounts, key, _LAST_KEYS[kind])]
    return transaction.run(" UNION ALL ".join([sql] * len(periods)), values)


def _account(name: str) -> BudgetAccount:
    return BudgetAccount(*name.split("|"))


def _append(transaction: Transaction, tail: _Tail, now: datetime, fields: Mapping[str, Any]) -> ChainHead:
    """Append an entry, after a checkpoint if one is due; return the entry's number and digest."""
    at = tail.not_before(now).astimezone(UTC).isoformat(timespec="microseconds")
    head = tail.head
    if (head.number + 1) % CHECKPOINT_INTERVAL == 0:
        # The tables are verified first, so that no altered balance gets into the checkpoint.
        state = _verified_state(transaction, tail.anchored)
        head = _insert(transaction, head, checkpoint_of(state.limits, state.balances, at))
    return _insert(transaction, head, {**fields, "at": at})


def _insert(transaction: Transaction, head: ChainHead, fields: Mapping[str, Any]) -> ChainHead:
    content = json.dumps(fields, sort_keys=True, ensure_ascii=False)
    following = head.next(content)
    transaction.run("INSERT INTO dp_entry VALUES (?, ?, ?)", (following.number, content, following.digest))
    return following


def _answered(transaction: Transaction, account: BudgetAccount, question: str) -> Answered | None:
    """Return the stored answer; None if there is none.

    Raises:
        LedgerDamaged: the answer is not the one that its entry records.
    """
    key = (str(account), question)
    rows = transaction.run("SELECT number, answer FROM dp_answer WHERE account = ? AND question = ?", key)
    if not rows:
        return None
    number, answer = rows[0]
    entry = transaction.run("SELECT content FROM dp_entry WHERE number = ?", (number,))
    recorded = json.loads(entry[0][0]) if entry else {}
    if (recorded.get("key"), recorded.get("answer")) != (list(key), _digest(answer)):
        raise LedgerDamaged(f"The stored answer of entry {number} was altered. Restore the newest copy of the ledger")
    return Answered(number, answer)


def _debit(
    transaction: Transaction, tail: _Tail, account: BudgetAccount, question: str, cost: Cost, now: datetime
) -> Grant:
    at, asked = tail.not_before(now), (cost.nano_rho, cost.atto_delta)
    _require_left(transaction, account, cost, at)
    keys, accounts = list(period_keys(at).values()), [str(account), str(account.over_all)]
    content = {"kind": "spend", "accounts": accounts, "spend": [question, *asked], "periods": keys}
    debit = _append(transaction, tail, at, content)
    rows = ", ".join(["(?, ?, ?, ?)"] * len(keys) * len(accounts))
    transaction.run(
        f"INSERT INTO dp_balance VALUES {rows} ON CONFLICT (account, period) DO UPDATE SET "
        "nano_rho = dp_balance.nano_rho + excluded.nano_rho, "
        "atto_delta = dp_balance.atto_delta + excluded.atto_delta",
        [value for place in product(accounts, keys) for value in (*place, *asked)],
    )
    return Grant(debit, account, question, cost)


def _require_left(transaction: Transaction, account: BudgetAccount, cost: Cost, at: datetime) -> None:
    asked = (cost.nano_rho, cost.atto_delta)
    if not _balances(transaction, account, at):
        hint = f"No limit is set for this account. Set one with: bojagi dp budget '{account}' --set month=1"
        raise BudgetRefused(str(account), "every period", asked, (0, 0), hint)
    for charged in (account, account.over_all):
        for balance in _balances(transaction, charged, at):
            left = (balance.left.nano_rho, balance.left.atto_delta)
            if asked[0] > left[0] or asked[1] > left[1]:
                hint = "Ask with a smaller rho, or wait for the next period."
                raise BudgetRefused(str(charged), balance.period, asked, left, hint)


def _balances(transaction: Transaction, account: BudgetAccount, at: datetime) -> list[Balance]:
    keys = period_keys(at)
    named = str(account)
    sql = "SELECT period, nano_rho, atto_delta FROM dp_limit WHERE account = ?"
    limits = {row[0]: Cost(row[1], row[2]) for row in transaction.run(sql, (named,))}
    if not limits:
        return []
    marks = ", ".join("?" * len(keys))
    sql = f"SELECT period, nano_rho, atto_delta FROM dp_balance WHERE account = ? AND period IN ({marks})"
    spent = {row[0]: Cost(row[1], row[2]) for row in transaction.run(sql, (named, *keys.values()))}
    return [
        Balance(keys[period], limits[period], spent.get(keys[period], Cost(0)))
        for period in PERIODS
        if period in limits
    ]


def _digest(answer: str) -> str:
    return hashlib.sha256(answer.encode()).hexdigest()


def _flat(rows: Rows) -> list[tuple[Any, ...]]:
    return [(*key, *amounts) for key, amounts in rows.items()]


def _require_equal(table: str, expected: Iterable[tuple[Any, ...]], found: Iterable[tuple[Any, ...]]) -> None:
    if sorted(expected) != sorted(map(tuple, found)):
        raise LedgerDamaged(
            f"The table {table} does not agree with the ledger's chain: it was altered by another program. "
            "Restore the newest copy of the ledger"
        )
