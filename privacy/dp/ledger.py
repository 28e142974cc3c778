"""The budget ledger: no release without its debit, no debit beyond a limit, no step without a trace.

Order of a release: `ask` (checks every limit, debits, makes the debit durable) → draw noise →
`record_answer`. A crash after the debit keeps the debit. The same question on the same version of the data
gets the stored answer and costs nothing: an answer that is already out tells nothing more. Entries form a
hash chain; the anchor, kept outside the file, moves before `ask` returns, so every release is covered by it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
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
    """A durable debit: noise may be drawn. `seq` is the entry that paid."""

    seq: int
    account: Account
    question: str
    cost: Cost


@dataclass(frozen=True)
class Answered:
    """The question was answered before; `answer` is that answer, free of charge."""

    seq: int
    answer: str


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
        self.verify()

    def set_limit(self, account: Account, period: Period, limit: Cost, now: datetime) -> None:
        """Set or change the most that may be spent in each such period; itself an entry of the chain."""
        with self._store.transaction() as transaction:
            values = (str(account), period, limit.nano_rho, limit.atto_delta)
            head = self._append(transaction, now, {"kind": "limit", "limit": list(values)})
            transaction.run(f"INSERT INTO dp_limit VALUES (?, ?, ?, ?) {_CONFLICT}", values)
        self._store.settle(head)

    def ask(self, account: Account, question: str, cost: Cost, now: datetime) -> Grant | Answered:
        """Debit `cost` for `question`, durably; or hand out the stored answer.

        `question` is a hash of everything that shapes the answer, the version of the data included.

        Raises:
            BudgetRefused: the account has no limit yet, or one would be passed. Nothing was spent.
        """
        with self._store.transaction() as transaction:
            known = transaction.run(
                "SELECT seq, answer FROM dp_answer WHERE account = ? AND question = ?",
                (str(account), question),
            )
            if known:
                head, granted = self._head(transaction), None
            else:
                head, granted = self._debit(transaction, account, question, cost, now)
        self._store.settle(head)
        return granted if granted is not None else Answered(*known[0])

    def record_answer(self, grant: Grant, answer: str, now: datetime) -> None:
        """Keep the released answer for whoever asks again. A second one changes nothing."""
        key = (str(grant.account), grant.question)
        with self._store.transaction() as transaction:
            if transaction.run("SELECT seq FROM dp_answer WHERE account = ? AND question = ?", key):
                return
            digest = hashlib.sha256(answer.encode()).hexdigest()
            body = {"kind": "answer", "of": grant.seq, "key": list(key), "answer": digest}
            head = self._append(transaction, now, body)
            transaction.run("INSERT INTO dp_answer VALUES (?, ?, ?, ?)", (*key, head.seq, answer))
        self._store.settle(head)

    def peek(self, account: Account, question: str) -> Answered | None:
        """The stored answer, if there is one. Costs nothing, writes nothing."""
        with self._store.transaction() as transaction:
            self._require_anchored(transaction)
            rows = transaction.run(
                "SELECT seq, answer FROM dp_answer WHERE account = ? AND question = ?",
                (str(account), question),
            )
        return Answered(*rows[0]) if rows else None

    def balances(self, account: Account, now: datetime) -> list[Balance]:
        """Every limit of the account and what is left in the period that `now` falls in."""
        with self._store.transaction() as transaction:
            self._require_anchored(transaction)
            return self._balances(transaction, account, now)

    def accounts(self) -> list[Account]:
        """Every account that has a limit."""
        with self._store.transaction() as transaction:
            rows = transaction.run("SELECT DISTINCT account FROM dp_limit ORDER BY account")
        return [Account(*row[0].split("|")) for row in rows]

    def head(self) -> Head:
        """The chain's last entry, for the audit log to carry."""
        with self._store.transaction() as transaction:
            return self._head(transaction)

    def verify(self) -> int:
        """Replay the whole chain against limits, balances and answers; the number of entries."""
        with self._store.transaction() as transaction:
            self._require_anchored(transaction)
            replay = Replay()
            for row in transaction.run("SELECT seq, body, previous, digest FROM dp_entry ORDER BY seq"):
                replay.follow(*row)
            for table, expected in (("dp_limit", replay.limits), ("dp_balance", replay.balances)):
                _require_equal(table, expected, transaction.run(f"SELECT * FROM {table}"))
            answers = transaction.run("SELECT account, question, seq, answer FROM dp_answer")
            digests = [(a, q, s, hashlib.sha256(text.encode()).hexdigest()) for a, q, s, text in answers]
            _require_equal("dp_answer", replay.answers, digests)
            return replay.seq

    def _debit(
        self, transaction: Transaction, account: Account, question: str, cost: Cost, now: datetime
    ) -> tuple[Head, Grant]:
        at = self._not_before(transaction, now)
        balances = self._balances(transaction, account, at)
        if not balances:
            raise BudgetRefused(
                str(account),
                "every period",
                (cost.nano_rho, cost.atto_delta),
                (0, 0),
                "No limit is set for this account; set one with: bojagi dp budget --set",
            )
        for balance in balances:
            left = balance.left
            if cost.nano_rho > left.nano_rho or cost.atto_delta > left.atto_delta:
                raise BudgetRefused(
                    str(account),
                    balance.period,
                    (cost.nano_rho, cost.atto_delta),
                    (left.nano_rho, left.atto_delta),
                    "Ask with a smaller rho, or wait for the next period.",
                )
        keys = period_keys(at)
        spend = [question, cost.nano_rho, cost.atto_delta]
        body = {"kind": "spend", "account": str(account), "spend": spend, "periods": list(keys.values())}
        head = self._append(transaction, at, body)
        for key in keys.values():
            transaction.run(
                "INSERT INTO dp_balance VALUES (?, ?, ?, ?) ON CONFLICT (account, period) DO UPDATE SET "
                "nano_rho = dp_balance.nano_rho + excluded.nano_rho, "
                "atto_delta = dp_balance.atto_delta + excluded.atto_delta",
                (str(account), key, cost.nano_rho, cost.atto_delta),
            )
        return head, Grant(head.seq, account, question, cost)

    def _balances(self, transaction: Transaction, account: Account, at: datetime) -> list[Balance]:
        keys = period_keys(at)
        limits = {
            row[0]: Cost(row[1], row[2])
            for row in transaction.run(
                "SELECT period, nano_rho, atto_delta FROM dp_limit WHERE account = ?", (str(account),)
            )
        }
        found = []
        for period in PERIODS:
            if period in limits:
                rows = transaction.run(
                    "SELECT nano_rho, atto_delta FROM dp_balance WHERE account = ? AND period = ?",
                    (str(account), keys[period]),
                )
                found.append(Balance(keys[period], limits[period], Cost(*rows[0]) if rows else Cost(0)))
        return found

    def _append(self, transaction: Transaction, now: datetime, fields: Mapping[str, Any]) -> Head:
        before = self._require_anchored(transaction)
        at = self._not_before(transaction, now).astimezone(UTC).isoformat(timespec="microseconds")
        body = json.dumps({**fields, "at": at}, sort_keys=True, ensure_ascii=False)
        digest = entry_digest(before.seq + 1, before.digest, body)
        head = Head(before.seq + 1, digest)
        transaction.run("INSERT INTO dp_entry VALUES (?, ?, ?, ?)", (head.seq, body, before.digest, head.digest))
        return head

    def _not_before(self, transaction: Transaction, now: datetime) -> datetime:
        """Time never runs backwards in a ledger: a clock turned back opens no fresh period."""
        period_keys(now)
        rows = transaction.run("SELECT body FROM dp_entry ORDER BY seq DESC LIMIT 1")
        return max(now, datetime.fromisoformat(json.loads(rows[0][0])["at"])) if rows else now

    def _head(self, transaction: Transaction) -> Head:
        rows = transaction.run("SELECT seq, digest FROM dp_entry ORDER BY seq DESC LIMIT 1")
        return Head(*rows[0]) if rows else EMPTY

    def _require_anchored(self, transaction: Transaction) -> Head:
        head, anchored = self._head(transaction), self._store.anchored()
        if anchored is None:
            raise LedgerDamaged(f"The ledger has {head.seq} entries and its anchor is missing; restore the anchor file")
        if anchored == EMPTY:
            return head
        rows = transaction.run("SELECT digest FROM dp_entry WHERE seq = ?", (anchored.seq,))
        if not rows or rows[0][0] != anchored.digest:
            raise LedgerDamaged(
                f"The ledger ends at entry {head.seq}, its anchor remembers entry {anchored.seq}: it was "
                "restored from an older copy or replaced. Restore the newest copy; releases stay refused"
            )
        return head


def _require_equal(table: str, expected: Iterable[tuple[Any, ...]], found: Iterable[tuple[Any, ...]]) -> None:
    if sorted(expected) != sorted(map(tuple, found)):
        raise LedgerDamaged(f"{table} contradicts the ledger's chain: it was altered outside the ledger")
