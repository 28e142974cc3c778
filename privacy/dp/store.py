"""Defines the database interface of a ledger: serial transactions in plain SQL, and how they become durable."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from privacy.storage.anchor import Anchored
from privacy.storage.hash_chain import ChainHead

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS dp_entry (
        number BIGINT PRIMARY KEY, content TEXT NOT NULL, digest TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS dp_limit (
        account TEXT NOT NULL, period TEXT NOT NULL, nano_rho BIGINT NOT NULL, atto_delta BIGINT NOT NULL,
        PRIMARY KEY (account, period))""",
    """CREATE TABLE IF NOT EXISTS dp_balance (
        account TEXT NOT NULL, period TEXT NOT NULL, nano_rho BIGINT NOT NULL, atto_delta BIGINT NOT NULL,
        PRIMARY KEY (account, period))""",
    """CREATE TABLE IF NOT EXISTS dp_answer (
        account TEXT NOT NULL, question TEXT NOT NULL, number BIGINT NOT NULL, answer TEXT NOT NULL,
        PRIMARY KEY (account, question))""",
    "CREATE UNIQUE INDEX IF NOT EXISTS dp_answer_number ON dp_answer (number)",
)


class Transaction(Protocol):
    """One serial transaction, in which SQL statements are run."""

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement, with `?` for each value, and return all its rows."""
        ...


class Store(Protocol):
    """A database that holds one ledger. Transactions are serial over all processes."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin a transaction; commit at the end of the block, and roll back if it raises."""
        ...

    def snapshot(self) -> AbstractContextManager[Transaction]:
        """Yield a read-only view of the committed state. It does not wait for writers and does not stop them."""
        ...

    def settle(self, head: ChainHead) -> None:
        """Flush everything up to `head` to the disk and move the anchor to it, before this returns."""
        ...

    def anchored(self) -> Anchored | None:
        """Return the content of the anchor; None if there is no anchor.

        Raises:
            LedgerDamaged: the anchor is unreadable.
        """
        ...

    def close(self) -> None:
        """Close connections, locks and the anchor."""
        ...
