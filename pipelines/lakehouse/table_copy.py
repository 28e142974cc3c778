"""Keeps private local copies of tables of an object store while a run reads them.

An engine asks an object store several times for each file, at each read. The event table of a year has 365 files and is
read by fifteen builders, so that most requests of a run repeat earlier ones. A copy fetches each file once. Only an
engine within this machine can read it.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from installation.lakehouse.lakehouse import Lakehouse
from installation.object_store.place import fetch_file, list_files
from privacy.storage.atomic_file import create_private_folder

if TYPE_CHECKING:
    import pyarrow.fs as pafs

MOST_BYTES = 256 << 20
"""A larger table is read from the object store: a builder may need few of its columns or files."""
MOST_BYTES_TOGETHER = 2 << 30
FOLDER = "table"
"""Folder of the copies, below `fetch_dir`."""
LOG_FOLDER = "_delta_log"
_READERS = 8


class TableCopies:
    """The copies of one run, below a folder that belongs to them alone.

    A copy has the log of the table as it is at the moment of the request, and every data file that the log names.
    """

    def __init__(self, lakehouse: Lakehouse, folder: Path) -> None:
        """Start without copies: those of a run that was killed are deleted."""
        self._lakehouse, self._folder, self._lock = lakehouse, folder, Lock()
        self._sizes: dict[str, int] = {}
        self.close()

    def location(self, table: str) -> str:
        """Return the folder with a copy of the newest version, or the table's own location if it is too large."""
        with self._lock:
            own = self._lakehouse.path(table)
            listed = list_files(own, self._lakehouse.storage_options)
            size = sum(one.size for one in listed.values())
            others = sum(self._sizes.values()) - self._sizes.get(table, 0)
            if not listed or size > MOST_BYTES or size + others > MOST_BYTES_TOGETHER:
                return own
            self._sizes[table] = size
            copy = self._folder / table
            self._update(copy, listed)
            return str(copy)

    def close(self) -> None:
        """Delete all copies."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._sizes.clear()

    def _update(self, copy: Path, listed: dict[str, pafs.FileInfo]) -> None:
        """Fetch what is new. Data files stay, because a query may still read them; entries of the log do not."""
        log = copy / LOG_FOLDER
        for entry in log.iterdir() if log.is_dir() else ():
            if f"{LOG_FOLDER}/{entry.name}" not in listed:
                entry.unlink()
        missing = [name for name, one in listed.items() if not _is_same(copy / name, one)]
        # The log last: a copy that was broken off is not a newer version without its files.
        missing.sort(key=lambda name: name.startswith(LOG_FOLDER))
        for folder in {(copy / name).parent for name in missing}:
            create_private_folder(folder)
        filesystem, _ = self._lakehouse.filesystem()
        with ThreadPoolExecutor(_READERS) as pool:
            for done in [pool.submit(fetch_file, filesystem, listed[name], copy / name) for name in missing]:
                done.result()


def _is_same(path: Path, info: pafs.FileInfo) -> bool:
    with suppress(FileNotFoundError):
        status = path.stat()
        return (status.st_size, status.st_mtime_ns) == (info.size, info.mtime_ns)
    return False
