"""Exclusive locks between processes and threads, in the order of arrival where the kernel queues them."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from privacy.storage.atomic_file import PRIVATE_MODE

_LOOK_SECONDS = 0.05


class LockBusyError(Exception):
    """The lock was still in use by another process or thread when the waiting time ended."""


class FileLock:
    """An exclusive lock on a file: `flock` between processes, a mutex between the threads that share this object.

    The operating system frees the lock when the process ends, however it ends. The file stays; its content is not
    used. Not reentrant. A forked child shares the lock of its parent.
    """

    def __init__(self, path: Path) -> None:
        """Open the lock file, and create it for its owner only if there is none.

        Raises:
            OSError: the file cannot be opened.
        """
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_MODE)
        self._threads = threading.Lock()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Wait for the lock and hold it for the block."""
        with self._threads:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    @contextmanager
    def try_hold(self) -> Iterator[bool]:
        """Yield whether the lock was free, without waiting. If it was free, hold it for the block."""
        is_held = self._threads.acquire(blocking=False)
        try:
            if is_held:
                try:
                    fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self._threads.release()
                    is_held = False
            yield is_held
        finally:
            if is_held:
                fcntl.flock(self._file, fcntl.LOCK_UN)
                self._threads.release()

    def close(self) -> None:
        """Close the file, which frees the lock."""
        os.close(self._file)


@contextmanager
def file_lock(path: Path, wait_seconds: float | None = None) -> Iterator[None]:
    """Hold an exclusive lock on a file for the block, see `FileLock`.

    Args:
        path: the lock file, created if there is none.
        wait_seconds: how long to wait for another holder; None waits without end.

    Raises:
        LockBusyError: the lock was still in use after `wait_seconds`.
        OSError: the file cannot be opened.
    """
    lock = FileLock(path)
    try:
        if wait_seconds is None:
            with lock.hold():
                yield
            return
        end = time.monotonic() + wait_seconds
        while True:
            with lock.try_hold() as is_held:
                if is_held:
                    yield
                    return
            if time.monotonic() >= end:
                raise LockBusyError(f"{path}: another process uses this lock. Wait until it ends, then try again.")
            time.sleep(_LOOK_SECONDS)
    finally:
        lock.close()
