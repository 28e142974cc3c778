"""The files of an append log: an open segment that one process writes, and sealed segments that the pipelines load.

    .open-<time>-<id>.jsonl  →  segment-<time>-<id>.jsonl

The name of an open segment begins with a dot, so no load takes it. Its writer holds a lock on it. If the writer was
killed, `seal_orphans` cuts off a line that is not whole, which was never acknowledged, and seals the segment.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from pathlib import Path

from privacy.storage.atomic_file import PRIVATE_MODE, create_private_folder

OPEN, SEALED = ".open-", "segment-"
SUFFIX = ".jsonl"
_CHUNK = 1 << 16


class Segment:
    """An open segment. Use it from one thread."""

    def __init__(self, folder: Path) -> None:
        """Create an empty segment; its name is on the disk when this returns.

        Raises:
            OSError: the folder cannot be written.
        """
        create_private_folder(folder)
        self.size = 0
        self.opened_at = time.monotonic()
        while True:
            self.path = folder / f"{OPEN}{time.time_ns():020d}-{secrets.token_hex(4)}{SUFFIX}"
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX)
                # Another process may have taken the empty file for an orphan before it was locked.
                if _is_same(self.path, self._file):
                    sync_folder(folder)
                    return
            except OSError:
                # Without a name on the disk it is no segment; `seal_orphans` removes it.
                os.close(self._file)
                raise
            os.close(self._file)

    def append(self, data: bytes) -> None:
        """Write whole lines at the end. They are on the disk when this returns.

        Raises:
            OSError: they are not. The segment ends where it ended before, or can only be sealed.
        """
        try:
            done = 0
            while done < len(data):
                done += os.pwrite(self._file, data[done:], self.size + done)
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.size += len(data)

    def seal(self) -> Path | None:
        """Close the segment and rename it, so that it can be loaded. Returns its path; None if it has no line.

        Raises:
            OSError: it is closed but not renamed; `seal_orphans` does that.
        """
        return _seal(self.path, self._file, self.size)


def seal_orphans(folder: Path) -> list[Path]:
    """Seal the segments whose writers have ended without sealing them; return the paths."""
    sealed = []
    for path in sorted(folder.glob(f"{OPEN}*{SUFFIX}")):
        try:
            file = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            continue
        if not _is_same(path, file):
            os.close(file)
            continue
        if (done := _seal(path, file, _whole_lines(file))) is not None:
            sealed.append(done)
    return sealed


def sealed_segments(folder: Path) -> list[Path]:
    """Return the sealed segments of a folder, the oldest first."""
    return sorted(folder.glob(f"{SEALED}*{SUFFIX}"))


def open_segments(folder: Path) -> list[Path]:
    """Return the segments of a folder that are being written, the oldest first."""
    return sorted(folder.glob(f"{OPEN}*{SUFFIX}"))


def sync_folder(folder: Path) -> None:
    """Write the names of a folder's files to the disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _seal(path: Path, file: int, size: int) -> Path | None:
    """Cut a locked segment to its acknowledged size, rename it or delete it if it is empty, and close it."""
    try:
        os.ftruncate(file, size)
        if size == 0:
            path.unlink()
            return None
        os.fsync(file)
        sealed = path.with_name(path.name.replace(OPEN, SEALED, 1))
        path.rename(sealed)
        sync_folder(path.parent)
        return sealed
    finally:
        os.close(file)


def _is_same(path: Path, file: int) -> bool:
    """Return whether the path still names the opened file."""
    try:
        return path.stat().st_ino == os.fstat(file).st_ino
    except FileNotFoundError:
        return False


def _whole_lines(file: int) -> int:
    """Return the length in bytes up to the last line end."""
    end = os.fstat(file).st_size
    while end:
        start = max(0, end - _CHUNK)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
