"""Locks a data folder: one run works in it at a time, and one load.

A load of collected events takes a second, and comes every second. It holds a lock of its own, so that it refuses no
run. A run holds both, but a refresh only while it loads itself: it reads the tables as they were then.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from installation.disk_fault import is_disk_full
from pipelines.errors import DiskError, RunLockError
from privacy.storage.atomic_file import create_private_folder
from privacy.storage.lock import LockBusyError, file_lock

LOCK_FILE = ".run.lock"
LOAD_LOCK_FILE = ".load.lock"
PATIENCE_SECONDS = 0.5
"""How long a run waits for the lock. `is_locked` takes the lock for a moment, which must not refuse a run."""
LOAD_PATIENCE_SECONDS = 600.0
"""How long a run waits for a load: that of a topic's first messages takes minutes."""


def is_locked(data_dir: Path) -> bool:
    """Return whether a run works in the data folder. Creates nothing."""
    path = data_dir / LOCK_FILE
    if not path.exists():
        return False
    try:
        with file_lock(path, wait_seconds=0.0):
            return False
    except LockBusyError:
        return True


@contextmanager
def run_lock(data_dir: Path, wait_seconds: float = PATIENCE_SECONDS, *, admits_loads: bool = False) -> Iterator[None]:
    """Lock a data folder inside the block. The operating system releases the lock even if the process is killed.

    Args:
        data_dir: the data folder; it is created if it is missing.
        wait_seconds: how long to wait for another run to release the lock.
        admits_loads: whether loads may go on meanwhile; a run that loads takes `load_lock` for it.

    Raises:
        RunLockError: another run holds the lock, or a load does not end.
        DiskError: the folder cannot be written.

    """
    with _lock(data_dir, LOCK_FILE, wait_seconds, f"Another run is working in {data_dir}."):
        if admits_loads:
            yield
        else:
            with load_lock(data_dir, LOAD_PATIENCE_SECONDS):
                yield


@contextmanager
def load_lock(data_dir: Path, wait_seconds: float) -> Iterator[None]:
    """Exclude other loads from a data folder inside the block, and what must not run beside one; see `run_lock`."""
    with _lock(data_dir, LOAD_LOCK_FILE, wait_seconds, f"A load is working in {data_dir}."):
        yield


@contextmanager
def _lock(data_dir: Path, name: str, wait_seconds: float, reason: str) -> Iterator[None]:
    try:
        create_private_folder(data_dir)
        with ExitStack() as stack:
            stack.enter_context(file_lock(data_dir / name, wait_seconds))
            lock = stack.pop_all()
    except LockBusyError as error:
        raise RunLockError(f"{reason} Wait until it ends, or choose another data folder (--data).") from error
    except OSError as error:
        if is_disk_full(error):
            raise DiskError.from_full(data_dir) from error
        raise DiskError(
            f"Cannot write to the data folder {data_dir}: {error.strerror}. "
            "Check its permissions, or choose another data folder (--data)."
        ) from error
    with lock:
        yield
