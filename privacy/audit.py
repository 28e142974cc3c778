"""The audit log: which user used personal data, for which purpose. Append-only, a hash chain with a sealed anchor.

`AuditLog.verify` finds entries that were altered, removed, inserted or reordered (`privacy.storage.hash_chain`), and an
end that was cut off or a log that was written again (`privacy.storage.anchor`).

Guarantee: `verify` finds every change of a logged entry that is made without the anchor's key. One exception: an
earlier log put back together with its own earlier anchor. To find that too, keep anchors in another place, and pass
them to `verify`; `bojagi audit publish` and a schedule do so.

On PostgreSQL several machines write one log. Each machine has an anchor of its own, which the log must contain but may
go beyond. So there each entry is sealed with the key as well, and an end that was written without the key is refused.

Entries hold no personal data: names of tables and columns and numbers of persons, no values.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from privacy.errors import PrivacyError
from privacy.storage.anchor import AnchorError, AnchorFile, StoreBehindError, require_anchored
from privacy.storage.database import DATABASE_ERRORS, is_unwritten, open_database, transaction
from privacy.storage.hash_chain import EMPTY, ChainEntry, ChainFault, ChainHead, find_faults
from privacy.storage.secret_file import KEY_BYTES

if TYPE_CHECKING:
    from privacy.storage.database import Place

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY, content TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS entry_update BEFORE UPDATE ON entry
  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS entry_delete BEFORE DELETE ON entry
  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE INDEX IF NOT EXISTS entry_debit ON entry (number) WHERE json_extract(content, '$.debit') IS NOT NULL;
"""
_DEBITS = {
    False: "SELECT content FROM entry WHERE json_extract(content, '$.debit') IS NOT NULL ORDER BY number DESC LIMIT 1",
    # PostgreSQL reads no JSON in a text. A quotation mark inside a value would have a backslash before it.
    True: "SELECT content FROM entry WHERE content LIKE '%\"debit\":{%' ORDER BY number DESC LIMIT 1",
}
"""The query of the last debit, and whether it is the one for a shared database."""


class AuditError(PrivacyError):
    """The audit log cannot be opened or written. The use that should have been logged must not happen."""


