"""Small documents by name: files in a folder, or rows of a server that several machines share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from privacy.storage.atomic_file import replace_public
from privacy.storage.lock import file_lock

if TYPE_CHECKING:
    from privacy.storage.database import Database

_LOCK = ".lock"


class DocumentStore(Protocol):
    """Documents without personal data. A document is written whole or not at all."""

    def read(self, name: str) -> bytes | None:
        """Return a document; None if there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Write a document in the place of the former one. It is on the disk when this returns."""

    def delete(self, name: str) -> None:
        """Delete a document, if there is one."""

    def names(self) -> list[str]:
        """Return the names of all documents in alphabetical order."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep others who call `alone` out during the block; the lock also ends with the process."""


class FolderDocuments:
    """The files of a folder, see `DocumentStore`. `is_durable`: whether a written file is flushed to the disk."""

    def __init__(self, folder: Path, *, is_durable: bool = True) -> None:
        self.folder, self._is_durable = folder, is_durable

    def __str__(self) -> str:
        return str(self.folder)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if there is none."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Replace a file in one step."""
        replace_public(self.folder / name, content, is_durable=self._is_durable)

    def delete(self, name: str) -> None:
        """Delete a file, if there is one."""
        (self.folder / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Return the names of the files."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if path.is_file() and path.name != _LOCK)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder's lock for the block."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with file_lock(self.folder / _LOCK):
            yield


class DatabaseDocuments:
    """The rows of one store in a server's table `document`, see `DocumentStore`."""

    def __init__(self, database: Database, store: str) -> None:
        self._db, self._store = database, store

    def __str__(self) -> str:
        return f"the database, table document, store {self._store}"

    def read(self, name: str) -> bytes | None:
        """Return the content of a row; None if there is none."""
        query = "SELECT content FROM document WHERE store = ? AND name = ?"
        row = self._db.execute(query, (self._store, name)).fetchone()
        return None if row is None else bytes(row[0])

    def write(self, name: str, content: bytes) -> None:
        """Insert or replace a row."""
        put = "INSERT INTO document VALUES (?, ?, ?) ON CONFLICT (store, name) DO UPDATE SET content = excluded.content"
        self._db.execute(put, (self._store, name, content))

    def delete(self, name: str) -> None:
        """Delete a row, if there is one."""
        self._db.execute("DELETE FROM document WHERE store = ? AND name = ?", (self._store, name))

    def names(self) -> list[str]:
        """Return the names of the rows."""
        rows = self._db.execute("SELECT name FROM document WHERE store = ? ORDER BY name", (self._store,))
        return [str(name) for (name,) in rows]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Run the block in one transaction, which other writers of the store wait for."""
        with self._db.transaction():
            yield
