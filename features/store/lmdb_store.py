"""The embedded online store: LMDB files in a private folder, for readers in many processes and one writer at a time.

    FOLDER/PROJECT.lock              held while the files of a project are created
    FOLDER/PROJECT/current           name of the generation in use; replaced in one step by a compaction
    FOLDER/PROJECT/GENERATION/       data.mdb with the databases `row` and `schema`, and lock.mdb

A project has files of its own, so two projects have nothing in common. LMDB writes a changed page to a free place and
makes it valid by the last write of a commit, so a killed writer leaves the state before or after a commit. Free places
keep old bytes. A compaction therefore writes the living rows to the files of a new generation and removes the old ones.
"""

from __future__ import annotations

import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from features.store.environment import Environment, Reporting, create, open_environment, snapshot
from features.store.errors import StoreDamaged, StoreError
from features.store.merge import Changes, Merge, batches, paused_collector, without
from features.store.online_store import Columns, Selection, StoredRow, Value, ViewSchema, WriteCount
from features.store.packed_row import (
    KEY_ENCODING,
    KEY_LIMIT,
    Sections,
    checked_project,
    key_of,
    pack_row,
    unpack_row,
)
from features.store.schema_book import SchemaBook
from features.store.verification import verify_files
from privacy.clock import utc_now
from privacy.storage.atomic_file import PRIVATE_FOLDER_MODE, replace_private
from privacy.storage.lock import file_lock

# Rows of one commit: few enough for a memory of some hundred megabytes, enough that flushes take little of the time.
_BATCH = 20_000
_Read = TypeVar("_Read")


