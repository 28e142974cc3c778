"""The corrections of persons: values that replace wrong ones in every later load of a source.

A correction replaces only the values that were wrong when it was made. A value that the source states later, such as
the address after the next move, is taken as it is. Corrected values are encrypted under the data key of the source
person, and wrong ones are kept as keyed hashes, so erasing the person erases both.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from privacy.errors import PrivacyError
from privacy.protection.field import FieldCipher, TableColumn
from privacy.storage.database import AMONG, DATABASE_ERRORS, Database, open_database, transaction

if TYPE_CHECKING:
    from privacy.storage.database import Place

_SCHEMA = """
CREATE TABLE IF NOT EXISTS correction (
  source TEXT NOT NULL, person TEXT NOT NULL, field TEXT NOT NULL, value BLOB, replaces TEXT NOT NULL,
  recorded_at TEXT NOT NULL, PRIMARY KEY (source, person, field)
) WITHOUT ROWID;
"""
_TABLE = "correction"
_PUT = (
    "INSERT INTO correction VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (source, person, field) DO UPDATE SET "
    "value = excluded.value, replaces = excluded.replaces, recorded_at = excluded.recorded_at"
)


class CorrectionError(PrivacyError):
    """The list of corrections cannot be read or written, or a correction is refused."""


@dataclass(frozen=True)
class StoredCorrection:
    """One corrected field of one source person. `replaces` holds keyed hashes of the values that were wrong."""

    source: str
    person: str
    column: str
    value: str | None = field(repr=False)
    replaces: frozenset[str]
    recorded_at: datetime


class CorrectionList:
    """The corrections of one installation, in an SQLite file or on a server. Use one object per thread."""

    def __init__(self, place: Place, cipher: FieldCipher, key: bytes) -> None:
        """Prepare the list; its file is created by the first correction. `key` makes the keyed hashes."""
        self.path, self._cipher, self._key = place, cipher, key
        self._db: Database | None = None

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def mark(self, value: str | None) -> str:
        """Return the keyed hash by which a value is recognised; a missing value has one as well."""
        content = b"\0" if value is None else b"\1" + value.encode()
        return hmac.new(self._key, content, hashlib.sha256).hexdigest()

    def add(
        self,
        source: str,
        persons: Collection[str],
        column: str,
        value: str | None,
        wrong: Collection[str],
        at: datetime,
    ) -> None:
        """Store a correction for source persons. `wrong`: hashes of the values that it replaces, with earlier ones."""
        names = sorted(persons)
        known = {one.person: one for one in self.of_source(source) if one.column == column}
        marks = pa.array([f"{source}.{column}"] * len(names), pa.string())
        values = pa.array([value] * len(names), pa.string())
        sealed = self._cipher.encrypt(values, pa.array(names, pa.string()), marks, TableColumn(_TABLE, column))
        with transaction(self._open()):
            for name, secret in zip(names, sealed.to_pylist(), strict=True):
                before = known[name].replaces if name in known else frozenset()
                replaces = sorted({*before, *wrong} - {self.mark(value)})
                row = (source, name, column, secret, json.dumps(replaces), at.isoformat())
                self._open().execute(_PUT, row)

    def of_source(self, source: str) -> list[StoredCorrection]:
        """Return the corrections of a source with decrypted values; those of erased persons are left out."""
        return self._read("source = ?", (source,))

    def of_persons(self, persons: Iterable[str]) -> list[StoredCorrection]:
        """Return the corrections of source persons with decrypted values."""
        return self._read(f"person {AMONG}", (json.dumps(sorted(persons)),))

    def erase(self, persons: Iterable[str]) -> int:
        """Delete the corrections of source persons, with their bytes; return how many."""
        if self._is_missing:
            return 0
        with self._open().erasing("correction"):
            query = f"DELETE FROM correction WHERE person {AMONG}"
            count = self._open().execute(query, (json.dumps(sorted(persons)),)).rowcount
        return int(count)

    def _read(self, where: str, values: tuple[str, ...]) -> list[StoredCorrection]:
        if self._is_missing:
            return []
        query = f"SELECT source, person, field, value, replaces, recorded_at FROM correction WHERE {where}"
        found = []
        for source, person, column, sealed, replaces, at in self._open().execute(query, values).fetchall():
            opened: str | None = None
            if sealed is not None:
                mark, place = pa.array([f"{source}.{column}"], pa.string()), TableColumn(_TABLE, column)
                opened = self._cipher.decrypt(pa.array([sealed], pa.binary()), mark, place, "null")[0].as_py()
                if opened is None:
                    continue  # the key was destroyed
            moment = datetime.fromisoformat(at)
            found.append(StoredCorrection(source, person, column, opened, frozenset(json.loads(replaces)), moment))
        return found

    @property
    def _is_missing(self) -> bool:
        return isinstance(self.path, Path) and not self.path.exists()

    def _open(self) -> Database:
        if self._db is None:
            try:
                self._db = open_database(self.path, _SCHEMA, "corrections", overwrites=True)
            except (OSError, *DATABASE_ERRORS) as error:
                raise CorrectionError(f"{self.path}: cannot be opened as a list of corrections. Restore it.") from error
        return self._db
