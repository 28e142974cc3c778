"""The append-only history of transactions. Its entries are keyed commitments, so an erasure leaves it verifiable.

commitment(n) = HMAC-SHA256(key of the order, content(n)), with a random key of 32 bytes an order. The chain
(`privacy.storage.hash_chain`) and the tree (`merkle`) are over commitments. Content and keys lie beside the chain, and
an erasure deletes both: the chain stays whole, and a commitment without its key says nothing about its content.

Guarantee: `faults` finds every entry that was altered, removed, inserted or reordered, a content that is not the
committed one, and an end that was cut off after the anchor. One exception: a whole store put back together with its
own earlier anchor; heads that were published elsewhere find that too.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_serving.commerce.history.merkle import consistency_proof, head, inclusion_proof, leaf_hash
from privacy.storage.anchor import Anchored, AnchorError, AnchorFile, StoreBehindError, require_anchored
from privacy.storage.database import AMONG
from privacy.storage.hash_chain import EMPTY, ChainEntry, ChainFault, ChainHead, find_faults

if TYPE_CHECKING:
    from privacy.storage.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS history_entry (
  number INTEGER PRIMARY KEY, content TEXT NOT NULL, digest TEXT NOT NULL, seal TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS history_entry_update BEFORE UPDATE ON history_entry
  BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;
CREATE TRIGGER IF NOT EXISTS history_entry_delete BEFORE DELETE ON history_entry
  BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;
CREATE TABLE IF NOT EXISTS history_content (
  number INTEGER PRIMARY KEY, order_id TEXT NOT NULL, content TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS history_order ON history_content (order_id);
CREATE TABLE IF NOT EXISTS history_key (order_id TEXT PRIMARY KEY, secret TEXT NOT NULL) WITHOUT ROWID;
"""
Event = Mapping[str, str | int]


@dataclass(frozen=True)
class Proof:
    """What shows that an event is entry `number` of the history with a published head.

    The key of the order turns the content into the leaf; whoever has neither learns nothing from the rest.
    """

    number: int
    size: int
    content: str
    secret: str
    path: tuple[bytes, ...]

    @property
    def leaf(self) -> bytes:
        """The leaf hash, see `merkle.is_included`."""
        return leaf_hash(commitment(self.secret, self.content).encode())


