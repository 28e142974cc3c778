"""The store of requests: an append-only chain of events, and what is sealed for as long as a case needs it.

`event` holds no personal data. Triggers refuse every change of it. A chain of digests, a keyed seal of each entry and a
sealed anchor show changes that go around the triggers (`verify`). `sealed` holds contact, statement, corrections, the
look-up of the person and the answer, encrypted under a data key of the request; deleting it destroys the key first.
`person` maps a keyed hash of a customer id to the reference by which requests name the person, until the person is
erased.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from privacy.protection.data_key import KeyStore
from privacy.protection.errors import DestroyedKeyError
from privacy.rights.errors import RequestStoreError
from privacy.rights.request import Event
from privacy.rights.subject import new_reference
from privacy.storage.anchor import AnchorError, AnchorFile, StoreBehindError, require_anchored
from privacy.storage.database import DATABASE_ERRORS, is_unwritten, open_database, transaction
from privacy.storage.hash_chain import EMPTY, ChainEntry, ChainFault, ChainHead, find_faults

if TYPE_CHECKING:
    from privacy.storage.database import Place

_NONCE_BYTES = 12
_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
  number INTEGER PRIMARY KEY, request TEXT NOT NULL, subject TEXT NOT NULL, content TEXT NOT NULL, digest TEXT NOT NULL,
  seal TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS event_request ON event (request);
CREATE INDEX IF NOT EXISTS event_subject ON event (subject);
CREATE TRIGGER IF NOT EXISTS event_update BEFORE UPDATE ON event
  BEGIN SELECT RAISE(ABORT, 'the history of requests is append-only'); END;
CREATE TRIGGER IF NOT EXISTS event_delete BEFORE DELETE ON event
  BEGIN SELECT RAISE(ABORT, 'the history of requests is append-only'); END;
CREATE TABLE IF NOT EXISTS sealed (
  request TEXT NOT NULL, name TEXT NOT NULL, key_id BLOB NOT NULL, content BLOB NOT NULL, PRIMARY KEY (request, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS person (customer_hash TEXT PRIMARY KEY, reference TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS person_reference ON person (reference);
"""
_SEAL = (
    "INSERT INTO sealed VALUES (?, ?, ?, ?) ON CONFLICT (request, name) DO UPDATE SET key_id = excluded.key_id, "
    "content = excluded.content"
)


