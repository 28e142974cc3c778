"""The key store: a data key for each source person, wrapped by a key-encryption key.

`KeyStore` is what the cipher needs. `SqliteKeyStore` is an SQLite file for its owner only; whoever copies it has
wrapped keys and nothing to unwrap them with. An anchor file, sealed with a key from inside the store, says how far the
store had come, so that an older copy put back is noticed. (Store and anchor put back together are not; keep the anchor
elsewhere, and rotate after destroying keys: older copies of the store then cannot be unwrapped by anything.)
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from privacy.database import open_database, transaction
from privacy.private_file import replace
from privacy.protection.errors import (
    DamagedStoreError,
    DestroyedKeyError,
    LostKeyError,
    RolledBackStoreError,
    WrongKeyError,
)
from privacy.protection.key_wrapper import KEY_BYTES, KeyWrapper

KEY_ID_BYTES = 16
_BATCH = 500
_SEAL_CONTEXT = b"bojagi key store seal"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS data_key (
  key_id BLOB PRIMARY KEY, owner TEXT NOT NULL, version TEXT NOT NULL, wrapped BLOB
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS data_key_owner ON data_key (owner) WHERE wrapped IS NOT NULL;
CREATE TABLE IF NOT EXISTS store (
  one INTEGER PRIMARY KEY CHECK (one = 1), store_id TEXT NOT NULL, generation INTEGER NOT NULL,
  version TEXT NOT NULL, seal BLOB NOT NULL
);
"""


@dataclass(frozen=True)
class DataKey:
    """A data key and its name. `repr` does not show the key."""

    key_id: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"DataKey({self.key_id.hex()})"


@dataclass(frozen=True)
class KeyStatus:
    """What a store holds."""

    data_keys: int
    destroyed: int
    generation: int
    current_version: str
    by_version: dict[str, int]


class KeyStore(Protocol):
    """Data keys by owner (a source person, named by an opaque token) and by their own name."""

    def keys_of(self, owners: Sequence[str]) -> dict[str, DataKey]:
        """The key of each owner; made where there is none."""
        ...

    def key(self, key_id: bytes) -> bytes:
        """The key of that name.

        Raises:
            DestroyedKeyError: it was destroyed on purpose.
            LostKeyError: there never was such a key here.
        """
        ...

    def keys(self, key_ids: Iterable[bytes]) -> dict[bytes, bytes]:
        """The keys of those names that are here and were not destroyed, for many at once."""
        ...

    def destroy(self, owners: Iterable[str]) -> int:
        """Destroy the keys of owners; how many."""
        ...

    def rotate(self) -> int:
        """Wrap all data keys under a new key-encryption key and destroy the old ones; how many."""
        ...

    def status(self) -> KeyStatus:
        """What the store holds."""
        ...