class History:
    """The history in the database of a store. Use one object per thread."""

    def __init__(self, db: Database, anchor: AnchorFile, key: bytes) -> None:
        """Use a database with the tables of `SCHEMA`.

        Args:
            db: the store's database.
            anchor: this machine's anchor. It is created for an empty history.
            key: 32 bytes that seal the entries, so that none can be added without it.
        """
        self._db, self._anchor, self._key = db, anchor, key
        if self._end() == EMPTY:
            anchor.create()

    def append(self, order_id: str, events: Iterable[Event]) -> None:
        """Append events of an order, inside the transaction that makes them. `moved` advances the anchor afterwards.

        Raises:
            StoreBehindError, AnchorError: the history is not the one of its anchor, so nothing may be added.
        """
        end, anchored = self._end(), self._anchored()
        if isinstance(anchored, AnchorError):
            raise anchored
        require_anchored(anchored, end, self._digest_at)
        secret = self._secret(order_id)
        for event in events:
            content = json.dumps(dict(event) | {"order": order_id}, sort_keys=True, ensure_ascii=False)
            committed = commitment(secret, content)
            end = end.next(committed)
            row = (end.number, committed, end.digest, self._seal(end.digest))
            self._db.execute("INSERT INTO history_entry VALUES (?, ?, ?, ?)", row)
            self._db.execute("INSERT INTO history_content VALUES (?, ?, ?)", (end.number, order_id, content))

    def moved(self) -> None:
        """Advance the anchor to the last committed entry."""
        self._anchor.advance(self._end())

    def published_head(self) -> tuple[ChainHead, bytes]:
        """Return the last entry and the head of the tree, for publication elsewhere."""
        return self._end(), head(self._leaves())

    def events(self, order_id: str) -> list[tuple[int, dict[str, str | int]]]:
        """Return number and content of an order's entries; none after its erasure."""
        query = "SELECT number, content FROM history_content WHERE order_id = ? ORDER BY number"
        return [(int(number), json.loads(text)) for number, text in self._db.execute(query, (order_id,)).fetchall()]

    def proof(self, number: int) -> Proof:
        """Return the proof that an entry is in the history as it is now.

        Raises:
            KeyError: there is no such entry, or it was erased.
        """
        query = (
            "SELECT c.content, k.secret FROM history_content AS c JOIN history_key AS k ON k.order_id = c.order_id "
            "WHERE c.number = ?"
        )
        row = self._db.execute(query, (number,)).fetchone()
        if row is None:
            raise KeyError(number)
        leaves = self._leaves()
        return Proof(number, len(leaves), row[0], row[1], tuple(inclusion_proof(leaves, number - 1)))

    def growth_proof(self, size: int) -> list[bytes]:
        """Return the proof that the history began with the published tree of this size."""
        return consistency_proof(self._leaves(), size)

    def erase(self, orders: Iterable[str]) -> int:
        """Delete content and keys of these orders, inside `Database.erasing`; return the number of entries.

        Their commitments stay. Nobody can tell what they stand for.
        """
        named = (json.dumps(list(orders)),)
        count = self._db.execute(f"DELETE FROM history_content WHERE order_id {AMONG}", named).rowcount
        self._db.execute(f"DELETE FROM history_key WHERE order_id {AMONG}", named)
        return count

    def faults(self, published: Iterable[tuple[ChainHead, bytes]] = ()) -> list[ChainFault]:
        """Return every fault of the history; an empty list if it is unchanged.

        Args:
            published: heads that were kept elsewhere, see `published_head`. The history must contain them.
        """
        # Read before the entries: other processes append meanwhile, and an anchor never is ahead of its history.
        anchored = self._anchored()
        with self._db.reading():
            return [*self._chain_faults(anchored), *self._content_faults(), *self._published_faults(published)]

    def _chain_faults(self, anchored: Anchored | AnchorError) -> Iterator[ChainFault]:
        query = "SELECT number, content, digest, seal FROM history_entry ORDER BY number"
        rows = self._db.execute(query).fetchall()
        yield from find_faults((ChainEntry(*row[:3]) for row in rows), all_contents=lambda: [row[1] for row in rows])
        for number, _, digest, sealed in rows:
            if not hmac.compare_digest(sealed, self._seal(digest)):
                yield ChainFault("altered", number, f"entry {number} was not sealed with the key of this installation")
        if isinstance(anchored, AnchorError):
            yield ChainFault("anchor", len(rows), anchored.message)
            return
        try:
            require_anchored(anchored, self._end(), self._digest_at)
        except StoreBehindError as error:
            yield ChainFault("truncated", len(rows) + 1, error.message)

    def _content_faults(self) -> Iterator[ChainFault]:
        query = (
            "SELECT c.number, c.content, k.secret, e.content FROM history_content AS c "
            "LEFT JOIN history_key AS k ON k.order_id = c.order_id LEFT JOIN history_entry AS e ON e.number = c.number"
        )
        for number, content, secret, committed in self._db.execute(query).fetchall():
            if secret is None or committed is None or commitment(secret, content) != committed:
                yield ChainFault("altered", number, f"the content of entry {number} is not the committed one")

    def _published_faults(self, published: Iterable[tuple[ChainHead, bytes]]) -> Iterator[ChainFault]:
        leaves = self._leaves()
        for known, root in published:
            row = self._db.execute("SELECT digest FROM history_entry WHERE number = ?", (known.number,)).fetchone()
            digest = EMPTY.digest if known == EMPTY else row and row[0]
            if digest != known.digest or head(leaves[: known.number]) != root:
                message = f"the history does not contain the published head of entry {known.number}"
                yield ChainFault("anchor", known.number, message)

    def _leaves(self) -> list[bytes]:
        rows = self._db.execute("SELECT content FROM history_entry ORDER BY number").fetchall()
        return [leaf_hash(content.encode()) for (content,) in rows]

    def _secret(self, order_id: str) -> str:
        self._db.execute(
            "INSERT INTO history_key VALUES (?, ?) ON CONFLICT (order_id) DO NOTHING", (order_id, secrets.token_hex(32))
        )
        (found,) = self._db.execute("SELECT secret FROM history_key WHERE order_id = ?", (order_id,)).fetchone()
        return str(found)

    def _anchored(self) -> Anchored | AnchorError:
        try:
            return self._anchor.read() or Anchored(self._anchor.head(), has_spoiled_slot=False)
        except AnchorError as error:
            return error

    def _digest_at(self, number: int) -> str | None:
        row = self._db.execute("SELECT digest FROM history_entry WHERE number = ?", (number,)).fetchone()
        return EMPTY.digest if number == 0 else row and str(row[0])

    def _end(self) -> ChainHead:
        row = self._db.execute("SELECT number, digest FROM history_entry ORDER BY number DESC LIMIT 1").fetchone()
        return EMPTY if row is None else ChainHead(int(row[0]), str(row[1]))

    def _seal(self, digest: str) -> str:
        return hmac.digest(self._key, f"entry of the history of transactions {digest}".encode(), "sha256").hex()


def commitment(secret: str, content: str) -> str:
    """Return the commitment of a content under the key of its order, 64 hexadecimal digits.

    Hiding and binding: HMAC-SHA256 with a random key of 256 bits is a pseudorandom function, and collision resistant
    for keys of this length.
    """
    return hmac.digest(bytes.fromhex(secret), content.encode(), "sha256").hex()
