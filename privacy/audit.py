"""The audit log: who used personal data for what. Append-only, each entry chained to the one before it.

hash(n) = SHA-256(hash(n-1) || 0x00 || canonical JSON of entry n), hash(0) = 32 zero bytes.

`verify` recomputes the chain and finds an entry that was altered, removed, inserted or reordered. What the chain cannot
show by itself is that its end was cut off, or that all of it was written anew: that is what the anchor is for, the
number and hash of the last entry, kept apart from the log and sealed with HMAC-SHA256 under a key of its own.
Guarantee: who does not hold the anchor's key changes nothing that was logged without `verify` finding it, except to put
back an earlier log together with its own earlier anchor; against that, publish anchors elsewhere (`bojagi audit show`
prints it) and hand one to `verify`.

Entries hold no personal data: numbers of subjects and names of tables and columns, no values.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from privacy.database import open_database, transaction
from privacy.errors import PrivacyError
from privacy.private_file import PRIVATE_FOLDER_MODE, replace

_GENESIS = bytes(32)
KEY_BYTES = 32
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY, content TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS entry_update BEFORE UPDATE ON entry
  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS entry_delete BEFORE DELETE ON entry
  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
"""


class AuditError(PrivacyError):
    """The audit log cannot be opened or written; what should have been logged must not happen."""


