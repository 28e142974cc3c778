"""The key store: a data key for each source person, wrapped by a key-encryption key.

`KeyStore` is what `FieldCipher` needs. `WrappedKeyStore` keeps wrapped keys in an SQLite file that only its owner may
read, or on a server; a copy is useless without the key-encryption key.

Each change raises the store's generation, and the anchor (`privacy.storage.anchor`) moves to it. A proof seals the
generation together with the list of destroyed keys. So an older copy of the store, in which destroyed keys still exist,
is refused, and so is a store in which the generation was raised or a single old row was put back. Not found: store and
anchor put back together. Keep the anchor elsewhere, and rotate after destroying keys: then nothing can unwrap the keys
in older copies of the store.

Guarantee: a key that was destroyed at the anchored generation is never unwrapped again, as long as HMAC-SHA256 cannot
be forged and the anchor is kept.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from privacy.protection.data_key import KEY_ID_BYTES, DataKey, KeyStatus
from privacy.protection.errors import (
    DamagedStoreError,
    DestroyedKeyError,
    LostKeyError,
    RolledBackStoreError,
    WrongKeyError,
)
from privacy.protection.key_wrapper import KeyWrapper
from privacy.storage.anchor import AnchorError, AnchorFile, AnchorSealError, StoreBehindError, require_anchored
from privacy.storage.database import DATABASE_ERRORS, anchor_of, is_unwritten, open_database, transaction
from privacy.storage.hash_chain import ChainHead
from privacy.storage.lock import file_lock
from privacy.storage.secret_file import KEY_BYTES

if TYPE_CHECKING:
    from privacy.storage.database import Place

_BATCH = 500
_SEAL_CONTEXT = b"bojagi key store seal"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS data_key (
  key_id BLOB PRIMARY KEY, owner TEXT NOT NULL, version TEXT NOT NULL, wrapped BLOB
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS data_key_owner ON data_key (owner) WHERE wrapped IS NOT NULL;
CREATE INDEX IF NOT EXISTS data_key_destroyed ON data_key (key_id) WHERE wrapped IS NULL;
CREATE TABLE IF NOT EXISTS store (
  one INTEGER PRIMARY KEY CHECK (one = 1), store_id TEXT NOT NULL, generation INTEGER NOT NULL,
  version TEXT NOT NULL, seal BLOB NOT NULL, proof BLOB NOT NULL
);
"""


