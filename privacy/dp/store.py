"""What a ledger needs of a database: serial transactions of plain SQL, and a way to make them durable."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from privacy.dp.anchor import Head

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS dp_entry (
        seq BIGINT PRIMARY KEY, body TEXT NOT NULL, previous TEXT NOT NULL, digest TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS dp_limit (
        account TEXT NOT NULL, period TEXT NOT NULL, nano_rho BIGINT NOT NULL, atto_delta BIGINT NOT NULL,
        PRIMARY KEY (account, period))""",
    """CREATE TABLE IF NOT EXISTS dp_balance (
        account TEXT NOT NULL, period TEXT NOT NULL, nano_rho BIGINT NOT NULL, atto_delta BIGINT NOT NULL,
        PRIMARY KEY (account, period))""",
    """CREATE TABLE IF NOT EXISTS dp_answer (
        account TEXT NOT NULL, question TEXT NOT NULL, seq BIGINT NOT NULL, answer TEXT NOT NULL,
        PRIMARY KEY (account, question))""",
)


class Transaction(Protocol):
    """One serial transaction."""

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement with `?` in the places of values; all its rows."""
        ...


class Store(Protocol):
    """A database that holds one ledger. Transactions are serial over all processes."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin; commit at the end of the block; roll back when it raises."""
        ...

    def snapshot(self) -> AbstractContextManager[Transaction]:
        """Read all that was committed before now, without waiting for writers and without stopping them."""
        ...

    def settle(self, head: Head) -> None:
        """Make everything up to `head` durable, and its anchor with it, before this returns."""
        ...

    def anchored(self) -> Head | None:
        """The head that the anchor remembers."""
        ...

    def close(self) -> None:
        """Give connections and locks back."""
        ...
