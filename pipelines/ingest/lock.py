"""One run at a time in a data folder."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipelines.errors import RunLockError
from privacy.storage.lock import LockBusyError, file_lock

LOCK_FILE = ".run.lock"


@contextmanager
def run_lock(data_dir: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the data folder for one run; the operating system frees it however the process ends.

    Raises:
        RunLockError: another run holds it, or the folder cannot be written.

    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            stack.enter_context(file_lock(data_dir / LOCK_FILE, wait_seconds))
            lock = stack.pop_all()
    except LockBusyError as error:
        raise RunLockError(
            f"Another run works in {data_dir}: wait until it ends, or give this one another data_dir."
        ) from error
    except OSError as error:
        raise RunLockError(f"Cannot write to the data folder {data_dir}: {error.strerror}.") from error
    with lock:
        yield
