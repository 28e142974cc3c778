"""Files of the data folder that all machines of a database have: models and certificates. The database keeps them.

Each machine works on files of its own and fetches them before it reads and publishes them after it has written.
Without a database, a file is just a file, and both do nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from privacy.storage.atomic_file import create_private_folder, private_draft
from privacy.storage.document_store import DatabaseDocuments

if TYPE_CHECKING:
    from privacy.storage.postgres import PostgresServer

STORE = "models"
FOLDERS = ("synthetic/fitted", "synthetic/model", "synthetic/release", "federated", "rights/certificate")
"""Folders below the data folder with shared files."""
PARTICIPANTS = "participants"
"""The documents of the same store that name, as keyed hashes, who took part in a federated model."""
_KINDS = {".zip", ".json", ".html", ".pdf"}
"""Suffixes of shared files; others are locks and drafts."""


@dataclass(frozen=True)
class SharedFiles:
    """The shared files below `root`, the data folder. A path is a file, or a folder with everything in it."""

    root: Path
    server: PostgresServer | None

    def fetch(self, path: Path, *, removes: bool = False) -> None:
        """Write the files of the database here. `removes`: delete those here that the database does not have.

        Raises:
            ServerFault: the database does not answer.
        """
        if (documents := self._documents(path)) is None:
            return
        names = [name for name in documents.names() if self._is_below(name, path)]
        for name in names:
            file, content = self.root / name, documents.read(name)
            if content is not None and not (file.exists() and file.read_bytes() == content):
                create_private_folder(file.parent)
                with private_draft(file) as draft:
                    draft.write_bytes(content)
        for file in _files(path) if removes else ():
            if self._name(file) not in names:
                file.unlink(missing_ok=True)

    def publish(self, path: Path, *, removes: bool = False) -> None:
        """Store the files here in the database. `removes`: delete those of the database that are not here.

        Raises:
            ServerFault: the database does not answer.
        """
        if (documents := self._documents(path)) is None:
            return
        files = {self._name(file): file for file in _files(path)}
        with documents.alone():
            for name, file in files.items():
                if (content := file.read_bytes()) != documents.read(name):
                    documents.write(name, content)
            for name in documents.names() if removes else ():
                if self._is_below(name, path) and name not in files:
                    documents.delete(name)

    @contextmanager
    def locked(self, path: Path, wait_seconds: float = 0) -> Iterator[None]:
        """Hold a path over all machines for the block. Processes of this machine exclude each other by a file lock.

        Raises:
            LockBusyError: another machine holds it.
            ServerFault: the database does not answer, or the lock was lost meanwhile.
        """
        if self.server is None or self._documents(path) is None:
            yield
            return
        with self.server.holding(self._name(path), wait_seconds):
            yield

    def _documents(self, path: Path) -> DatabaseDocuments | None:
        if self.server is None or not path.is_relative_to(self.root):
            return None
        return DatabaseDocuments(self.server.open(STORE), STORE)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _is_below(self, name: str, path: Path) -> bool:
        return name == self._name(path) or name.startswith(f"{self._name(path)}/")


def _files(path: Path) -> list[Path]:
    found = [path] if path.is_file() else sorted(path.rglob("*"))
    return [one for one in found if one.is_file() and one.suffix in _KINDS and not one.name.startswith(".")]