class LmdbStore:
    """An online store of one project in one folder, see `OnlineStore`. Threads may share it."""

    def __init__(
        self, folder: Path, project: str, *, verify: bool = True, clock: Callable[[], datetime] = utc_now
    ) -> None:
        """Open the store, and create it if there is none.

        Args:
            folder: private folder of the stores.
            project: name of the project.
            verify: whether all rows are read once, in another process, before the store is used.
            clock: returns the time of a write.

        Raises:
            StoreDamaged: the files are not those of a store, or a row is not what was written.
            StoreUnavailable: the files cannot be created or opened.
            ValueRefused: the name of the project has other characters than a-z, 0-9, `_` and `-`.
        """
        self._folder = folder / checked_project(project)
        self._clock = clock
        self._reporting = Reporting(self._folder)
        self._environment: Environment | None = None
        self._mark: tuple[int, int] | None = None
        self._book = SchemaBook({})
        self._current = self._folder / "current"
        self._current_path = str(self._current)
        self._held = threading.local()
        with self._reporting:
            folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER_MODE)
            with file_lock(folder / f"{project}.lock"):
                self._create_if_missing()
            if verify:
                verify_files(self._folder)
            self._now()

    @property
    def generation(self) -> str:
        """Name of the files in use; another one after each compaction. Asking releases files that were replaced."""
        return self._now().name

    def read(self, customers: Sequence[str], views: Iterable[str] | None = None) -> list[StoredRow | None]:
        """Return the row of each customer, in their order; None for a customer of whom nothing is stored."""
        wanted = None if views is None else tuple(views)
        return self._read(customers, lambda book: book.reader(wanted))

    def select(self, customers: Sequence[str], columns: Columns) -> list[Selection | None]:
        """Return chosen values of each customer, see `OnlineStore.select`."""
        return self._read(customers, lambda book: book.selector(columns))

    def write(
        self,
        schema: ViewSchema,
        customers: Sequence[str],
        event_times_us: Sequence[int],
        rows: Sequence[Sequence[Value]],
    ) -> WriteCount:
        """Write one view of many customers, see `OnlineStore.write`. Each 20,000 rows are one commit."""
        count = WriteCount()
        with paused_collector():
            for changes in batches(schema, customers, event_times_us, rows, self._clock, _BATCH):
                count += self._merge(schema, changes)
        return count

    @contextmanager
    def grouped(self) -> Iterator[None]:
        """Let the writes of one thread in a block be one commit; none of them counts if the block raises."""
        with self._writing() as held:
            self._held.writing = held
            try:
                yield
            except BaseException:
                # It may have schemas of the commit that does not happen.
                self._book = SchemaBook({})
                raise
            finally:
                self._held.writing = None

    def delete(self, customers: Sequence[str]) -> int:
        """Delete the rows of these customers; return how many existed. `compact` removes their bytes as well."""
        with self._writing() as (environment, txn):
            deleted: int = sum(txn.delete(key_of(customer)) for customer in customers)
        with self._reporting:
            environment.flush()
        return deleted

    def drop(self, views: Iterable[str], customers: Sequence[str] | None = None) -> None:
        """Delete the values of whole views: of these customers, or of all (None)."""
        wanted = list(self.customers()) if customers is None else customers
        names, keys = tuple(views), (key_of(customer) for customer in wanted)
        while batch := list(islice(keys, _BATCH)):
            with self._writing() as (environment, txn):
                book = environment.schemas(txn)
                dropped = book.numbers_of(names)
                for key in batch:
                    sections = unpack_row(key, packed) if (packed := txn.get(key)) else {}
                    left = without(sections, dropped)
                    if not left:
                        txn.delete(key)
                    elif len(left) < len(sections):
                        txn.put(key, pack_row(key, left))

    def compact(self) -> None:
        """Rewrite the files, so that no byte of a deleted or replaced value is left in them.

        A process that has not read since keeps the old files open until it reads, or asks for `generation`.
        """
        if getattr(self._held, "writing", None) is not None:
            raise StoreError("A group of writes cannot compact the online store. Compact it after the group.")
        with self._writing() as (environment, _):
            # While this transaction lasts, no other process writes or compacts.
            self._remove_others(environment.name)
            name = _new_name(environment.name)
            environment.copy_rows(self._folder / name)
            self._switch(name)
        self._now()
        del environment
        with self._writing() as (environment, _):
            self._remove_others(environment.name)

    def customers(self) -> Iterator[str]:
        """Yield the customer ids of the store, in the order of their bytes."""
        with self._reporting, self._now().read() as txn:
            for key in txn.cursor().iternext(keys=True, values=False):
                yield bytes(key).decode(*KEY_ENCODING)

    def close(self) -> None:
        """Release the files. A later read or write opens them anew."""
        self._environment = self._mark = None

    def destroy(self) -> None:
        """Remove the files of the project."""
        self.close()
        with self._reporting:
            shutil.rmtree(self._folder, ignore_errors=False)

    def _read(
        self, customers: Sequence[str], reader_of: Callable[[SchemaBook], Callable[[Sections], _Read]]
    ) -> list[_Read | None]:
        """Return what a reader made from the schemas returns for the sections of each customer."""
        rows: list[_Read | None] = []
        with self._reporting:
            environment = self._now()
            with environment.read() as txn:
                # Another thread may exchange the book meanwhile, for one of an older or a newer transaction.
                book = self._book
                if environment.schema_count(txn) != len(book):
                    book = self._book = environment.schemas(txn)
                get, row_of = txn.get, reader_of(book)
                for customer in customers:
                    key = customer.encode(*KEY_ENCODING)
                    packed = get(key) if 0 < len(key) <= KEY_LIMIT else None
                    rows.append(None if packed is None else row_of(unpack_row(key, packed)))
        return rows

    def _merge(self, schema: ViewSchema, changes: Changes) -> WriteCount:
        with self._writing() as (environment, txn):
            book, number = environment.number(txn, schema)
            merge = Merge(book.numbers[schema.view], number)
            for key, section in changes:
                packed = txn.get(key)
                sections = {} if packed is None else unpack_row(key, packed)
                if merge.replace(sections, section):
                    txn.put(key, pack_row(key, sections))
        self._book = book
        return merge.count

    @contextmanager
    def _writing(self) -> Iterator[tuple[Environment, Any]]:
        """Yield the current files and a transaction that writes their rows. It is committed unless the block raises."""
        held: tuple[Environment, Any] | None = getattr(self._held, "writing", None)
        if held is not None:
            yield held
            return
        with self._reporting:
            while True:
                environment = self._now()
                with environment.write() as txn:
                    # A compaction may have replaced the files while this transaction waited.
                    if environment is self._now():
                        yield environment, txn
                        return

    def _now(self) -> Environment:
        """Return the files in use, opened anew after a compaction."""
        environment = self._environment
        try:
            if environment is None or self._mark != _mark(self._current_path) or not environment.is_own:
                environment, self._mark = self._open()
                with environment.read() as txn:
                    self._book = environment.schemas(txn)
                self._environment = environment
        except OSError as error:
            raise StoreDamaged(f"{self._folder} has no readable file `current`: {error.strerror}.") from error
        return environment

    def _open(self) -> tuple[Environment, tuple[int, int]]:
        """Return the files that `current` names, and the mark by which a replacement of `current` is noticed."""
        for _ in range(100):
            mark = _mark(self._current_path)
            folder = self._folder / self._current.read_text("ascii").strip()
            if (folder / "data.mdb").exists():
                return open_environment(folder), mark
            # Another process has just finished a compaction.
            if mark == _mark(self._current_path):
                break
        raise StoreDamaged(f"{folder} is missing, but {self._current} names it. Restore the folder from a backup.")

    def _create_if_missing(self) -> None:
        if self._current.exists():
            return
        left = [path for path in self._folder.glob("*/data.mdb") if path.stat().st_size]
        if any(_has_rows(path.parent) for path in left):
            raise StoreDamaged(
                f"{self._current} is missing, but {self._folder} has rows. Restore the file from a backup, or remove "
                "the folder and materialise the features again."
            )
        self._folder.mkdir(exist_ok=True, mode=PRIVATE_FOLDER_MODE)
        name = _new_name("")
        create(self._folder / name)
        self._switch(name)

    def _switch(self, name: str) -> None:
        """Make a generation the one in use, also after a power failure."""
        _flush_entries(self._folder / name)
        replace_private(self._current, f"{name}\n")
        _flush_entries(self._folder)

    def _remove_others(self, name: str) -> None:
        for path in self._folder.iterdir():
            if path.is_dir() and path.name != name:
                shutil.rmtree(path)


def _flush_entries(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _mark(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_ino, status.st_mtime_ns


def _new_name(before: str) -> str:
    """Return a name that no generation had before, since a process may still have the files of an old one open."""
    return f"{int(before.partition('-')[0] or 0) + 1}-{secrets.token_hex(4)}"


def _has_rows(folder: Path) -> bool:
    with snapshot(folder) as (environment, txn):
        return environment.row_count(txn) > 0
