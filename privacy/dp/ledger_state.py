"""Computes the limits, balances and answers that follow from the entries of the ledger's chain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from itertools import product
from typing import Any

from privacy.dp.budget_account import period_keys
from privacy.dp.errors import LedgerDamaged
from privacy.storage.hash_chain import EMPTY, ChainEntry, ChainHead, find_faults

CHECKPOINT_INTERVAL = 64
"""Every entry whose number is a multiple of this is a checkpoint, so opening a ledger replays about so many entries.

Writers wait while a checkpoint is written (about a millisecond), because the entries since the last are replayed."""

Amounts = tuple[int, int]
"""Billionths of ρ and 10⁻¹⁸ of δ."""
Rows = dict[tuple[str, str], Amounts]
"""Amounts by account and period."""


class LedgerState:
    """Limits, balances and answers after the entries replayed so far.

    Kinds of entries: "limit" sets a limit. "spend" debits every period that contains its moment, of each of its
    accounts: the one of the question and the one over all data sets and purposes. "answer" names the
    digest of a stored answer. "checkpoint" repeats all limits and all balances that can still be charged.

    >>> state = LedgerState()
    >>> state.apply({"kind": "limit", "limit": ["t|analytics|id", "month", 10, 0]})
    >>> spend = {"accounts": ["t|analytics|id"], "spend": ["q", 3, 0], "periods": ["month 2026-03"]}
    >>> state.apply({"kind": "spend", **spend})
    >>> state.balances
    {('t|analytics|id', 'month 2026-03'): (3, 0)}
    """

    def __init__(self, head: ChainHead = EMPTY, checkpoint: Mapping[str, Any] | None = None) -> None:
        """Start at an entry whose digest is known to be right.

        Args:
            head: that entry; the empty chain by default.
            checkpoint: the content of that entry, if it is a checkpoint.
        """
        self.head = head
        self.limits: Rows = _rows(checkpoint["limits"]) if checkpoint else {}
        self.balances: Rows = _rows(checkpoint["balances"]) if checkpoint else {}
        self.answers: list[tuple[str, str, int, str]] = []

    def replay(self, entry: ChainEntry) -> None:
        """Check that an entry continues the chain, and apply it.

        Raises:
            LedgerDamaged: an entry is missing, this entry or one before it was altered, or a checkpoint does not agree
                with the entries before it.
        """
        for fault in find_faults([entry], self.head):
            raise LedgerDamaged(
                f"The ledger's chain breaks at entry {fault.number}: {fault.message}. Restore the newest copy"
            )
        content = json.loads(entry.content)
        is_due = entry.number % CHECKPOINT_INTERVAL == 0
        if is_due != (content["kind"] == "checkpoint"):
            raise LedgerDamaged(
                f"Entry {entry.number} of the ledger is {'not ' if is_due else ''}a checkpoint; expected "
                f"{'one' if is_due else 'none'} there. Restore the newest copy"
            )
        self.head = ChainHead(entry.number, entry.digest)
        self.apply(content)

    def apply(self, content: Mapping[str, Any]) -> None:
        """Apply the content of one entry.

        Raises:
            LedgerDamaged: it is a checkpoint that does not agree with the entries before it.
        """
        if content["kind"] == "limit":
            account, period, *amounts = content["limit"]
            self.limits[account, period] = (amounts[0], amounts[1])
        elif content["kind"] == "spend":
            _, spent_rho, spent_delta = content["spend"]
            for key in product(content["accounts"], content["periods"]):
                rho, delta = self.balances.get(key, (0, 0))
                self.balances[key] = (rho + spent_rho, delta + spent_delta)
        elif content["kind"] == "answer":
            self.answers.append((*content["key"], self.head.number, content["answer"]))
        elif content != checkpoint_of(self.limits, self.balances, content["at"]):
            raise LedgerDamaged(
                f"Checkpoint {self.head.number} of the ledger does not agree with the entries before it: it was "
                "forged. Restore the newest copy"
            )


def checkpoint_of(limits: Rows, balances: Rows, at: str) -> dict[str, Any]:
    """Return the content of a checkpoint: all limits, and the balances of the periods that contain `at` (ISO 8601).

    Balances of earlier periods are left out: time never runs backwards in a ledger, so they are never charged again.
    """
    live = set(period_keys(datetime.fromisoformat(at)).values())
    return {
        "kind": "checkpoint",
        "at": at,
        "limits": [[*key, *amounts] for key, amounts in sorted(limits.items())],
        "balances": [[*key, *amounts] for key, amounts in sorted(balances.items()) if key[1] in live],
    }


def _rows(listed: list[list[Any]]) -> Rows:
    return {(account, period): (rho, delta) for account, period, rho, delta in listed}
