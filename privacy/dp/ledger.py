"""The budget ledger: no release without its debit, no debit beyond a limit, no step without a trace.

Order of a release: `ask` (checks every limit, debits, makes the debit durable) → draw noise →
`record_answer`. A crash after the debit keeps the debit. The same question on the same version of the data
gets the stored answer and costs nothing: an answer that is already out tells nothing more. Entries form a
hash chain; the anchor, kept outside the file, moves before `ask` returns, so every release is covered by it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from privacy.dp.account import PERIODS, Account, Period, period_keys
from privacy.dp.anchor import EMPTY, Head
from privacy.dp.cost import Cost
from privacy.dp.errors import BudgetRefused, LedgerDamaged
from privacy.dp.replay import Replay, entry_digest
from privacy.dp.store import Store, Transaction

_CONFLICT = "ON CONFLICT (account, period) DO UPDATE SET nano_rho = excluded.nano_rho, atto_delta = excluded.atto_delta"


@dataclass(frozen=True)
class Grant:
    """A durable debit: noise may be drawn. `head` is the entry that paid."""

    head: Head
    account: Account
    question: str
    cost: Cost


@dataclass(frozen=True)
class Answered:
    """The question was answered before; `answer` is that answer, free of charge."""

    seq: int
    answer: str


@dataclass(frozen=True)
class Entry:
    """One entry of the chain: its number and digest, and what it says."""

    head: Head
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Balance:
    """One limit of an account and what was spent of it. `period` such as "month 2026-11"."""

    period: str
    limit: Cost
    spent: Cost

    @property
    def left(self) -> Cost:
        """What may still be spent; zero when a limit was lowered below what was spent."""
        return Cost(
            max(0, self.limit.nano_rho - self.spent.nano_rho),
            max(0, self.limit.atto_delta - self.spent.atto_delta),
        )


class Ledger:
    """Budgets of all accounts in one store. Safe under threads and processes.

    Raises (every method):
        LedgerDamaged: the store is behind its anchor, lacks the anchored entry, or contradicts its own chain.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        try:
            self.verify()
        except LedgerDamaged:
            store.close()
            raise

    def close(self) -> None:
        """Give the store back."""
        self._store.close()

    def set_limit(self, account: Account, period: Period, limit: Cost, now: datetime) -> None:
        """Set or change the most that may be spent in each such period; itself an entry of the chain."""
        with self._writing() as (transaction, tail):
            values = (str(account), period, limit.nano_rho, limit.atto_delta)
            head = _append(transaction, tail, now, {"kind": "limit", "limit": list(values)})
            transaction.run(f"INSERT INTO dp_limit VALUES (?, ?, ?, ?) {_CONFLICT}", values)
        self._store.settle(head)

    def ask(self, account: Account, question: str, cost: Cost, now: datetime) -> Grant | Answered:
        """Debit `cost` for `question`, durably; or hand out the stored answer.

        `question` is a hash of everything that shapes the answer, the version of the data included.

        Raises:
            BudgetRefused: the account has no limit yet, or one would be passed. Nothing was spent.
        """
        with self._writing() as (transaction, tail):
            known = _answered(transaction, account, question)
            if known is not None:
                return known
            granted = _debit(transaction, tail, account, question, cost, now)
        self._store.settle(granted.head)
        return granted

    def require(self, account: Account, cost: Cost, now: datetime) -> None:
        """Refuse what could not be spent as things are; spends nothing, and promises nothing.

        Raises:
            BudgetRefused: as `ask` would.
        """
        with self._reading() as (transaction, tail):
            _require_left(transaction, account, cost, tail.not_before(now))

    def record_answer(self, grant: Grant, answer: str, now: datetime) -> None:
        """Keep the released answer for whoever asks again. A second one changes nothing.

        It survives a crash of this process; a power failure within the next moments may lose it (never its
        debit), and the question then costs again.
        """
        with self._writing() as (transaction, tail):
            if _answered(transaction, grant.account, grant.question) is not None:
                return
            key = (str(grant.account), grant.question)
            digest = hashlib.sha256(answer.encode()).hexdigest()
            body = {"kind": "answer", "of": grant.head.seq, "key": list(key), "answer": digest}
            head = _append(transaction, tail, now, body)
            transaction.run("INSERT INTO dp_answer VALUES (?, ?, ?, ?)", (*key, head.seq, answer))

    def peek(self, account: Account, question: str) -> Answered | None:
        """The stored answer, if there is one. Costs nothing, writes nothing, waits for nobody."""
        with self._reading() as (transaction, _):
            return _answered(transaction, account, question)

    def balances(self, account: Account, now: datetime) -> list[Balance]:
        """Every limit of the account and what is left in the period that `now` falls in."""
        with self._reading() as (transaction, _):
            return _balances(transaction, account, now)

    def accounts(self) -> list[Account]:
        """Every account that has a limit."""
        with self._reading() as (transaction, _):
            rows = transaction.run("SELECT DISTINCT account FROM dp_limit ORDER BY account")
        return [Account(*row[0].split("|")) for row in rows]

    def head(self) -> Head:
        """The chain's last entry."""
        with self._reading() as (_, tail):
            return tail.head

    def entries(self) -> Iterator[Entry]:
        """Every entry of the chain, in order."""
        with self._reading() as (transaction, _):
            rows = transaction.run("SELECT seq, body, digest FROM dp_entry ORDER BY seq")
        for seq, body, digest in rows:
            yield Entry(Head(seq, digest), json.loads(body))

    def verify(self) -> int:
        """Replay the whole chain against limits, balances and answers; the number of entries."""
        with self._reading() as (transaction, _):
            entries = transaction.run("SELECT seq, body, previous, digest FROM dp_entry ORDER BY seq")
            limits, balances = (transaction.run(f"SELECT * FROM {name}") for name in ("dp_limit", "dp_balance"))
            answers = transaction.run("SELECT account, question, seq, answer FROM dp_answer")
        replay = Replay()
        for row in entries:
            replay.follow(*row)
        _require_equal("dp_limit", replay.limits, limits)
        _require_equal("dp_balance", replay.balances, balances)
        digests = [(a, q, s, hashlib.sha256(text.encode()).hexdigest()) for a, q, s, text in answers]
        _require_equal("dp_answer", replay.answers, digests)
        return replay.seq

    @contextmanager
    def _writing(self) -> Iterator[tuple[Transaction, _Tail]]:
        # The anchor never remembers what is not committed: read before the transaction, it has to be in it.
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
    """The end of the chain: its head, and the moment of its last entry."""

    head: Head
    at: datetime | None

    def not_before(self, now: datetime) -> datetime:
        """Time never runs backwards in a ledger: a clock turned back opens no fresh period."""
        period_keys(now)
        return now if self.at is None else max(now, self.at)


