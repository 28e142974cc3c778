"""bronze/quarantine: what broke its contract, with source, file, line, column, rule and reason.

One entry a row (its first fault), or one with a null line for a file that cannot be loaded at all.
Entries are kept; `replayed_load_id` names the load that later took the row or file in.

`record`, the row as it was read, is encrypted under the key of its source person as far as the person can be read from
it, so destroying that key takes the quarantined copies along; otherwise under a key of the row's own. Equal records are
recognised by `record_hash`, a keyed hash.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from installation.contract.document import Contract
from installation.lakehouse.lakehouse import Lakehouse
from privacy.protection.field import Place
from privacy.protection.source_person import Protection

QUARANTINE = "bronze/quarantine"
RECORD = Place(QUARANTINE, "record")
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
    """Where a row came from: the base name of its file, and the SHA-256 of the file's bytes."""

    file: str
    file_id: str


@dataclass(frozen=True)
class Entry:
    """One row, or with a null line and record one file, that cannot be loaded. `person`: whose the record is."""

    origin: Origin
    line: int | None
    column: str | None
    rule: str
    reason: str
    record: str | None
    person: str | None


class Quarantine:
    """The entries of one source."""

    def __init__(self, contract: Contract, lakehouse: Lakehouse, protection: Protection) -> None:
        self.contract = contract
        self.lakehouse = lakehouse
        self.protection = protection

    def add(self, entries: Sequence[Entry], load_id: str, now: datetime.datetime) -> None:
        """Append entries in one commit, less those that are there already.

        A load that was killed before its own commit has left its entries behind, and a file that was
        exported again repeats them; rows are recognised by their record and rule, as a multiset.
        """
        if not entries:
            return
        there = Counter(_identity(row) for row in self._rows("true"))
        fresh = []
        for entry in entries:
            row = self._row(entry, load_id, now)
            if entry.line is not None and there[_identity(row)] > 0:
                there[_identity(row)] -= 1
                continue
            fresh.append((entry, row))
        if fresh:
            rows = [row for _, row in fresh]
            for row, sealed in zip(rows, self._seal([entry for entry, _ in fresh]), strict=True):
                row["record"] = sealed
            self.lakehouse.append_rows(QUARANTINE, pa.Table.from_pylist(rows, SCHEMA))

    def refused_files(self) -> dict[str, set[str]]:
        """Files that could not be loaded so far, and the contracts (SHA-256) that each was tried with."""
        refused: dict[str, set[str]] = {}
        for row in self._rows("line IS NULL AND replayed_load_id IS NULL"):
            refused.setdefault(row["file_id"], set()).add(row["contract_sha256"])
        return refused

    def open_rows(self) -> list[dict[str, Any]]:
        """The entries of rows that are not loaded yet, by file and line, their records decrypted.

        A record whose key was destroyed is erased; its entry is left out.
        """
        rows = self._rows("line IS NOT NULL AND replayed_load_id IS NULL")
        sealed = pa.array([row["record"] for row in rows], pa.binary())
        marks = pa.array([_place(row["file_id"], row["line"]) for row in rows], pa.string())
        records = self.protection.cipher.decrypt(sealed, marks, RECORD, on_destroyed="null").to_pylist()
        found = [{**row, "record": record} for row, record in zip(rows, records, strict=True) if record is not None]
        return sorted(found, key=lambda row: (row["file"], row["file_id"], row["line"]))

    def mark_replayed(self, places: Iterable[tuple[str, int | None]], load_id: str) -> None:
        """Note the load that took in the rows (or, with a null line, files) at these places."""
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

    def _rows(self, condition: str) -> list[dict[str, Any]]:
        if not self.lakehouse.exists(QUARANTINE):
            return []
        rows: list[dict[str, Any]] = self.lakehouse.select(
            QUARANTINE, where=f"source = '{self.contract.name}' AND {condition}"
        ).to_pylist()
        return rows

    def _seal(self, entries: Sequence[Entry]) -> list[bytes | None]:
        marks = [_place(entry.origin.file_id, entry.line) for entry in entries]
        sealed = self.protection.cipher.encrypt(
            pa.array([entry.record for entry in entries], pa.string()),
            pa.array([entry.person for entry in entries], pa.string()),
            pa.array(marks, pa.string()),
            RECORD,
        )
        found: list[bytes | None] = sealed.to_pylist()
        return found

    def _record_hash(self, record: str | None) -> str | None:
        if record is None:
            return None
        text = f"{self.contract.name}\0{record}".encode()
        return hmac.new(self.protection.record_hash_key, text, hashlib.sha256).hexdigest()

    def _row(self, entry: Entry, load_id: str, now: datetime.datetime) -> dict[str, Any]:
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
    """A row as JSON; characters that UTF-8 cannot hold are escaped."""
    text = json.dumps(record, ensure_ascii=False)
    return text if text.isprintable() or _is_encodable(text) else json.dumps(record)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _identity(row: dict[str, Any]) -> tuple[Any, Any]:
    return (row["file_id"], None) if row["line"] is None else (row["record_hash"], row["rule"])


def _place(file_id: str, line: int | None) -> str:
    """What names a row of quarantine, and never changes."""
    return f"{file_id}:{line}"
