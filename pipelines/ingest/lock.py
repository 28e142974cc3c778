"""One run at a time in a data folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.errors import RunLockError

LOCK_FILE = ".run.lock"


@contextmanager
def run_lock(data_dir: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the data folder for one run; the operating system frees it however the process ends.

    Raises:
        RunLockError: another run holds it, or the folder cannot be written.

    """
    lock_file = data_dir / LOCK_FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(lock_file)
        lock.acquire(timeout=wait_seconds)
    except Timeout as error:
        raise RunLockError(
            f"Another run works in {data_dir}: wait until it ends, or give this one another data_dir."
        ) from error
    except OSError as error:
        raise RunLockError(f"Cannot write to the data folder {data_dir}: {error.strerror}.") from error
    try:
        yield
    finally:
        lock.release()
