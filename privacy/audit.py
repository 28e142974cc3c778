"""The audit log: which user used personal data, for which purpose. Append-only, a hash chain with a sealed anchor.

`AuditLog.verify` finds entries that were altered, removed, inserted or reordered (`privacy.storage.hash_chain`), and an
end that was cut off or a log that was written again (`privacy.storage.anchor`).

Guarantee: `verify` finds every change of a logged entry that is made without the anchor's key. One exception: an
earlier log put back together with its own earlier anchor. To find that too, keep anchors in another place, and pass
them to `verify`; `bojagi audit publish` and a schedule do so.

Entries hold no personal data: names of tables and columns and numbers of persons, no values.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from privacy.errors import PrivacyError
from privacy.storage.anchor import AnchorError, AnchorFile, StoreBehindError, require_anchored
from privacy.storage.database import is_replaced, open_database, transaction
from privacy.storage.hash_chain import EMPTY, ChainEntry, ChainFault, ChainHead, find_faults
from privacy.storage.secret_file import KEY_BYTES

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY, content TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS entry_update BEFORE UPDATE ON entry
  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS entry_delete BEFORE DELETE ON entry
  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE INDEX IF NOT EXISTS entry_debit ON entry (number) WHERE json_extract(content, '$.debit') IS NOT NULL;
"""
# Everything else in the file's schema was added by another program, and may change what is read or written.
_OWN_SCHEMA = {("table", "entry"), ("index", "entry_debit"), ("trigger", "entry_update"), ("trigger", "entry_delete")}
_DEBITS = "SELECT content FROM entry WHERE json_extract(content, '$.debit') IS NOT NULL ORDER BY number DESC LIMIT 1"


class AuditError(PrivacyError):
    """The audit log cannot be opened or written. The use that should have been logged must not happen."""