class Access(BaseModel):
    """One use of personal data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    who: str = Field(min_length=1, max_length=200)
    role: str = Field(min_length=1, max_length=100)
    purpose: str = Field(min_length=1, max_length=100)
    action: str = Field(min_length=1, max_length=100)
    table: str = Field(min_length=1, max_length=200)
    columns: tuple[str, ...] = ()
    subjects: int | None = Field(default=None, ge=0)
    outcome: str = Field(default="allowed", pattern=r"^(allowed|refused|failed)$")
    reason: str | None = Field(default=None, max_length=500)


@dataclass(frozen=True)
class Anchor:
    """Where the log ended: number and hash of its last entry."""

    number: int
    hash: str


@dataclass(frozen=True)
class Finding:
    """Something wrong with the log, at an entry. `kind`: altered, removed, reordered, truncated, anchor."""

    kind: str
    number: int
    message: str


class AuditLog:
    """Writes and verifies one log. One object a thread; any number of processes."""

    def __init__(self, path: Path, anchor_path: Path, key: bytes) -> None:
        """Open the log; create it when there is none.

        Args:
            path: the SQLite file of the log.
            anchor_path: the file of the anchor, better on another disk and under other rights.
            key: 32 bytes that seal the anchor.

        Raises:
            AuditError: the key has another length, or the file cannot be opened.
        """
        if len(key) != KEY_BYTES:
            raise AuditError(f"The audit key has {len(key)} bytes; expected {KEY_BYTES}.")
        self.path, self.anchor_path, self._key = path, anchor_path, key
        anchor_path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER_MODE)
        try:
            self._db = open_database(path, _SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise AuditError(f"{path}: cannot be opened as an audit log: {error}.") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def append(self, access: Access) -> Anchor:
        """Log one use. Once this returns it is on the disk.

        Raises:
            AuditError: it could not be written; then the use must not happen.
        """
        try:
            with transaction(self._db):
                last = self._last()
                content = _canonical(access)
                anchor = Anchor(last.number + 1, _chain(last.hash, content))
                self._db.execute("INSERT INTO entry VALUES (?, ?, ?)", (anchor.number, content, anchor.hash))
                # Before the commit: after a crash between the two, the anchor is one ahead, which verify says.
                self._write_anchor(anchor)
        except (OSError, sqlite3.Error) as error:
            raise AuditError(f"{self.path}: could not log ({error}); what should be logged must not happen.") from error
        return anchor

    def entries(self, where: Callable[[Access], bool] = lambda _: True) -> Iterator[tuple[int, Access]]:
        """The entries in order, with their numbers."""
        for number, content in self._db.execute("SELECT number, content FROM entry ORDER BY number"):
            access = Access.model_validate_json(content)
            if where(access):
                yield number, access

    def verify(self, published: Anchor | None = None) -> list[Finding]:
        """Everything wrong with the log; empty when it is as it was written.

        Args:
            published: an anchor that was kept elsewhere; the log must go on from it.
        """
        findings: list[Finding] = []
        hashes = {0: _GENESIS.hex()}
        expected, previous = 1, _GENESIS.hex()
        order = "SELECT number, content, hash FROM entry ORDER BY number"
        for number, content, stored in self._db.execute(order):
            if number != expected:
                missing = f"{expected}" if number == expected + 1 else f"{expected} to {number - 1}"
                findings.append(Finding("removed", expected, f"entry {missing} is missing"))
            elif _chain(previous, content) != stored:
                findings.append(_broken(number, previous, content, stored, self._contents()))
            hashes[number] = stored
            expected, previous = number + 1, stored
        findings += self._check_end(hashes, expected - 1)
        if published is not None and hashes.get(published.number) != published.hash:
            message = f"the log does not go on from the published anchor at entry {published.number}"
            findings.append(Finding("anchor", published.number, message))
        return findings

    def anchor(self) -> Anchor:
        """Where the log ends, as the sealed anchor says.

        Raises:
            AuditError: there is no anchor, or its seal is not ours.
        """
        try:
            held = json.loads(self.anchor_path.read_text("utf-8"))
            anchor = Anchor(int(held["number"]), str(held["hash"]))
            seal = str(held["seal"])
        except FileNotFoundError as error:
            raise AuditError(f"{self.anchor_path}: the anchor of the audit log is missing.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise AuditError(f"{self.anchor_path}: not an anchor of an audit log.") from error
        if not hmac.compare_digest(seal, self._seal(anchor)):
            raise AuditError(f"{self.anchor_path}: the anchor's seal is not of this key; it was changed.")
        return anchor

    def _check_end(self, hashes: dict[int, str], last: int) -> list[Finding]:
        if last == 0 and not self.anchor_path.exists():
            return []
        try:
            anchor = self.anchor()
        except AuditError as error:
            return [Finding("anchor", last, error.message)]
        if anchor.number > last:
            return [Finding("truncated", last + 1, f"the log ends at {last}; its anchor says {anchor.number}")]
        if anchor.number < last:
            return [Finding("anchor", anchor.number, f"the anchor says {anchor.number}; the log goes on to {last}")]
        if hashes.get(anchor.number) != anchor.hash:
            return [Finding("altered", anchor.number, "the last entry is not the one that the anchor says")]
        return []

    def _contents(self) -> list[str]:
        return [row[0] for row in self._db.execute("SELECT content FROM entry ORDER BY number")]

    def _last(self) -> Anchor:
        row = self._db.execute("SELECT number, hash FROM entry ORDER BY number DESC LIMIT 1").fetchone()
        return Anchor(0, _GENESIS.hex()) if row is None else Anchor(row[0], row[1])

    def _seal(self, anchor: Anchor) -> str:
        return hmac.new(self._key, f"{anchor.number}\0{anchor.hash}".encode(), hashlib.sha256).hexdigest()

    def _write_anchor(self, anchor: Anchor) -> None:
        text = json.dumps({"number": anchor.number, "hash": anchor.hash, "seal": self._seal(anchor)})
        replace(self.anchor_path, text)


def now() -> datetime:
    """The moment of an entry."""
    return datetime.now(UTC)


def _canonical(access: Access) -> str:
    fields: dict[str, Any] = access.model_dump(mode="json")
    return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _chain(previous: str, content: str) -> str:
    return hashlib.sha256(bytes.fromhex(previous) + b"\0" + content.encode()).hexdigest()


def _broken(number: int, previous: str, content: str, stored: str, contents: list[str]) -> Finding:
    """Tell an entry that stands in another's place from one that was changed."""
    is_moved = any(_chain(previous, other) == stored for other in contents if other != content)
    if is_moved:
        return Finding("reordered", number, f"the entry that belongs at {number} stands elsewhere in the log")
    return Finding("altered", number, f"entry {number} or its hash was changed, or does not follow the one before it")
