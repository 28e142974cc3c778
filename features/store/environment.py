"""LMDB environments of the online store: the files of one generation, opened once in a process."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

import lmdb
import msgpack

from features.store.errors import StoreDamaged, StoreError, StoreUnavailable
from features.store.online_store import ViewSchema
from features.store.schema_book import SchemaBook, text_of
from privacy.storage.atomic_file import PRIVATE_FOLDER_MODE, PRIVATE_MODE

# Address space that a file may grow into; the file itself is as large as its content. LMDB cannot exceed it.
_MAP_BYTES = 1 << 40
# Readers of all processes at one moment.
_READERS = 1024
# Rows of one commit of a copy.
_BATCH = 20_000
_DAMAGE = (
    msgpack.UnpackException, msgpack.ExtraData, lmdb.CorruptedError, lmdb.InvalidError, lmdb.NotFoundError,
    lmdb.PageNotFoundError, lmdb.PanicError, lmdb.VersionMismatchError, lmdb.IncompatibleError,
)  # fmt: skip
_REMEDY = "Restore the store's folder from a backup, or remove it and materialise the features again."

_lock = threading.Lock()
# LMDB allows one environment of a file in a process, and closing a second one would free the locks of the first.
_opened: weakref.WeakValueDictionary[str, Environment] = weakref.WeakValueDictionary()


class Reporting:
    """Turns errors of LMDB and of the operating system inside a `with` block into errors of the store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, StoreError):
            return
        if isinstance(error, _DAMAGE):
            reason = str(error).rstrip(".")
            raise StoreDamaged(f"{self._folder} is not a readable online store: {reason}. {_REMEDY}") from error
        if isinstance(error, (lmdb.Error, OSError)):
            raise StoreUnavailable(f"{self._folder}: the online store cannot be used: {error}.") from error


class Environment:
    """The files of one generation. They are closed when nothing refers to this object any more."""

    def __init__(self, folder: Path, *, creates: bool = False) -> None:
        self.name = folder.name
        self._process = os.getpid()
        self._environment = lmdb.open(
            str(folder), map_size=_MAP_BYTES, max_dbs=2, max_readers=_READERS, mode=PRIVATE_MODE, create=creates,
            max_spare_txns=16, metasync=False,
        )  # fmt: skip
        # Frees the places of readers that were killed.
        self._environment.reader_check()
        self.rows = self._environment.open_db(b"row", create=creates)
        self._schemas = self._environment.open_db(b"schema", create=creates)

    @property
    def is_own(self) -> bool:
        """Whether this process opened the files. LMDB allows no use of them in a forked process."""
        return self._process == os.getpid()

    def read(self) -> Any:
        """Return a transaction that reads the rows as they are now, as views of the files' bytes."""
        return self._environment.begin(db=self.rows, buffers=True)

    def write(self) -> Any:
        """Return a transaction that writes rows. It waits for that of another thread or process."""
        return self._environment.begin(db=self.rows, write=True)

    def flush(self) -> None:
        """Put the last commit on the disk. Without this, a power failure may undo it; the end of a process cannot."""
        self._environment.sync(True)

    def schemas(self, txn: Any) -> SchemaBook:
        """Return the schemas that a transaction sees."""
        found = txn.cursor(self._schemas)
        return SchemaBook({int.from_bytes(number, "big"): bytes(text) for number, text in found})

    def schema_count(self, txn: Any) -> int:
        """Return the number of schemas that a transaction sees. It never becomes less."""
        return int(txn.stat(self._schemas)["entries"])

    def number(self, txn: Any, schema: ViewSchema) -> tuple[SchemaBook, int]:
        """Return all schemas and the number of this one, which is added if it is new."""
        text, highest = text_of(schema), 0
        for key, known in txn.cursor(self._schemas):
            highest = int.from_bytes(key, "big")
            if known == text:
                return self.schemas(txn), highest
        txn.put((highest + 1).to_bytes(4, "big"), text, db=self._schemas)
        return self.schemas(txn), highest + 1

    def row_count(self, txn: Any) -> int:
        """Return the number of rows that a transaction sees."""
        return int(txn.stat(self.rows)["entries"])

    def copy_rows(self, folder: Path) -> None:
        """Write the rows and schemas to new files. Only living bytes get there, since each row is written anew."""
        target = create(folder)
        with self._environment.begin() as source:
            for ours, theirs in ((self._schemas, target._schemas), (self.rows, target.rows)):
                items = iter(source.cursor(ours))
                while batch := list(islice(items, _BATCH)):
                    with target._environment.begin(write=True) as txn:
                        txn.cursor(theirs).putmulti(batch, append=True)
        target.flush()


def create(folder: Path) -> Environment:
    """Create the files of a generation in a new private folder."""
    folder.mkdir(mode=PRIVATE_FOLDER_MODE)
    return _once(folder, creates=True)


def open_environment(folder: Path) -> Environment:
    """Return the environment of existing files, the same object for everyone in this process.

    Raises:
        StoreDamaged: the file is empty.
    """
    if not (folder / "data.mdb").stat().st_size:
        raise StoreDamaged(f"{folder / 'data.mdb'} is empty. {_REMEDY}")
    return _once(folder, creates=False)


@contextmanager
def snapshot(folder: Path) -> Iterator[tuple[Environment, Any]]:
    """Yield the environment of existing files and a transaction that reads them."""
    environment = open_environment(folder)
    with environment.read() as txn:
        yield environment, txn


def _once(folder: Path, *, creates: bool) -> Environment:
    path = os.path.realpath(folder)
    with _lock:
        environment = _opened.get(path)
        if environment is None:
            environment = _opened[path] = Environment(folder, creates=creates)
        elif not environment.is_own:
            # py-lmdb refuses to open files anew that the parent has open.
            raise StoreUnavailable(
                f"{folder.parent} was opened before this process was forked. Open it after the fork."
            )
        return environment


def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)