class AuditEntry(BaseModel):
    """One use of personal data.

    `who`: the user or service. `filtered_by`: columns of the condition that selected the rows. `subjects`: number of
    persons whose data was used; None if it was not counted. `outcome`: allowed, refused or failed. `debit`: for a
    release with differential privacy, the entry of the privacy ledger that paid for it; None for every other use.
    `identity`: `declared` where user and role are as the caller stated them, as on the command line; `authenticated`
    where a door has checked them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    who: str = Field(min_length=1, max_length=200)
    role: str = Field(min_length=1, max_length=100)
    purpose: str = Field(min_length=1, max_length=100)
    action: str = Field(min_length=1, max_length=100)
    table: str = Field(min_length=1, max_length=200)
    columns: tuple[str, ...] = ()
    filtered_by: tuple[str, ...] = ()
    subjects: int | None = Field(default=None, ge=0)
    outcome: str = Field(default="allowed", pattern=r"^(allowed|refused|failed)$")
    reason: str | None = Field(default=None, max_length=500)
    debit: ChainHead | None = None
    identity: Literal["declared", "authenticated"] = "declared"


class AuditLog:
    """Writes, reads and verifies one log. Use one object per thread; any number of processes may write."""

    def __init__(self, path: Path, anchor_path: Path, key: bytes) -> None:
        """Open the log, and create it with its anchor if there is no log. An existing anchor is kept.

        Args:
            path: the SQLite file of the log.
            anchor_path: the file of the anchor, best on another disk and with other access rights.
            key: 32 bytes that seal the anchor.

        Raises:
            AuditError: the key does not have 32 bytes, or the file cannot be opened.
        """
        if len(key) != KEY_BYTES:
            raise AuditError(f"The audit key has {len(key)} bytes; expected {KEY_BYTES}. Restore audit.key.")
        self.path, self.anchor_path = path, anchor_path
        self._anchor = AnchorFile(anchor_path, key)
        try:
            if not path.exists():
                # Before the log, so that a log without an anchor is always a fault.
                self._anchor.create()
            self._db = open_database(path, _SCHEMA)
            self._file = path.stat()
        except (OSError, sqlite3.Error) as error:
            raise AuditError(f"{path}: cannot be opened as an audit log: {error}. Restore the log.") from error

    def close(self) -> None:
        """Close the log and its anchor."""
        self._db.close()
        self._anchor.close()

    def append(self, entry: AuditEntry) -> ChainHead:
        """Append one entry and return its number and digest. The entry is on the disk when this returns.

        Raises:
            AuditError: the entry could not be written, or the log is not the one that its anchor belongs to. The use
                must not happen.
        """
        return self.append_all((entry,))[0]

    def append_all(self, entries: Sequence[AuditEntry], *, flushes_anchor: bool = True) -> list[ChainHead]:
        """Append entries, all or none, with one flush; return the number and digest of each.

        Args:
            entries: appended in their order. They are on the disk when this returns.
            flushes_anchor: whether the anchor is on the disk too. False for a caller that calls `flush_anchor` itself.

        Raises:
            AuditError: see `append`.
        """
        if is_replaced(self.path, self._file):
            raise AuditError(
                f"{self.path}: the use was refused, because another file has the name of the log, or none. Restore the "
                "log, then start this process anew."
            )
        try:
            with transaction(self._db):
                self._require_own_schema()
                end = self._end()
                self._require_anchored(end)
                contents = [_canonical(entry) for entry in entries]
                heads = [end := end.next(content) for content in contents]
                rows = [(head.number, text, head.digest) for head, text in zip(heads, contents, strict=True)]
                self._db.executemany("INSERT INTO entry VALUES (?, ?, ?)", rows)
            # After the commit: if a crash comes between, the anchor is behind, and the next entry moves it on.
            self._anchor.advance(end, flushes=flushes_anchor)
        except (OSError, sqlite3.Error) as error:
            raise AuditError(
                f"{self.path}: the use could not be logged ({error}), so it was refused. Check the disk and try again."
            ) from error
        except (AnchorError, StoreBehindError, _ForeignSchemaError) as error:
            raise AuditError(
                f"{self.path}: the use was refused, because the audit log was changed: {error.message.rstrip('.')}. "
                "Run `bojagi audit verify`, then restore the log and its anchor, or archive both to begin a new log."
            ) from error
        return heads

    def flush_anchor(self) -> None:
        """Flush the anchor to the disk, after `append_all(…, flushes_anchor=False)`; another thread may call it.

        Raises:
            AuditError: the anchor could not be flushed.
        """
        try:
            self._anchor.flush()
        except (OSError, AnchorError) as error:
            raise AuditError(
                f"{self.anchor_path}: the anchor could not be written: {error}. Check its disk."
            ) from error

    def require_writable(self) -> None:
        """Check that the next entry could be appended, as far as this can be known without one.

        Raises:
            AuditError: it would be refused.
        """
        try:
            with transaction(self._db):
                self._require_own_schema()
                self._require_anchored(self._end())
        except (OSError, sqlite3.Error, AnchorError, StoreBehindError, _ForeignSchemaError) as error:
            raise AuditError(f"{self.path}: no use can be logged ({error}). Run `bojagi audit verify`.") from error

    def entries(self, where: Callable[[AuditEntry], bool] = lambda _: True) -> Iterator[tuple[int, AuditEntry]]:
        """Yield number and content of the entries that meet a condition, in order; all entries by default."""
        for number, content in self._db.execute("SELECT number, content FROM entry ORDER BY number"):
            entry = AuditEntry.model_validate_json(content)
            if where(entry):
                yield number, entry

    def last_debit(self) -> ChainHead | None:
        """Return the ledger entry that paid for the last logged release; None if no release is logged. O(log n)."""
        row = self._db.execute(_DEBITS).fetchone()
        return None if row is None else AuditEntry.model_validate_json(row[0]).debit

    def verify(self, published: Iterable[ChainHead] = ()) -> list[ChainFault]:
        """Return every fault of the log; an empty list if the log is unchanged.

        Args:
            published: anchors of this log that were kept elsewhere. The log must contain these entries.
        """
        rows = self._db.execute("SELECT number, content, digest FROM entry ORDER BY number")
        faults = list(find_faults((ChainEntry(*row) for row in rows), all_contents=self._contents))
        faults += self._check_end()
        try:
            self._require_own_schema()
        except _ForeignSchemaError as error:
            faults.append(ChainFault("schema", 0, error.message))
        for head in published:
            if self._digest_at(head.number) != head.digest:
                message = f"the log does not contain the published anchor, entry {head.number}"
                faults.append(ChainFault("anchor", head.number, message))
        return faults

    def anchor(self) -> ChainHead:
        """Return the number and digest of the last entry, read from the sealed anchor.

        Raises:
            AuditError: the anchor is missing or unreadable, or was sealed with another key.
        """
        try:
            return self._anchor.head()
        except AnchorError as error:
            raise AuditError(error.message) from error

    def _check_end(self) -> list[ChainFault]:
        end = self._end()
        try:
            anchor = self.anchor()
        except AuditError as error:
            return [ChainFault("anchor", end.number, error.message)]
        if anchor.number > end.number:
            message = f"the log ends at entry {end.number}, but its anchor says {anchor.number}"
            return [ChainFault("truncated", end.number + 1, message)]
        if anchor.number < end.number:
            message = f"the anchor says that the log ends at entry {anchor.number}, but it goes on to {end.number}"
            return [ChainFault("anchor", anchor.number, message)]
        if anchor.digest != end.digest:
            return [ChainFault("altered", anchor.number, "the last entry is not the entry that the anchor says")]
        try:
            self._require_anchored(end)
        except StoreBehindError as error:
            return [ChainFault("anchor", anchor.number, error.message)]
        return []

    def _require_anchored(self, end: ChainHead) -> None:
        anchored = self._anchor.read()
        if anchored is not None:
            require_anchored(anchored, end, self._digest_at)
        else:
            self._anchor.head()

    def _require_own_schema(self) -> None:
        found = self._db.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
        foreign = sorted(f"{kind} {name}" for kind, name, _ in found if (kind, name) not in _OWN_SCHEMA)
        changed = [name for _, name, sql in found if (sql or "").split() != _own_sql().get(name, "").split()]
        missing = sorted(name for _, name in _OWN_SCHEMA - {(kind, name) for kind, name, _ in found})
        if foreign or changed or missing:
            parts = ", ".join(foreign or [*changed, *missing])
            raise _ForeignSchemaError(f"its file has another schema than the audit log's ({parts})")

    def _contents(self) -> list[str]:
        return [row[0] for row in self._db.execute("SELECT content FROM entry ORDER BY number")]

    def _digest_at(self, number: int) -> str | None:
        row = self._db.execute("SELECT digest FROM entry WHERE number = ?", (number,)).fetchone()
        return EMPTY.digest if number == 0 else row and str(row[0])

    def _end(self) -> ChainHead:
        row = self._db.execute("SELECT number, digest FROM entry ORDER BY number DESC LIMIT 1").fetchone()
        return EMPTY if row is None else ChainHead(*row)


def loggable(text: str, most: int) -> str:
    """Return a text as an entry can hold it: not empty, at most `most` characters, and Unicode."""
    return text.encode("utf-8", "replace").decode("utf-8")[:most] or "-"


class _ForeignSchemaError(PrivacyError):
    """The log's file has a trigger, view or table that the audit log did not make, or lacks one of its own."""


@cache
def _own_sql() -> dict[str, str]:
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.executescript(_SCHEMA)
        return dict(memory.execute("SELECT name, sql FROM sqlite_master"))


def _canonical(entry: AuditEntry) -> str:
    fields: dict[str, Any] = entry.model_dump(mode="json")
    return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