def _tail(transaction: Transaction, anchored: Head | None) -> _Tail:
    """The chain's end; refused unless the anchored entry is in the chain."""
    rows = transaction.run("SELECT seq, digest, body FROM dp_entry ORDER BY seq DESC LIMIT 1")
    head = Head(*rows[0][:2]) if rows else EMPTY
    if anchored is None:
        raise LedgerDamaged(f"The ledger has {head.seq} entries and its anchor is missing; restore the anchor file")
    if anchored not in (EMPTY, head):
        found = transaction.run("SELECT digest FROM dp_entry WHERE seq = ?", (anchored.seq,))
        if not found or found[0][0] != anchored.digest:
            raise LedgerDamaged(
                f"The ledger ends at entry {head.seq}, its anchor remembers entry {anchored.seq}: it was "
                "restored from an older copy or replaced. Restore the newest copy; releases stay refused"
            )
    return _Tail(head, datetime.fromisoformat(json.loads(rows[0][2])["at"]) if rows else None)


def _append(transaction: Transaction, tail: _Tail, now: datetime, fields: Mapping[str, Any]) -> Head:
    at = tail.not_before(now).astimezone(UTC).isoformat(timespec="microseconds")
    body = json.dumps({**fields, "at": at}, sort_keys=True, ensure_ascii=False)
    before = tail.head
    head = Head(before.seq + 1, entry_digest(before.seq + 1, before.digest, body))
    transaction.run("INSERT INTO dp_entry VALUES (?, ?, ?, ?)", (head.seq, body, before.digest, head.digest))
    return head


def _answered(transaction: Transaction, account: Account, question: str) -> Answered | None:
    sql = "SELECT seq, answer FROM dp_answer WHERE account = ? AND question = ?"
    rows = transaction.run(sql, (str(account), question))
    return Answered(*rows[0]) if rows else None


def _debit(transaction: Transaction, tail: _Tail, account: Account, question: str, cost: Cost, now: datetime) -> Grant:
    at, asked = tail.not_before(now), (cost.nano_rho, cost.atto_delta)
    _require_left(transaction, account, cost, at)
    keys = list(period_keys(at).values())
    body = {"kind": "spend", "account": str(account), "spend": [question, *asked], "periods": keys}
    head = _append(transaction, tail, at, body)
    rows = ", ".join(["(?, ?, ?, ?)"] * len(keys))
    transaction.run(
        f"INSERT INTO dp_balance VALUES {rows} ON CONFLICT (account, period) DO UPDATE SET "
        "nano_rho = dp_balance.nano_rho + excluded.nano_rho, "
        "atto_delta = dp_balance.atto_delta + excluded.atto_delta",
        [value for key in keys for value in (str(account), key, *asked)],
    )
    return Grant(head, account, question, cost)


def _require_left(transaction: Transaction, account: Account, cost: Cost, at: datetime) -> None:
    balances, asked = _balances(transaction, account, at), (cost.nano_rho, cost.atto_delta)
    if not balances:
        hint = "No limit is set for this account; set one with: bojagi dp budget --set"
        raise BudgetRefused(str(account), "every period", asked, (0, 0), hint)
    for balance in balances:
        left = (balance.left.nano_rho, balance.left.atto_delta)
        if asked[0] > left[0] or asked[1] > left[1]:
            hint = "Ask with a smaller rho, or wait for the next period."
            raise BudgetRefused(str(account), balance.period, asked, left, hint)


def _balances(transaction: Transaction, account: Account, at: datetime) -> list[Balance]:
    keys = period_keys(at)
    named = str(account)
    sql = "SELECT period, nano_rho, atto_delta FROM dp_limit WHERE account = ?"
    limits = {row[0]: Cost(row[1], row[2]) for row in transaction.run(sql, (named,))}
    if not limits:
        return []
    places = ", ".join("?" * len(keys))
    sql = f"SELECT period, nano_rho, atto_delta FROM dp_balance WHERE account = ? AND period IN ({places})"
    spent = {row[0]: Cost(row[1], row[2]) for row in transaction.run(sql, (named, *keys.values()))}
    return [
        Balance(keys[period], limits[period], spent.get(keys[period], Cost(0)))
        for period in PERIODS
        if period in limits
    ]


def _require_equal(table: str, expected: Iterable[tuple[Any, ...]], found: Iterable[tuple[Any, ...]]) -> None:
    if sorted(expected) != sorted(map(tuple, found)):
        raise LedgerDamaged(f"{table} contradicts the ledger's chain: it was altered outside the ledger")
