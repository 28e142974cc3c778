"""The suppression list: keyed hashes of erased persons' identifiers, so that no load or backup brings a person back.

digest(kind, value) = BLAKE2b(key, kind || 0x00 || value), 16 bytes.

Kinds: `value` (a matching token or customer id that only this person had), `person` (`<source>:<token>`, a source
person), `session_id` and `order_id` (visits and orders), `row:<source>` (the hash of a single row). An entry may end:
then it suppresses only what happened up to that moment. That is for a source person whose key others go on using, such
as the account of a household.

The list is append-only, in an SQLite file or on a server. Each addition raises its generation, and the digest of all
entries is chained to it. An anchor beside it records the newest generation, so an older copy of the list is refused.

Guarantee: without the key, no digest can be computed for a guessed identifier, as long as keyed BLAKE2b (RFC 7693) is
a pseudo-random function. An older or shortened list is refused, as long as its anchor is kept. Two values share a
digest with a chance of 2^-128 for each pair.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from privacy.errors import PrivacyError
from privacy.storage.anchor import AnchorError, AnchorFile, StoreBehindError, require_anchored
from privacy.storage.database import DATABASE_ERRORS, Database, anchor_of, is_unwritten, open_database, transaction
from privacy.storage.hash_chain import EMPTY, ChainHead

if TYPE_CHECKING:
    from privacy.storage.database import Place

Moments = npt.NDArray[np.int64]
NOT_LISTED = np.iinfo(np.int64).min
FOR_EVER = np.iinfo(np.int64).max
DIGEST_BYTES = 16
REFERENCES = ("session_id", "order_id")
"""Kinds of entries that are no matching keys: the person's visits and orders, as the sources number them."""
_BATCH = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS addition (number INTEGER PRIMARY KEY, digest TEXT NOT NULL, reference TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS suppressed (
  addition INTEGER NOT NULL, digest BLOB NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (addition, digest)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clean (place TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
"""
_NOTE = "INSERT INTO clean VALUES (?, ?) ON CONFLICT (place) DO UPDATE SET state = excluded.state"


class SuppressionError(PrivacyError):
    """The suppression list is missing, older than its anchor, or was changed by another program."""


@dataclass(frozen=True)
class Suppressed:
    """One identifier to suppress. `until`: last moment that it covers, as the shop's wall time; None: for ever."""

    kind: str
    value: str
    until: datetime | None = None

    def __repr__(self) -> str:
        return f"Suppressed({self.kind})"


class ListedIdentifiers:
    """Identifiers by their keyed hash, in memory."""

    def __init__(self, key: bytes, entries: Iterable[Suppressed] = ()) -> None:
        self._key = key
        self._entries: dict[bytes, int] = self.hashed(entries)

    def __bool__(self) -> bool:
        """Whether anything is listed."""
        return bool(self._current())

    def __len__(self) -> int:
        """Return the number of identifiers."""
        return len(self._current())

    def digest(self, kind: str, value: str) -> bytes:
        """Return the keyed hash of an identifier."""
        return hashlib.blake2b(f"{kind}\0{value}".encode(), digest_size=DIGEST_BYTES, key=self._key).digest()

    def hashed(self, entries: Iterable[Suppressed]) -> dict[bytes, int]:
        """Return the last suppressed moment of each entry, in microseconds, by its keyed hash."""
        found: dict[bytes, int] = {}
        for entry in entries:
            digest, until = self.digest(entry.kind, entry.value), FOR_EVER
            if entry.until is not None:
                until = _micros(entry.until)
            found[digest] = max(until, found.get(digest, NOT_LISTED))
        return found

    def until(self, kind: str, values: pa.Array | pa.ChunkedArray) -> Moments:
        """Return for each value the last moment that is suppressed, in microseconds of the shop's wall time.

        `NOT_LISTED` for values that are not listed and for null, `FOR_EVER` for entries without an end. Values are
        compared as text, so the number 7 equals the text 7.
        """
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
        if pa.types.is_string_view(values.type):
            values = values.cast(pa.string())
        encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        looked_up = self._look_up(kind, encoded.dictionary.cast(pa.string()))
        found = np.append(looked_up, np.int64(NOT_LISTED))
        last = len(found) - 1
        indices = encoded.indices.fill_null(last) if encoded.indices.null_count else encoded.indices
        positions: npt.NDArray[np.int64] = indices.to_numpy(zero_copy_only=False).astype(np.int64)
        moments: Moments = found[positions]
        return moments

    def _look_up(self, kind: str, texts: pa.Array) -> Moments:
        """Return for each distinct text the last moment that is suppressed; null is not listed."""
        entries = self._current()
        found = np.full(len(texts), NOT_LISTED, np.int64)
        if entries:
            for position, text in enumerate(texts.to_pylist()):
                if text is not None:
                    found[position] = entries.get(self.digest(kind, text), NOT_LISTED)
        return found

    def lists(self, kind: str, value: str) -> bool:
        """Return whether an identifier is listed, also one whose entry ends."""
        return self.digest(kind, value) in self._current()

    def naming(self, kind: str, values: Iterable[str]) -> set[str]:
        """Return those of the values that name a suppressed person whenever they occur: entries without an end."""
        entries = self._current()
        return {value for value in values if entries.get(self.digest(kind, value)) == FOR_EVER}

    def names(self, until: Moments) -> npt.NDArray[np.bool_]:
        """Return for each result of `until` whether its value names a suppressed person whenever it occurs."""
        found: npt.NDArray[np.bool_] = until == FOR_EVER
        return found

    def _current(self) -> dict[bytes, int]:
        return self._entries


class KnownIdentifiers(ListedIdentifiers):
    """Identifiers in clear, in memory, for the erasure of persons who were just looked up.

    It decides as the list does, but compares texts instead of their hashes, which takes a fraction of the time.
    """

    def __init__(self, entries: Iterable[Suppressed]) -> None:
        super().__init__(b"")
        self._until: dict[str, dict[str, int]] = {}
        for entry in entries:
            moments = self._until.setdefault(entry.kind, {})
            until = FOR_EVER if entry.until is None else _micros(entry.until)
            moments[entry.value] = max(until, moments.get(entry.value, NOT_LISTED))
        self._values = {kind: pa.array(list(moments), pa.string()) for kind, moments in self._until.items()}
        # One more for values that are not listed.
        self._moments = {kind: np.array([*m.values(), NOT_LISTED], np.int64) for kind, m in self._until.items()}

    def __bool__(self) -> bool:
        """Whether anything is listed."""
        return bool(self._until)

    def lists(self, kind: str, value: str) -> bool:
        """Return whether an identifier is listed, also one whose entry ends."""
        return value in self._until.get(kind, {})

    def naming(self, kind: str, values: Iterable[str]) -> set[str]:
        """Return those of the values that are listed, because nothing happened since the persons were looked up."""
        return self._until.get(kind, {}).keys() & set(values)

    def names(self, until: Moments) -> npt.NDArray[np.bool_]:
        """Return for each result of `until` whether its value is listed, see `naming`."""
        found: npt.NDArray[np.bool_] = until != NOT_LISTED
        return found

    def _look_up(self, kind: str, texts: pa.Array) -> Moments:
        if kind not in self._values:
            return np.full(len(texts), NOT_LISTED, np.int64)
        places = pc.fill_null(pc.index_in(texts, value_set=self._values[kind], skip_nulls=True), -1)
        found: Moments = self._moments[kind][places.to_numpy(zero_copy_only=False)]
        return found


class SuppressionList(ListedIdentifiers):
    """The suppressed identifiers of one installation. Use one object per thread; processes may share the file."""

    def __init__(self, place: Place, key: bytes, anchor_path: Path | None = None, *, joins: bool = False) -> None:
        """Open the list in a file or on a server; a missing file is created by the first addition.

        `joins`: whether this machine, which has no anchor yet, accepts the list on the server as it is now.

        Raises:
            SuppressionError: the list is missing although its anchor exists, is older than the anchor, or was changed.
        """
        super().__init__(key)
        self.path = place
        self._anchor = AnchorFile(anchor_of(place, anchor_path), key)
        self._db: Database | None = None
        self._version: tuple[int, int] | None = None
        if not isinstance(place, Path) and self._anchor.read() is None:
            self._begin(joins)
        self._refresh()

    def close(self) -> None:
        """Close the files."""
        if self._db is not None:
            self._db.close()
            self._db = None
        self._anchor.close()

    @property
    def generation(self) -> int:
        """Number of the last addition; 0 for an empty list."""
        self._refresh()
        return 0 if self._db is None else self._head(self._db).number

    def add(self, entries: Iterable[Suppressed], reference: str) -> int:
        """Suppress identifiers of one person, see `add_all`."""
        return self.add_all({reference: entries})

    def add_all(self, entries: Mapping[str, Iterable[Suppressed]]) -> int:
        """Suppress identifiers; return how many are new or last longer now. Durable when this returns.

        `entries` has each person's identifiers by the reference of the person, which is random and may be logged.
        """
        known = dict(self._current())
        additions = []
        for reference, listed in entries.items():
            hashed = self.hashed(listed)
            new = {digest: until for digest, until in hashed.items() if until > known.get(digest, NOT_LISTED)}
            if new:
                additions.append((reference, new))
                known |= new
        if not additions:
            return 0
        database = self._open()
        with transaction(database):
            head = before = self._head(database)
            for reference, new in additions:
                head = head.next(_content(reference, new))
                database.execute("INSERT INTO addition VALUES (?, ?, ?)", (head.number, head.digest, reference))
                rows = [(head.number, digest, until) for digest, until in new.items()]
                database.executemany("INSERT INTO suppressed VALUES (?, ?, ?)", rows)
            if before.number == 0:
                self._anchor.create(before)
        self._anchor.advance(head)
        self._entries = known
        return sum(len(new) for _, new in additions)

    def clean_places(self) -> dict[str, str]:
        """Return the state in which each table was last seen without suppressed persons, by its name.

        It is kept beside the list and not with the tables, so that a restored table is recognised as such.
        """
        self._refresh()
        return {} if self._db is None else dict(self._db.execute("SELECT place, state FROM clean").fetchall())

    def note_clean(self, states: Mapping[str, str]) -> None:
        """Record the states in which tables hold no suppressed person."""
        if self:
            self._open().executemany(_NOTE, sorted(states.items()))

    def _current(self) -> dict[bytes, int]:
        self._refresh()
        return self._entries

    def _open(self) -> Database:
        if self._db is None:
            # One file, so that a copy of it is whole.
            self._db = open_database(self.path, _SCHEMA, "suppression", overwrites=True)
        return self._db

    def _refresh(self) -> None:
        """Read the list if another process has changed it since, and check it against its anchor."""
        if self._db is None:
            if is_unwritten(self.path, "suppression"):
                # On a server, a machine has an anchor of the empty list as well.
                if self._anchor.path.exists() and (isinstance(self.path, Path) or self._anchor.head().number):
                    raise SuppressionError(
                        f"{self.path}: the suppression list is missing, but its anchor exists. Restore the newest "
                        "list; without it erased persons could return."
                    )
                return
            self._open()
        assert self._db is not None
        version = self._db.data_version()
        if version == self._version:
            return
        try:
            self._entries = self._read(self._db)
        except DATABASE_ERRORS as error:
            raise SuppressionError(f"{self.path}: not a suppression list ({error}). Restore it.") from error
        self._version = version

    def _begin(self, joins: bool) -> None:
        """Create this machine's anchor of a list on a server that is empty, or that the machine joins."""
        database = self._open()
        with database.reading():
            head = self._head(database)
            if joins or head.number == 0:
                self._anchor.create(head)

    def _read(self, database: Database) -> dict[bytes, int]:
        """Return all entries after checking the chain of additions and the anchor."""
        try:
            anchored = self._anchor.read()
            additions = database.execute("SELECT number, digest, reference FROM addition ORDER BY number").fetchall()
            entries = database.execute("SELECT digest, until, addition FROM suppressed").fetchall()
            head = self._head(database)
            if anchored is None and head.number:
                raise AnchorError(
                    f"{self._anchor.path}: the anchor is missing. Restore it, or run `bojagi database join`."
                )
            digests = {0: EMPTY.digest, **{number: digest for number, digest, _ in additions}}
            if anchored is not None:
                require_anchored(anchored, head, digests.get)
                self._anchor.advance(head)
        except (AnchorError, StoreBehindError) as error:
            raise SuppressionError(
                f"{self.path}: an older copy of the suppression list, or a changed one: {error.message}. Restore the "
                "newest list; without it erased persons could return."
            ) from error
        self._require_whole(additions, entries)
        # An identifier that was suppressed again, for longer, has an entry in each addition. The longest counts.
        return dict(sorted(((digest, until) for digest, until, _ in entries), key=lambda entry: entry[1]))

    def _require_whole(self, additions: list[tuple[int, str, str]], entries: list[tuple[bytes, int, int]]) -> None:
        by_addition: dict[int, dict[bytes, int]] = {number: {} for number, _, _ in additions}
        for digest, until, number in entries:
            by_addition.setdefault(number, {})[digest] = until
        before = EMPTY
        for number, chained, reference in additions:
            before = before.next(_content(reference, by_addition[number]))
            if (before.number, before.digest) != (number, chained):
                raise SuppressionError(
                    f"{self.path}: entries of addition {number} were changed or removed by another program. Restore "
                    "the list from its newest copy."
                )

    def _head(self, database: Database) -> ChainHead:
        row = database.execute("SELECT number, digest FROM addition ORDER BY number DESC LIMIT 1").fetchone()
        return ChainHead(*row) if row else EMPTY


def is_suppressed(until: Moments, moments: Moments | None) -> npt.NDArray[np.bool_]:
    """Return for each row whether its entry covers it; rows without a moment are covered by every entry.

    `until` comes from `SuppressionList.until`. `moments` has the rows' event times in microseconds, `NOT_LISTED` where
    unknown; None if the table has no event time.
    """
    listed: npt.NDArray[np.bool_] = until != NOT_LISTED
    covered: npt.NDArray[np.bool_] = listed if moments is None else listed & (moments <= until)
    return covered


def _content(reference: str, entries: Mapping[bytes, int]) -> str:
    whole = hashlib.sha256()
    for digest in sorted(entries):
        whole.update(digest + entries[digest].to_bytes(8, "big", signed=True))
    return f"{reference} {len(entries)} {whole.hexdigest()}"


def _micros(moment: datetime) -> int:
    """Return a wall time in microseconds since 1970, as Arrow stores it."""
    return int((moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)


def moment_of(micros: int) -> datetime:
    """Return the wall time of a number of microseconds since 1970, see `ListedIdentifiers.until`."""
    return datetime(1970, 1, 1) + timedelta(microseconds=micros)
