"""The lock between threads, between processes, and after a holder was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from privacy.storage.lock import FileLock, LockBusyError, file_lock

HOLDER = (
    "import sys, pathlib, time; from privacy.storage.lock import file_lock\n"
    "with file_lock(pathlib.Path(sys.argv[1])):\n"
    "    print('held', flush=True); time.sleep(60)"
)


def start_holder(path: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_waiting_process_gives_up_after_its_wait_time_and_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    holder = start_holder(tmp_path / "lock")
    started = time.monotonic()
    with pytest.raises(LockBusyError), file_lock(tmp_path / "lock", wait_seconds=0.2):
        pass
    assert time.monotonic() - started >= 0.2
    with pytest.raises(LockBusyError), file_lock(tmp_path / "lock", wait_seconds=0):
        pass
    lock = FileLock(tmp_path / "lock")
    with lock.try_hold() as is_held:
        assert not is_held
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with lock.try_hold() as is_held:
        assert is_held
    with file_lock(tmp_path / "lock", wait_seconds=0):
        pass
    lock.close()


def test_threads_that_share_a_lock_exclude_each_other(tmp_path: Path) -> None:
    lock, count = FileLock(tmp_path / "lock"), 0

    def add() -> None:
        nonlocal count
        for _ in range(50):
            with lock.hold():
                before = count
                time.sleep(0)
                count = before + 1

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count == 200
    lock.close()


def test_an_error_in_the_block_frees_the_lock(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    with pytest.raises(ZeroDivisionError), lock.hold():
        _ = 1 / 0
    with pytest.raises(ZeroDivisionError), lock.try_hold():
        _ = 1 / 0
    with file_lock(tmp_path / "lock", wait_seconds=0), lock.try_hold() as is_held:
        assert not is_held
    lock.close()
