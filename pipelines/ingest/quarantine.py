"""Reads and writes `bronze/quarantine`, the table of landed rows and files that break their contract.

Each entry states source, file, line, column, rule and reason. There is one entry per row, for its first fault. A file
that cannot be loaded at all has one entry with a null line. Entries are never removed here: `replayed_load_id` names
the load that later loaded the row or file, and is null until then. For a refused file that was taken out of the landing
folder it is `removed`.

`record` is the row as it was read, encrypted under the key of its source person. Destroying that key therefore also
erases the quarantined copies. If the row does not identify a person, the key belongs to this one row. `record_hash` is
a keyed hash by which equal records are recognised.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from installation.contract.document import Contract
from installation.lakehouse.lakehouse import Lakehouse
from installation.quality.quarantine_content import QUARANTINE
from pipelines.ingest.exact_json import encode
from privacy.contract.document import KafkaTopic
from privacy.protection.field import TableColumn
from privacy.protection.source_person import Protection

REMOVED = "removed"
"""Value of `replayed_load_id` for a refused file that is no longer in the landing folder."""
RECORD = TableColumn(QUARANTINE, "record")
SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("file", pa.string()),
        ("file_id", pa.string()),
        ("load_id", pa.string()),
        ("line", pa.int64()),
        ("column", pa.string()),
        ("rule", pa.string()),
        ("reason", pa.string()),
        ("record", pa.binary()),
        ("record_hash", pa.string()),
        ("contract_sha256", pa.string()),
        ("quarantined_at", pa.timestamp("us")),
        ("replayed_load_id", pa.string()),
    ]
)


@dataclass(frozen=True)
class Origin:
    """The file that a row came from: its base name, and the SHA-256 of its bytes.

    For a database table: its name, and the id of the fetch. `read_at` is the time of the fetch of a row that is
    replayed; None means the time of the load.
    """

    file: str
    file_id: str
    read_at: datetime.datetime | None = None


@dataclass(frozen=True)
class QuarantineEntry:
    """One row that cannot be loaded, or one file (then `line`, `record` and `person` are None).

    `person` is the source person whose key encrypts the record. `column` is None for a fault of the whole row or file.
    """

    origin: Origin
    line: int | None
    column: str | None
    rule: str
    reason: str
    record: str | None
    person: str | None


@dataclass(frozen=True)
class RefusedFile:
    """A landed file that could not be loaded, with its newest reason.

    `file` is the base name. `since` is the time of the first refusal, in UTC without a zone. `contracts` holds the
    SHA-256 of each contract that the file was tried with.
    """

    file: str
    column: str | None
    rule: str
    reason: str
    since: datetime.datetime
    contracts: frozenset[str] = frozenset()

    @property
    def message(self) -> str:
        """The refusal in one line."""
        return f"{self.file}: refused: {self.reason}"


class Quarantine:
    """Reads and writes the quarantine entries of one source."""

    def __init__(self, contract: Contract, lakehouse: Lakehouse, protection: Protection) -> None:
        self.contract = contract
        self.lakehouse = lakehouse
        self.protection = protection

    def add(self, entries: Sequence[QuarantineEntry], load_id: str, now: datetime.datetime) -> int:
        """Append, in one commit, the entries that quarantine does not have yet; return how many of them are rows.

        Entries can already be there after a load that was killed before its commit, or when a file was exported again.
        Rows are compared by record hash and rule, as a multiset; messages of a topic by their offset. An entry of a
        whole file is always appended.
        """
        if not entries:
            return 0
        existing = Counter(self._identity(row) for row in self._rows("true"))
        fresh = []
        for entry in entries:
            row = self._row(entry, load_id, now)
            identity = self._identity(row)
            if entry.line is not None and existing[identity] > 0:
                existing[identity] -= 1
                continue
            fresh.append((entry, row))
        if fresh:
            rows = [row for _, row in fresh]
            for row, encrypted in zip(rows, self._encrypt([entry for entry, _ in fresh]), strict=True):
                row["record"] = encrypted
            self.lakehouse.append_rows(QUARANTINE, pa.Table.from_pylist(rows, SCHEMA))
        return sum(entry.line is not None for entry, _ in fresh)

    def refused_files(self) -> dict[str, RefusedFile]:
        """Return the files that could not be loaded so far, by file id."""
        refused: dict[str, RefusedFile] = {}
        rows = self._rows("line IS NULL AND replayed_load_id IS NULL")
        for row in sorted(rows, key=lambda row: row["quarantined_at"]):
            before = refused.get(row["file_id"])
            refused[row["file_id"]] = RefusedFile(
                row["file"], row["column"], row["rule"], row["reason"],
                since=before.since if before else row["quarantined_at"],
                contracts=frozenset({row["contract_sha256"]}) | (before.contracts if before else frozenset()),
            )  # fmt: skip
        return refused

    def open_rows(self) -> list[dict[str, Any]]:
        """Return the entries of rows that are not loaded yet, sorted by file and line, with decrypted records.

        An entry whose key was destroyed is left out, because its record is erased. A row that two loads have noted at
        the same time is returned once. The result holds personal data: callers must not persist it.
        """
        noted = self._rows("line IS NOT NULL AND replayed_load_id IS NULL")
        rows = list({(row["file_id"], row["line"]): row for row in noted}.values())
        encrypted = pa.array([row["record"] for row in rows], pa.binary())
        marks = pa.array([_place(row["file_id"], row["line"]) for row in rows], pa.string())
        records = self.protection.cipher.decrypt(encrypted, marks, RECORD, on_destroyed="null").to_pylist()
        found = [{**row, "record": record} for row, record in zip(rows, records, strict=True) if record is not None]
        return sorted(found, key=lambda row: (row["file"], row["file_id"], row["line"]))

    def mark_replayed(self, places: Iterable[tuple[str, int | None]], load_id: str) -> None:
        """Record the load id in the entries at these (file id, line) places; a line of None names a whole file."""
        listed = sorted({(file_id, -1 if line is None else line) for file_id, line in places})
        if not listed:
            return
        keys = pa.table({"file_id": [place[0] for place in listed], "line": [place[1] for place in listed]})
        merge = self.lakehouse.delta(QUARANTINE).merge(
            keys,
            predicate=f"t.source = '{self.contract.name}' AND t.file_id = s.file_id "
            "AND coalesce(t.line, -1) = s.line AND t.replayed_load_id IS NULL",
            source_alias="s",
            target_alias="t",
        )
        merge.when_matched_update({"replayed_load_id": f"'{load_id}'"}).execute()

    def _identity(self, row: dict[str, Any]) -> tuple[Any, Any]:
        is_topic = self.contract.file is not None and isinstance(self.contract.file.origin, KafkaTopic)
        return (row["file_id"], row["line"]) if is_topic or row["line"] is None else (row["record_hash"], row["rule"])

    def _rows(self, condition: str) -> list[dict[str, Any]]:
        if not self.lakehouse.exists(QUARANTINE):
            return []
        rows: list[dict[str, Any]] = self.lakehouse.select(
            QUARANTINE, where=f"source = '{self.contract.name}' AND {condition}"
        ).to_pylist()
        return rows

    def _encrypt(self, entries: Sequence[QuarantineEntry]) -> list[bytes | None]:
        marks = [_place(entry.origin.file_id, entry.line) for entry in entries]
        encrypted = self.protection.cipher.encrypt(
            pa.array([entry.record for entry in entries], pa.string()),
            pa.array([entry.person for entry in entries], pa.string()),
            pa.array(marks, pa.string()),
            RECORD,
        )
        found: list[bytes | None] = encrypted.to_pylist()
        return found

    def _record_hash(self, record: str | None) -> str | None:
        if record is None:
            return None
        text = f"{self.contract.name}\0{record}".encode()
        return hmac.new(self.protection.record_hash_key, text, hashlib.sha256).hexdigest()

    def _row(self, entry: QuarantineEntry, load_id: str, now: datetime.datetime) -> dict[str, Any]:
        return {
            "source": self.contract.name,
            "file": entry.origin.file,
            "file_id": entry.origin.file_id,
            "load_id": load_id,
            "line": entry.line,
            "column": entry.column,
            "rule": entry.rule,
            "reason": entry.reason,
            "record_hash": self._record_hash(entry.record),
            "contract_sha256": self.contract.sha256,
            "quarantined_at": now,
            "replayed_load_id": None,
        }


def in_json(record: dict[str, Any]) -> str:
    """Return a row as JSON text; if UTF-8 cannot encode it, all characters outside ASCII are escaped."""
    text = encode(record)
    return text if text.isprintable() or _is_encodable(text) else encode(record, ascii_only=True)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _place(file_id: str, line: int | None) -> str:
    """Return the name of a quarantine row. The ciphertext is bound to it, so it can only be decrypted in this row."""
    return f"{file_id}:{line}"
