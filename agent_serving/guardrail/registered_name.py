"""Looks up whether a text is the name of a registered person, by the tokens of names and without any name in clear."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from installation.installation import Installation

_TOKEN_KIND = "name"
_RELOAD_SECONDS = 60.0


class RegisteredNames:
    """The names of the persons in the bronze tables, as keyed hashes (`privacy.protection.token`). Safe under threads.

    The hashes are read again when a table has changed, at most once in `_RELOAD_SECONDS`. A person who was erased is
    therefore not known any more.
    """

    def __init__(self, installation: Installation, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._installation, self._monotonic = installation, monotonic
        self._columns = [
            (contract.table.replace("source/", "bronze/", 1), f"{column.name}_token")
            for contract in installation.contracts.values()
            for column in contract.columns
            if column.token == _TOKEN_KIND and contract.table.startswith(("source/", "bronze/"))
        ]
        self._lock = threading.Lock()
        self._versions: tuple[int | None, ...] = ()
        self._tokens: frozenset[bytes] = frozenset()
        self._looked_at = -_RELOAD_SECONDS

    def __call__(self, name: str) -> bool:
        """Return whether a person of this name is registered.

        Raises:
            SecretError: the token secret is missing or another one.
            LakehouseError: the tables cannot be reached.
        """
        self._follow()
        token = self._installation.tokenizer.token(_TOKEN_KIND, name)
        return token is not None and bytes.fromhex(token) in self._tokens

    def _follow(self) -> None:
        if self._monotonic() - self._looked_at < _RELOAD_SECONDS:
            return
        with self._lock:
            lakehouse = self._installation.lakehouse
            versions = tuple(lakehouse.version(table) for table, _ in self._columns)
            if versions != self._versions or not self._tokens:
                self._tokens = frozenset(self._read())
                self._versions = versions
            self._looked_at = self._monotonic()

    def _read(self) -> Iterator[bytes]:
        for table, column in self._columns:
            if self._installation.lakehouse.exists(table):
                found = self._installation.lakehouse.select(
                    table, f'DISTINCT "{column}" AS token', f'"{column}" IS NOT NULL'
                )
                yield from map(bytes.fromhex, found["token"].to_pylist())
