"""What the ledger returns: the permission to draw noise, a stored answer, an entry, a balance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost
from privacy.storage.hash_chain import ChainHead


@dataclass(frozen=True)
class Grant:
    """Permission to draw noise: the debit is on the disk. `debit` is the ledger entry of the debit."""

    debit: ChainHead
    account: BudgetAccount
    question: str
    cost: Cost


@dataclass(frozen=True)
class Answered:
    """The answer that was stored for this question; it costs nothing. `number` is the entry that recorded it."""

    number: int
    answer: str


@dataclass(frozen=True)
class LedgerEntry:
    """One entry of the chain: its number and digest, and its content."""

    head: ChainHead
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Balance:
    """One limit of an account, and the amount spent in its current period. `period`: such as "month 2026-11"."""

    period: str
    limit: Cost
    spent: Cost

    @property
    def left(self) -> Cost:
        """The amount that can still be spent; zero if the limit was lowered below the amount spent."""
        return Cost(
            max(0, self.limit.nano_rho - self.spent.nano_rho),
            max(0, self.limit.atto_delta - self.spent.atto_delta),
        )