class AuditEntry(BaseModel):
    """One use of personal data.

    `who`: the user or service. `filtered_by`: columns of the condition that selected the rows. `subjects`: number of
    persons whose data was used; None if it was not counted. `outcome`: allowed, refused or failed. `debit`: for a
    release with differential privacy, the entry of the privacy ledger that paid for it; None for every other use.
    `identity`: `declared` where user and role are as the caller stated them, as on the command line; `authenticated`
    where a door has checked them. `subject`: for the view of one person, that person's pseudonym in the log
    (`privacy.access.pseudonym.log_pseudonym`).
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
    subject: str | None = Field(default=None, pattern=r"^p_[0-9a-f]{32}$")


class AuditLog:
    """Writes, reads and verifies one log. Use one object per thread; any number of processes may write."""

    def __init__(self, place: Place, anchor_path: Path, key: bytes, *, joins: bool = False) -> None:
        """Open the log, and create it with its anchor if there is no log. An existing anchor is kept.

        Args:
            place: the SQLite file of the log, or the server.
            anchor_path: the file of the anchor, best on another disk and with other access rights.
            key: 32 bytes that seal the anchor.
            joins: whether this machine, which has no anchor yet, accepts the store on the server as it is now.

        Raises:
            AuditError: the key does not have 32 bytes, or the log cannot be opened.
        """
        if len(key) != KEY_BYTES:
            raise AuditError(f"The audit key has {len(key)} bytes; expected {KEY_BYTES}. Restore audit.key.")
        self.path, self.anchor_path = place, anchor_path
        self._anchor = AnchorFile(anchor_path, key)
        self._key = key
        try:
            if is_unwritten(place, "audit"):
                # Before the log, so that a log without an anchor is always a fault.
                self._anchor.create()
            self._db = open_database(place, _SCHEMA, "audit")
            if joins:
                self._join()
        except (OSError, *DATABASE_ERRORS, StoreBehindError) as error:
            raise AuditError(f"{place}: cannot be opened as an audit log: {error}. Restore the log.") from error

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
        if not self._db.is_shared and self._db.is_replaced():
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
                rows = [self._row(head, text) for head, text in zip(heads, contents, strict=True)]
                marks = ", ".join("?" * len(rows[0])) if rows else ""
                self._db.executemany(f"INSERT INTO entry VALUES ({marks})", rows)
            # After the commit: if a crash comes between, the anchor is behind, and the next entry moves it on.
            self._anchor.advance(end, flushes=flushes_anchor)
        except (OSError, *DATABASE_ERRORS) as error:
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
        except (OSError, *DATABASE_ERRORS, AnchorError, StoreBehindError, _ForeignSchemaError) as error:
            raise AuditError(f"{self.path}: no use can be logged ({error}). Run `bojagi audit verify`.") from error

    def entries(self, where: Callable[[AuditEntry], bool] = lambda _: True) -> Iterator[tuple[int, AuditEntry]]:
        """Yield number and content of the entries that meet a condition, in order; all entries by default."""
        for number, content in self._db.stream("SELECT number, content FROM entry ORDER BY number"):
            entry = AuditEntry.model_validate_json(content)
            if where(entry):
                yield number, entry

    def newest(self, texts: Sequence[str], below: int, least: int, most: int) -> list[tuple[int, AuditEntry]]:
        """Return the newest entries whose stored text contains every one of `texts`, the newest first.

        Args:
            texts: see `field_text`.
            below: only entries with a smaller number.
            least: only entries with this number or a greater one.
            most: at most so many entries.
        """
        contains = "strpos" if self._db.is_shared else "instr"
        conditions = "".join(f" AND {contains}(content, ?) > 0" for _ in texts)
        query = (
            f"SELECT number, content FROM entry WHERE number < ? AND number >= ?{conditions} "
            "ORDER BY number DESC LIMIT ?"
        )
        rows = self._db.execute(query, (below, least, *texts, most)).fetchall()
        return [(int(number), AuditEntry.model_validate_json(content)) for number, content in rows]

    def size(self) -> int:
        """Return the number of the last entry; 0 for an empty log."""
        return self._end().number

    def verify_after(self, known: ChainHead, most: int) -> tuple[list[ChainFault], ChainHead]:
        """Verify the next entries after one that was verified; return their faults, and the last entry verified.

        At the end of the log, the end is compared with the anchor as well. `verify` does all at once.

        Args:
            known: the entry before the first one, whose digest is taken as right.
            most: at most so many entries.
        """
        query = "SELECT number, content, digest FROM entry WHERE number > ? ORDER BY number LIMIT ?"
        anchored = self._anchored() if self._db.is_shared else None
        entries = [ChainEntry(*row) for row in self._db.execute(query, (known.number, most)).fetchall()]
        faults = list(find_faults(entries, known))
        if len(entries) < most:
            faults += self._check_end(anchored)
        return faults, ChainHead(entries[-1].number, entries[-1].digest) if entries else known

    def last_debit(self) -> ChainHead | None:
        """Return the ledger entry that paid for the last logged release; None if no release is logged. O(log n)."""
        row = self._db.execute(_DEBITS[self._db.is_shared]).fetchone()
        return None if row is None else AuditEntry.model_validate_json(row[0]).debit

    def verify(self, published: Iterable[ChainHead] = ()) -> list[ChainFault]:
        """Return every fault of the log; an empty list if the log is unchanged.

        Args:
            published: anchors of this log that were kept elsewhere. The log must contain these entries.
        """
        # Read before the entries: on a server, other machines append meanwhile.
        anchored = self._anchored() if self._db.is_shared else None
        rows = self._db.stream("SELECT number, content, digest FROM entry ORDER BY number")
        faults = list(find_faults((ChainEntry(*row) for row in rows), all_contents=self._contents))
        faults += self._check_end(anchored)
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

    def _join(self) -> None:
        with self._db.reading():
            end = self._end()
            self._require_sealed(end)
            self._anchor.create(end)

    def _anchored(self) -> ChainHead | AuditError:
        try:
            return self.anchor()
        except AuditError as error:
            return error

    def _check_end(self, anchored: ChainHead | AuditError | None) -> list[ChainFault]:
        end = self._end()
        anchor = anchored or self._anchored()
        if isinstance(anchor, AuditError):
            return [ChainFault("anchor", end.number, anchor.message)]
        if anchor.number > end.number:
            message = f"the log ends at entry {end.number}, but its anchor says {anchor.number}"
            return [ChainFault("truncated", end.number + 1, message)]
        if anchor.number < end.number and not self._db.is_shared:
            message = f"the anchor says that the log ends at entry {anchor.number}, but it goes on to {end.number}"
            return [ChainFault("anchor", anchor.number, message)]
        if anchor.digest != (end.digest if anchor.number == end.number else self._digest_at(anchor.number)):
            return [ChainFault("altered", anchor.number, "the entry is not the one that the anchor says")]
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
        self._require_sealed(end)

    def _require_sealed(self, end: ChainHead) -> None:
        """Check that the last entry was written with the key; its digest covers all entries before it."""
        if not self._db.is_shared or end.number == 0:
            return
        row = self._db.execute("SELECT seal FROM entry WHERE number = ?", (end.number,)).fetchone()
        if row is None or not hmac.compare_digest(str(row[0]), self._seal(end.digest)):
            raise StoreBehindError(f"entry {end.number} was not written with the audit key of this installation")

    def _row(self, head: ChainHead, content: str) -> tuple[int | str, ...]:
        row = (head.number, content, head.digest)
        return (*row, self._seal(head.digest)) if self._db.is_shared else row

    def _seal(self, digest: str) -> str:
        return seal(self._key, digest)

    def _require_own_schema(self) -> None:
        if faults := self._db.schema_faults():
            raise _ForeignSchemaError(f"its database has another schema than the audit log's ({', '.join(faults)})")

    def _contents(self) -> list[str]:
        return [row[0] for row in self._db.execute("SELECT content FROM entry ORDER BY number")]

    def _digest_at(self, number: int) -> str | None:
        row = self._db.execute("SELECT digest FROM entry WHERE number = ?", (number,)).fetchone()
        return EMPTY.digest if number == 0 else row and str(row[0])

    def _end(self) -> ChainHead:
        row = self._db.execute("SELECT number, digest FROM entry ORDER BY number DESC LIMIT 1").fetchone()
        return EMPTY if row is None else ChainHead(*row)


def seal(key: bytes, digest: str) -> str:
    """Return what shows that an entry with this digest was written with the audit key, see the module."""
    return hmac.digest(key, f"entry of the audit log {digest}".encode(), "sha256").hex()


def field_text(name: str, value: str) -> str:
    """Return how a field of an entry stands in its stored text; inside a value, a quotation mark has a backslash.

    >>> field_text("who", "kim")
    '"who":"kim"'
    """
    return f"{json.dumps(name)}:{json.dumps(value, ensure_ascii=False)}"


def loggable(text: str, most: int) -> str:
    """Return a text as an entry can hold it: not empty, at most `most` characters, and Unicode."""
    return text.encode("utf-8", "replace").decode("utf-8")[:most] or "-"


class _ForeignSchemaError(PrivacyError):
    """The log's file has a trigger, view or table that the audit log did not make, or lacks one of its own."""


def _canonical(entry: AuditEntry) -> str:
    fields: dict[str, Any] = entry.model_dump(mode="json")
    return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
