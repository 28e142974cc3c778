"""Locks a data folder, so that only one run works in it at a time."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from installation.disk_fault import is_disk_full
from pipelines.errors import DiskError, RunLockError
from privacy.storage.atomic_file import create_private_folder
from privacy.storage.lock import LockBusyError, file_lock

LOCK_FILE = ".run.lock"
PATIENCE_SECONDS = 0.5
"""How long a run waits for the lock. `is_locked` takes the lock for a moment, which must not refuse a run."""


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


def _busy(data_dir: Path) -> RunLockError:
    return RunLockError(
        f"Another run is working in {data_dir}. Wait until it ends, or choose another data folder (--data)."
    )


@contextmanager
def run_lock(data_dir: Path, wait_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Lock a data folder inside the block. The operating system releases the lock even if the process is killed.

    Args:
        data_dir: the data folder; it is created if it is missing.
        wait_seconds: how long to wait for another run to release the lock.

    Raises:
        RunLockError: another run holds the lock.
        DiskError: the folder cannot be written.

    """
    try:
        create_private_folder(data_dir)
        with ExitStack() as stack:
            stack.enter_context(file_lock(data_dir / LOCK_FILE, wait_seconds))
            lock = stack.pop_all()
    except LockBusyError as error:
        raise _busy(data_dir) from error
    except OSError as error:
        if is_disk_full(error):
            raise DiskError.from_full(data_dir) from error
        raise DiskError(
            f"Cannot write to the data folder {data_dir}: {error.strerror}. "
            "Check its permissions, or choose another data folder (--data)."
        ) from error
    with lock:
        yield