class WrappedKeyStore:
    """Wrapped data keys in an SQLite file or on a server. Use one object per thread; any number of processes may."""

    def __init__(
        self, place: Place, wrapper: KeyWrapper, anchor_path: Path | None = None, *, joins: bool = False
    ) -> None:
        """Open the store, and create it if there is none.

        Args:
            place: the SQLite file, or the server.
            wrapper: the key-encryption keys.
            anchor_path: this machine's anchor; the file with ".anchor" appended by default.
            joins: whether this machine, which has no anchor yet, accepts the store on the server as it is now.

        Raises:
            WrongKeyError: the wrapper has another key-encryption key than the store was made with.
            LostKeyError: the wrapper no longer has the version of the key-encryption key that the store uses.
            RolledBackStoreError: the store is older than its anchor, or one of the two is missing.
            DamagedStoreError: the place has no key store.
        """
        self.path, self.anchor_path = place, anchor_of(place, anchor_path)
        self._wrapper = wrapper
        self._open: dict[bytes, bytes] = {}
        try:
            if self.anchor_path.exists() and is_unwritten(place, "keys"):
                raise RolledBackStoreError(
                    f"{place}: the key store is missing, but its anchor exists. Restore the key store."
                )
            # Without overwriting, a destroyed key would stay in the file.
            self._db = open_database(place, _SCHEMA, "keys", overwrites=True)
        except (OSError, *DATABASE_ERRORS) as error:
            raise DamagedStoreError(
                f"{place}: cannot be opened as a key store: {error}. Restore the key store."
            ) from error
        self._version: tuple[int, int] | None = None
        self._seal_key = self._unseal()
        self._anchor = AnchorFile(self.anchor_path, self._seal_key)
        self._check_anchor(joins)
        self._forget_when_changed()

    def close(self) -> None:
        """Close the files and forget the unwrapped keys."""
        self._open.clear()
        self._db.close()
        self._anchor.close()

    def keys_of(self, owners: Sequence[str]) -> dict[str, DataKey]:
        """Return the key of each owner; create the keys that do not exist yet."""
        self._forget_when_changed()
        wanted = list(dict.fromkeys(owners))
        found = self._find(wanted)
        missing = [owner for owner in wanted if owner not in found]
        if missing:
            found |= self._make(missing)
        return found

    def key(self, key_id: bytes) -> bytes:
        """Return the key with this id, see `KeyStore.key`."""
        self._forget_when_changed()
        secret = self._open.get(key_id)
        if secret is None:
            with self._reading():
                secret = self._read_key(key_id)
        return secret

    def keys(self, key_ids: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the keys with these ids, see `KeyStore.keys`. For many ids it is three times as fast as `key`."""
        self._forget_when_changed()
        wanted = list(dict.fromkeys(key_ids))
        missing = [key_id for key_id in wanted if key_id not in self._open]
        for row in self._live("key_id", missing):
            self._unwrap(*row)
        return {key_id: self._open[key_id] for key_id in wanted if key_id in self._open}

    def ids_of(self, owners: Sequence[str]) -> dict[str, bytes]:
        """Return the id of each owner's key; owners without a key are left out. Creates no key."""
        return {owner: key_id for key_id, owner, _, _ in self._live("owner", list(dict.fromkeys(owners)))}

    def destroyed(self, key_ids: Iterable[bytes]) -> frozenset[bytes]:
        """Return those of the ids whose key was destroyed."""
        wanted = set(key_ids)
        gone = self._db.execute("SELECT key_id FROM data_key WHERE wrapped IS NULL")
        return frozenset(key_id for (key_id,) in gone if key_id in wanted)

    def _read_key(self, key_id: bytes) -> bytes:
        query = "SELECT owner, version, wrapped FROM data_key WHERE key_id = ?"
        row = self._db.execute(query, (key_id,)).fetchone()
        if row is None:
            raise LostKeyError(
                f"{self.path}: has no data key {key_id.hex()}. The key belongs to another key store, or this store was "
                "replaced. Restore the key store that was in use when the data was written."
            )
        if row[2] is None:
            raise DestroyedKeyError(
                f"{self.path}: data key {key_id.hex()} was destroyed, so the data that it encrypted is erased for good."
            )
        return self._unwrap(key_id, *row)

    def destroy(self, owners: Iterable[str]) -> int:
        """Destroy the keys of these owners; return how many keys were destroyed.

        Everything that these keys encrypted becomes unreadable at once, in all copies. Other processes drop the key
        from their memory before they use it again. Rotate afterwards if copies of the store exist: they still have the
        wrapped key.
        """
        with self._change():
            count = 0
            for owner in owners:
                # The owner's name is a token of the person, so it goes with the key.
                cursor = self._db.execute(
                    "UPDATE data_key SET wrapped = NULL, owner = '' WHERE owner = ? AND wrapped IS NOT NULL", (owner,)
                )
                count += cursor.rowcount
        if self._db.is_shared:  # a file overwrites the former rows by itself
            self._db.vacuum("data_key")
        self._open.clear()
        return count

    def destroy_ids(self, key_ids: Iterable[bytes]) -> int:
        """Destroy the keys with these ids, as `destroy` does; return how many keys were destroyed."""
        owners = [owner for _, owner, _, _ in self._live("key_id", list(dict.fromkeys(key_ids)))]
        return self.destroy(owners) if owners else 0

    def rotate(self) -> int:
        """Wrap all data keys with a new key-encryption key and destroy the old one; return the number of keys.

        No data is written again. Both key-encryption keys exist until the rotation is complete, so a crash loses
        nothing; the next rotation completes it.
        """
        if not isinstance(self.path, Path):  # the transaction keeps the other machines out
            return self._rotate()
        with file_lock(self.path.with_name(f"{self.path.name}.rotation")):
            return self._rotate()

    def _rotate(self) -> int:
        with self._change():
            # Inside the transaction: keys that other processes create afterwards are wrapped with the new version.
            seal_key = self._unseal()
            self._wrapper.add_version()
            rows = self._db.execute("SELECT key_id, owner, version, wrapped FROM data_key WHERE wrapped IS NOT NULL")
            wrapped_keys = rows.fetchall()
            current = self._wrapper.current()
            for key_id, owner, version, wrapped in wrapped_keys:
                secret = self._unwrap(key_id, owner, version, wrapped)
                again = self._wrapper.wrap(secret, _context(key_id, owner))
                self._db.execute(
                    "UPDATE data_key SET version = ?, wrapped = ? WHERE key_id = ?", (current, again, key_id)
                )
            seal = self._wrapper.wrap(seal_key, _SEAL_CONTEXT)
            self._db.execute("UPDATE store SET version = ?, seal = ?", (current, seal))
        for version in self._wrapper.versions():
            if version != current:
                self._wrapper.destroy_version(version)
        return len(wrapped_keys)

    def status(self) -> KeyStatus:
        """Return the numbers of keys in the store."""
        alive = "SELECT version, count(*) FROM data_key WHERE wrapped IS NOT NULL GROUP BY version ORDER BY version"
        by_version = {version: int(count) for version, count in self._db.execute(alive)}
        destroyed = self._db.execute("SELECT count(*) FROM data_key WHERE wrapped IS NULL").fetchone()[0]
        return KeyStatus(
            sum(by_version.values()), int(destroyed), self._generation(), self._wrapper.current(), by_version
        )

    def _forget_when_changed(self) -> None:
        """Drop the keys in memory if another process has changed the store, because it may have destroyed some.

        Then the proof is checked again, because that process may not have been ours.
        """
        version = self._db.data_version()
        if version != self._version:
            self._open.clear()
            with self._reading():
                self._require_proof()
            self._version = version

    def _live(self, column: str, values: Sequence[bytes | str]) -> Iterator[tuple[bytes, str, str, bytes]]:
        """Yield id, owner, version and wrapped key of the keys with these values that were not destroyed."""
        for first in range(0, len(values), _BATCH):
            part = values[first : first + _BATCH]
            query = (
                "SELECT key_id, owner, version, wrapped FROM data_key "
                f"WHERE wrapped IS NOT NULL AND {column} IN ({', '.join('?' * len(part))})"
            )
            # Yielded inside the block, so the caller unwraps the key before a rotation destroys the key-encryption key.
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
            found = self._find(owners)  # another process may have created them meanwhile
            (version,) = self._db.execute("SELECT version FROM store").fetchone()
            # Another machine may have rotated: what a former version wraps, only this machine could read.
            self._wrapper.use(version)
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
            # The wrapper could unwrap the store's seal, so it is the right wrapper, and this row was changed.
            raise DamagedStoreError(
                f"{self.path}: data key {key_id.hex()} was changed in the key store. Restore the key store."
            ) from error
        self._open[key_id] = secret
        return secret

    def _unseal(self) -> bytes:
        """Return the key that seals the anchor. It is kept in the store, wrapped, and created with the store."""
        query = "SELECT version, seal FROM store"
        if self._db.execute(query).fetchone() is None:
            version, seal_key, store_id = self._wrapper.current(), secrets.token_bytes(KEY_BYTES), secrets.token_hex(8)
            proof = _proof(seal_key, store_id, 0, ())
            values = (store_id, version, self._wrapper.wrap(seal_key, _SEAL_CONTEXT), proof)
            self._db.execute("INSERT INTO store VALUES (1, ?, 0, ?, ?, ?) ON CONFLICT (one) DO NOTHING", values)
        with self._reading():
            version, seal = self._db.execute(query).fetchone()
            return self._wrapper.unwrap(version, seal, _SEAL_CONTEXT)

    def _generation(self) -> int:
        return int(self._db.execute("SELECT generation FROM store").fetchone()[0])

    def _expected_proof(self) -> bytes:
        store_id, generation = self._db.execute("SELECT store_id, generation FROM store").fetchone()
        destroyed = self._db.execute("SELECT key_id FROM data_key WHERE wrapped IS NULL ORDER BY key_id")
        return _proof(self._seal_key, store_id, generation, (row[0] for row in destroyed))

    def _require_proof(self) -> None:
        proof = self._db.execute("SELECT proof FROM store").fetchone()[0]
        if not hmac.compare_digest(proof, self._expected_proof()):
            raise RolledBackStoreError(
                f"{self.path}: the list of destroyed keys or the generation was changed by another program, so a "
                "destroyed key may have been put back. Restore the newest key store."
            )

    def _head(self) -> ChainHead:
        """Return the state that the anchor records: the store's generation, and a digest of its random id."""
        store_id, generation = self._db.execute("SELECT store_id, generation FROM store").fetchone()
        return ChainHead(int(generation), hashlib.sha256(str(store_id).encode()).hexdigest())

    def _check_anchor(self, joins: bool) -> None:
        try:
            # Read before the generation: other processes move the store only forward, so never behind this anchor.
            anchored = self._anchor.read()
            head = self._head()
            if anchored is not None:
                require_anchored(anchored, head, lambda _: head.digest)
            elif head.number == 0 or (joins and self._db.is_shared):
                self._anchor.create(head)
            else:
                self._anchor.head()
            self._anchor.advance(head)
        except AnchorSealError as error:
            raise RolledBackStoreError(
                f"{self.anchor_path}: the anchor belongs to another key store than {self.path}, or was changed. "
                "Restore the anchor of this key store."
            ) from error
        except AnchorError as error:
            is_unwritten = not self.anchor_path.exists()
            raise (RolledBackStoreError if is_unwritten else DamagedStoreError)(error.message) from error
        except StoreBehindError as error:
            raise RolledBackStoreError(
                f"{self.path}: an older copy of the key store was put back, in which destroyed keys still exist "
                f"({error.message}). Restore the newest key store."
            ) from error

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Block rotations during the block, so that the key-encryption key exists until read keys are unwrapped."""
        with self._db.reading():
            yield

    @contextmanager
    def _change(self) -> Iterator[None]:
        """Run the block in a transaction that raises the generation, then move the anchor.

        After a crash between the two, the next opening moves the anchor.
        """
        with transaction(self._db):
            # Checked first, so that a change by another program is never sealed.
            self._require_proof()
            yield
            self._db.execute("UPDATE store SET generation = generation + 1")
            self._db.execute("UPDATE store SET proof = ?", (self._expected_proof(),))
            head = self._head()
        self._anchor.advance(head)


def _proof(seal_key: bytes, store_id: str, generation: int, destroyed: Iterable[bytes]) -> bytes:
    """Return the seal of a store's generation and its destroyed keys, whose ids come in ascending order."""
    content = hashlib.sha256(b"".join(destroyed)).digest()
    return hmac.digest(seal_key, f"bojagi destroyed keys\0{store_id}\0{generation}\0".encode() + content, "sha256")


def _context(key_id: bytes, owner: str) -> bytes:
    return b"bojagi data key\0" + key_id + owner.encode()
