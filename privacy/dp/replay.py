"""Replays a ledger's chain from its first entry, to hold its tables against."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from privacy.dp.anchor import EMPTY
from privacy.dp.errors import LedgerDamaged


def entry_digest(seq: int, previous: str, body: str) -> str:
    """The digest of an entry: SHA-256 over its number, the digest before it, and its body."""
    return hashlib.sha256(f"{seq}\n{previous}\n{body}".encode()).hexdigest()


class Replay:
    """What limits, balances and answers must be after the entries followed so far."""

    def __init__(self) -> None:
        self.seq, self.digest = EMPTY.seq, EMPTY.digest
        self._limits: dict[tuple[str, str], tuple[int, int]] = {}
        self._balances: dict[tuple[str, str], tuple[int, int]] = {}
        self.answers: list[tuple[str, str, int, str]] = []

    @property
    def limits(self) -> list[tuple[Any, ...]]:
        """Rows of the table of limits."""
        return [(*key, *value) for key, value in self._limits.items()]

    @property
    def balances(self) -> list[tuple[Any, ...]]:
        """Rows of the table of balances."""
        return [(*key, *value) for key, value in self._balances.items()]

    def follow(self, seq: int, body: str, previous: str, digest: str) -> None:
        """Check one entry against the chain and apply it.

        Raises:
            LedgerDamaged: a number is missing, or the entry or one before it was altered.
        """
        is_next = seq == self.seq + 1 and previous == self.digest
        if not is_next or digest != entry_digest(seq, previous, body):
            raise LedgerDamaged(f"The ledger's chain breaks at entry {seq} (after {self.seq}): it was altered")
        self.seq, self.digest = seq, digest
        entry = json.loads(body)
        if entry["kind"] == "limit":
            account, period, nano_rho, atto_delta = entry["limit"]
            self._limits[account, period] = (nano_rho, atto_delta)
        elif entry["kind"] == "spend":
            for period in entry["periods"]:
                rho, delta = self._balances.get((entry["account"], period), (0, 0))
                _, spent_rho, spent_delta = entry["spend"]
                self._balances[entry["account"], period] = (rho + spent_rho, delta + spent_delta)
        else:
            self.answers.append((*entry["key"], seq, entry["answer"]))