class SqliteKeyStore:
    """Wrapped data keys in an SQLite file. One object a thread; any number of processes."""

    def __init__(self, path: Path, wrapper: KeyWrapper, anchor_path: Path | None = None) -> None:
        """Open the store; create it when there is none.

        Raises:
            WrongKeyError: the wrapper holds another key-encryption key.
            LostKeyError: the store's version of the key-encryption key is gone.
            RolledBackStoreError: the store is older than its anchor.
            DamagedStoreError: the file is no key store.
        """
        self.path = path
        self.anchor_path = anchor_path or path.with_name(f"{path.name}.anchor")
        self._wrapper = wrapper
        self._open: dict[bytes, bytes] = {}
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists() and self.anchor_path.exists():
            raise RolledBackStoreError(f"{path}: the key store is gone; its anchor is there. Restore the store.")
        try:
            # A destroyed key must be gone from the disk.
            self._db = open_database(path, _SCHEMA, overwrites=True)
        except (OSError, sqlite3.Error) as error:
            raise DamagedStoreError(f"{path}: cannot be opened as a key store: {error}.") from error
        self._version = -1
        self._seal_key = self._unseal()
        self._check_anchor()

    def close(self) -> None:
        """Close the file and forget the keys."""
        self._open.clear()
        self._db.close()

    def keys_of(self, owners: Sequence[str]) -> dict[str, DataKey]:
        """The key of each owner; made where there is none."""
        self._forget_when_changed()
        wanted = list(dict.fromkeys(owners))
        found = self._find(wanted)
        missing = [owner for owner in wanted if owner not in found]
        if missing:
            found |= self._make(missing)
        return found

    def key(self, key_id: bytes) -> bytes:
        """The key of that name."""
        self._forget_when_changed()
        held = self._open.get(key_id)
        if held is None:
            with self._reading():
                held = self._read_key(key_id)
        return held

    def keys(self, key_ids: Iterable[bytes]) -> dict[bytes, bytes]:
        """The keys of those names that are here and were not destroyed; a lookup each takes three times as long."""
        self._forget_when_changed()
        wanted = list(dict.fromkeys(key_ids))
        missing = [key_id for key_id in wanted if key_id not in self._open]
        for row in self._live("key_id", missing):
            self._unwrap(*row)
        return {key_id: self._open[key_id] for key_id in wanted if key_id in self._open}

    def _read_key(self, key_id: bytes) -> bytes:
        query = "SELECT owner, version, wrapped FROM data_key WHERE key_id = ?"
        row = self._db.execute(query, (key_id,)).fetchone()
        if row is None:
            raise LostKeyError(
                f"{self.path}: has no data key {key_id.hex()}. It is another store's, or the store was replaced; "
                "restore the store that was in use when the data was written."
            )
        if row[2] is None:
            raise DestroyedKeyError(f"{self.path}: data key {key_id.hex()} was destroyed; its data is erased.")
        return self._unwrap(key_id, *row)

    def destroy(self, owners: Iterable[str]) -> int:
        """Destroy the keys of owners at once, in every copy of what they encrypted; how many.

        Other processes forget a key that they have in memory before they use it again. Rotate afterwards if copies of
        the store exist: they hold the key still, wrapped.
        """
        with self._change():
            count = 0
            for owner in owners:
                cursor = self._db.execute(
                    "UPDATE data_key SET wrapped = NULL WHERE owner = ? AND wrapped IS NOT NULL", (owner,)
                )
                count += cursor.rowcount
        self._open.clear()
        return count

    def rotate(self) -> int:
        """Wrap all data keys under a new key-encryption key; how many. No data is written anew.

        Until it is done both versions exist; a crash in between loses nothing, and the next rotation ends it.
        """
        with FileLock(f"{self.path}.rotation"):
            return self._rotate()

    def _rotate(self) -> int:
        with self._change():
            # Under the store's lock: who makes keys afterwards asks for the current version and gets this one.
            self._wrapper.add_version()
            rows = self._db.execute("SELECT key_id, owner, version, wrapped FROM data_key WHERE wrapped IS NOT NULL")
            held = rows.fetchall()
            current = self._wrapper.current()
            for key_id, owner, version, wrapped in held:
                secret = self._unwrap(key_id, owner, version, wrapped)
                again = self._wrapper.wrap(secret, _context(key_id, owner))
                self._db.execute(
                    "UPDATE data_key SET version = ?, wrapped = ? WHERE key_id = ?", (current, again, key_id)
                )
            seal = self._wrapper.wrap(self._seal_key, _SEAL_CONTEXT)
            self._db.execute("UPDATE store SET version = ?, seal = ?", (current, seal))
        for version in self._wrapper.versions():
            if version != current:
                self._wrapper.destroy_version(version)
        return len(held)

    def status(self) -> KeyStatus:
        """What the store holds."""
        alive = "SELECT version, count(*) FROM data_key WHERE wrapped IS NOT NULL GROUP BY version ORDER BY version"
        by_version = {version: int(count) for version, count in self._db.execute(alive)}
        destroyed = self._db.execute("SELECT count(*) FROM data_key WHERE wrapped IS NULL").fetchone()[0]
        return KeyStatus(
            sum(by_version.values()), int(destroyed), self._generation(), self._wrapper.current(), by_version
        )

    def _forget_when_changed(self) -> None:
        """Drop the keys in memory when another process has changed the store; it may have destroyed some."""
        version = self._db.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._open.clear()
            self._version = version

    def _live(self, column: str, values: Sequence[bytes | str]) -> Iterator[tuple[bytes, str, str, bytes]]:
        """Name, owner, version and wrapped key of the rows with these values that were not destroyed."""
        for first in range(0, len(values), _BATCH):
            part = values[first : first + _BATCH]
            query = (
                "SELECT key_id, owner, version, wrapped FROM data_key "
                f"WHERE wrapped IS NOT NULL AND {column} IN ({', '.join('?' * len(part))})"
            )
            # Inside: a key must be unwrapped before a rotation may end.
            with self._reading():
                yield from self._db.execute(query, part).fetchall()

    def _find(self, owners: list[str]) -> dict[str, DataKey]:
        found: dict[str, DataKey] = {}
        for key_id, owner, version, wrapped in self._live("owner", owners):
            secret = self._open.get(key_id) or self._unwrap(key_id, owner, version, wrapped)
            found[owner] = DataKey(key_id, secret)
        return found

    def _make(self, owners: list[str]) -> dict[str, DataKey]:
        with self._change():
            found = self._find(owners)  # another process may have made them meanwhile
            version = self._wrapper.current()
            rows = []
            for owner in owners:
                if owner not in found:
                    key = DataKey(os.urandom(KEY_ID_BYTES), os.urandom(KEY_BYTES))
                    rows.append(
                        (key.key_id, owner, version, self._wrapper.wrap(key.secret, _context(key.key_id, owner)))
                    )
                    found[owner] = key
            self._db.executemany("INSERT INTO data_key VALUES (?, ?, ?, ?)", rows)
        self._open |= {key.key_id: key.secret for key in found.values()}
        return found

    def _unwrap(self, key_id: bytes, owner: str, version: str, wrapped: bytes) -> bytes:
        try:
            secret = self._wrapper.unwrap(version, wrapped, _context(key_id, owner))
        except WrongKeyError as error:
            # The wrapper opened the store's seal, so it is the right one: this row is what was changed.
            raise DamagedStoreError(f"{self.path}: data key {key_id.hex()} was changed in the store.") from error
        self._open[key_id] = secret
        return secret

    def _unseal(self) -> bytes:
        """The key inside the store that seals its anchor; made with the store."""
        query = "SELECT version, seal FROM store"
        if self._db.execute(query).fetchone() is None:
            version = self._wrapper.current()
            seal = self._wrapper.wrap(secrets.token_bytes(KEY_BYTES), _SEAL_CONTEXT)
            values = (secrets.token_hex(8), version, seal)
            self._db.execute("INSERT OR IGNORE INTO store VALUES (1, ?, 0, ?, ?)", values)
        with self._reading():
            version, seal = self._db.execute(query).fetchone()
            return self._wrapper.unwrap(version, seal, _SEAL_CONTEXT)

    def _generation(self) -> int:
        return int(self._db.execute("SELECT generation FROM store").fetchone()[0])

    def _seal(self, generation: int) -> str:
        return hmac.new(self._seal_key, str(generation).encode(), hashlib.sha256).hexdigest()

    def _check_anchor(self) -> None:
        has_anchor = self.anchor_path.exists()
        if has_anchor:
            try:
                held = json.loads(self.anchor_path.read_text("ascii"))
                anchored, seal = int(held["generation"]), str(held["seal"])
            except (ValueError, KeyError, TypeError) as error:
                raise DamagedStoreError(f"{self.anchor_path}: is no anchor of a key store.") from error
        # After the anchor was read: while other processes go on, the store is never behind what its anchor said before.
        generation = self._generation()
        if has_anchor:
            if not hmac.compare_digest(seal, self._seal(anchored)):
                raise RolledBackStoreError(f"{self.anchor_path}: is the anchor of another key store than {self.path}.")
            if anchored > generation:
                raise RolledBackStoreError(
                    f"{self.path}: is at generation {generation}, its anchor says {anchored}: an earlier copy was put "
                    "back, in which destroyed keys live. Restore the latest store."
                )
            if anchored == generation:
                return
        elif generation > 0 and not self.anchor_path.exists():
            raise RolledBackStoreError(f"{self.anchor_path}: the anchor of the key store is missing; restore it.")
        self._write_anchor(generation)

    def _write_anchor(self, generation: int) -> None:
        replace(self.anchor_path, json.dumps({"generation": generation, "seal": self._seal(generation)}))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Keeps a rotation from ending, and its old key from going, between reading a key and unwrapping it."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("COMMIT")

    @contextmanager
    def _change(self) -> Iterator[None]:
        """A transaction that raises the generation. The anchor follows the commit; a crash between leaves it behind,
        which the next opening mends.
        """
        with transaction(self._db):
            yield
            self._db.execute("UPDATE store SET generation = generation + 1")
            generation = self._generation()
        self._write_anchor(generation)


def _context(key_id: bytes, owner: str) -> bytes:
    return b"bojagi data key\0" + key_id + owner.encode()