class RequestStore:
    """Reads and writes one store. Use one object per thread; any number of processes may write."""

    def __init__(self, place: Place, anchor_path: Path, secret: bytes, keys: KeyStore, *, joins: bool = False) -> None:
        """Open the store, and create it with its anchor if there is none.

        Args:
            place: the SQLite file, or the server.
            anchor_path: the anchor file, best on another disk.
            secret: 32 bytes; seals the entries and the anchor, and keys the hashes of customer ids.
            keys: data keys, one for each request while something is sealed for it.
            joins: whether this machine, which has no anchor yet, accepts the store on the server as it is now.

        Raises:
            RequestStoreError: the store cannot be opened, or ends before its anchor.
        """
        self.path, self._keys = place, keys
        self._hash_key = hmac.digest(secret, b"customer of a request", "sha256")
        self._seal_key = hmac.digest(secret, b"entry of requests", "sha256")
        self._anchor = AnchorFile(anchor_path, hmac.digest(secret, b"anchor of requests", "sha256"))
        try:
            if is_unwritten(place, "rights"):
                # Before the store, so that a store without an anchor is always a fault.
                self._anchor.create()
            self._db = open_database(place, _SCHEMA, "rights", overwrites=True)
            anchored, end = self._anchor.read(), self._end()
            if anchored is None and joins and self._db.is_shared:
                self._require_own_end()
                self._anchor.create(end)
            elif anchored is None:
                self._anchor.head()
            else:
                require_anchored(anchored, end, self._digest_at)
        except (OSError, *DATABASE_ERRORS, AnchorError, StoreBehindError) as error:
            raise RequestStoreError(
                f"{place}: cannot be used as the store of requests: {error}. Restore it with its anchor {anchor_path}."
            ) from error

    def close(self) -> None:
        """Close the store and its anchor."""
        self._db.close()
        self._anchor.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Commit all changes of the block, or none if it raises. One writer at a time.

        Reads inside the block see the newest state.

        Raises:
            RequestStoreError: the database refused; nothing was changed.
        """
        try:
            with transaction(self._db):
                yield
        except DATABASE_ERRORS as error:
            raise RequestStoreError(
                f"{self.path}: the change was not stored: {error}. Check the database, then repeat the command."
            ) from error
        self._anchor.advance(self._end())

    def append(self, event: Event, subject: str) -> None:
        """Append one event of a request about a person (`subject`: the reference); call it inside `change`."""
        content = event.model_dump_json()
        head = self._end().next(content)
        values = (head.number, event.request, subject, content, head.digest, self._seal(head.digest))
        self._db.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", values)

    def events(self, request: str) -> list[Event]:
        """Return the events of a request in their order; none if there is no such request."""
        rows = self._db.execute("SELECT content FROM event WHERE request = ? ORDER BY number", (request,))
        return [Event.model_validate_json(row[0]) for row in rows]

    def histories(self, subject: str | None = None) -> dict[str, list[Event]]:
        """Return the events of every request, or of those about one person, in their order."""
        where, values = ("", ()) if subject is None else ("WHERE subject = ?", (subject,))
        found: dict[str, list[Event]] = {}
        for (content,) in self._db.execute(f"SELECT content FROM event {where} ORDER BY number", values):
            event = Event.model_validate_json(content)
            found.setdefault(event.request, []).append(event)
        return found

    def head(self) -> str:
        """Return number and digest of the newest event."""
        end = self._end()
        return f"{end.number} {end.digest}"

    def verify(self) -> list[ChainFault]:
        """Return every place where the history was changed; none if it is as it was written.

        Also an entry that was appended by someone without the secret is found, such as an approval.
        """
        anchor = self._anchor.head()  # before the end, which other processes move forward
        end = self._end()
        rows = self._db.execute("SELECT number, content, digest FROM event ORDER BY number")
        faults = list(find_faults(ChainEntry(*row) for row in rows))
        for number, digest, seal in self._db.execute("SELECT number, digest, seal FROM event ORDER BY number"):
            if not faults and not hmac.compare_digest(seal, self._seal(digest)):
                faults = [ChainFault("altered", number, "the entry was not written by this installation")]
        if not faults and anchor.number > end.number:
            faults = [ChainFault("truncated", end.number + 1, "the history ends before its anchor")]
        if not faults and self._digest_at(anchor.number) != anchor.digest:
            faults = [ChainFault("altered", anchor.number, "the history has another entry than its anchor says")]
        return faults

    # --- the person behind a request

    def customer_hash(self, customer_id: str) -> str:
        """Return the keyed hash by which the store knows a customer."""
        return hmac.new(self._hash_key, customer_id.encode(), sha256).hexdigest()

    def references_of(self, customer_ids: Iterable[str]) -> set[str]:
        """Return the references of the persons behind these customer ids; ids without a request have none."""
        query = "SELECT reference FROM person WHERE customer_hash = ?"
        rows = (self._db.execute(query, (self.customer_hash(one),)).fetchone() for one in customer_ids)
        return {str(row[0]) for row in rows if row is not None}

    def reference_for(self, customer_ids: Sequence[str]) -> str:
        """Return the reference of a person, a new one if the person has none; call it inside `change`.

        All ids of the person that have no reference yet get this one.
        """
        known = sorted(self.references_of(customer_ids))
        reference = known[0] if known else new_reference()
        links = [(self.customer_hash(one), reference) for one in customer_ids]
        self._db.executemany("INSERT INTO person VALUES (?, ?) ON CONFLICT (customer_hash) DO NOTHING", links)
        return reference

    def forget_persons(self, references: Sequence[str], customer_ids: Sequence[str]) -> int:
        """Delete what links references to customer ids; return the number of links. Call it inside `change`."""
        deleted = 0
        for reference in references:
            deleted += self._db.execute("DELETE FROM person WHERE reference = ?", (reference,)).rowcount
        for one in customer_ids:
            deleted += self._db.execute(
                "DELETE FROM person WHERE customer_hash = ?", (self.customer_hash(one),)
            ).rowcount
        return deleted

    def knows_persons(self, references: Sequence[str], customer_ids: Sequence[str]) -> bool:
        """Return whether a link from one of these customer ids, or to one of these references, is left."""
        query = "SELECT 1 FROM person WHERE reference = ?"
        linked = any(self._db.execute(query, (reference,)).fetchone() for reference in references)
        return linked or bool(self.references_of(customer_ids))

    # --- what is sealed

    def seal(self, request: str, name: str, content: bytes) -> None:
        """Encrypt content of a request under the request's data key and store it; call it inside `change`."""
        key = self._keys.keys_of([_owner(request)])[_owner(request)]
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + AESGCM(key.secret).encrypt(nonce, content, _context(request, name))
        self._db.execute(_SEAL, (request, name, key.key_id, sealed))

    def unseal(self, request: str, name: str) -> bytes | None:
        """Return sealed content; None if there is none, or if its key was destroyed."""
        query = "SELECT key_id, content FROM sealed WHERE request = ? AND name = ?"
        row = self._db.execute(query, (request, name)).fetchone()
        if row is None:
            return None
        try:
            secret = self._keys.key(row[0])
        except DestroyedKeyError:
            return None
        nonce, sealed = row[1][:_NONCE_BYTES], row[1][_NONCE_BYTES:]
        return AESGCM(secret).decrypt(nonce, sealed, _context(request, name))

    def sealed_names(self) -> dict[str, list[str]]:
        """Return for every request the names of its sealed content."""
        found: dict[str, list[str]] = {}
        for request, name in self._db.execute("SELECT request, name FROM sealed ORDER BY request, name"):
            found.setdefault(request, []).append(name)
        return found

    def delete_sealed(self, request: str, names: Iterable[str] | None = None) -> None:
        """Delete sealed content of a request. Without names all of it, and its data key is destroyed before.

        Destroying first means: after a crash in between, what is left cannot be decrypted.
        """
        if names is None:
            self._keys.destroy([_owner(request)])
            with self.change():
                self._db.execute("DELETE FROM sealed WHERE request = ?", (request,))
            return
        with self.change():
            for name in names:
                self._db.execute("DELETE FROM sealed WHERE request = ? AND name = ?", (request, name))

    def require_sound(self) -> None:
        """Refuse to act on a history that was changed.

        Raises:
            RequestStoreError: names the first changed entry.
        """
        for fault in self.verify():
            raise RequestStoreError(
                f"{self.path}: entry {fault.number} of the history of requests was changed ({fault.message}), so no "
                "request is executed. Restore the store from your backup."
            )

    def _require_own_end(self) -> None:
        for digest, seal in self._db.execute("SELECT digest, seal FROM event ORDER BY number DESC LIMIT 1"):
            if not hmac.compare_digest(seal, self._seal(digest)):
                raise StoreBehindError("its last entry was not written with the secret of this installation")

    def _seal(self, digest: str) -> str:
        return hmac.new(self._seal_key, digest.encode(), sha256).hexdigest()

    def _end(self) -> ChainHead:
        row = self._db.execute("SELECT number, digest FROM event ORDER BY number DESC LIMIT 1").fetchone()
        return EMPTY if row is None else ChainHead(*row)

    def _digest_at(self, number: int) -> str | None:
        row = self._db.execute("SELECT digest FROM event WHERE number = ?", (number,)).fetchone()
        return EMPTY.digest if number == 0 else row and str(row[0])


def _owner(request: str) -> str:
    return f"rights:{request}"


def _context(request: str, name: str) -> bytes:
    return f"rights\0{request}\0{name}".encode()
