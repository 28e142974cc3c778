"""A run and a load in one data folder: what excludes what."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from pipelines.errors import RunLockError
from pipelines.ingest.lock import is_locked, load_lock, run_lock


def is_loadable(folder: Path) -> bool:
    try:
        with load_lock(folder, 0.0):
            return True
    except RunLockError:
        return False


def test_a_refresh_admits_loads_and_another_run_excludes_them(tmp_path: Path) -> None:
    with run_lock(tmp_path, admits_loads=True):
        assert is_loadable(tmp_path)
    with run_lock(tmp_path):
        assert not is_loadable(tmp_path)
        with pytest.raises(RunLockError), run_lock(tmp_path, 0.0, admits_loads=True):
            pass
    assert is_loadable(tmp_path)


def test_a_run_waits_for_a_load_which_is_no_run(tmp_path: Path) -> None:
    started, ended = threading.Event(), list[str]()

    def run() -> None:
        started.set()
        with run_lock(tmp_path, 0.0):
            ended.append("run")

    with load_lock(tmp_path, 0.0):
        assert not is_locked(tmp_path)
        thread = threading.Thread(target=run)
        thread.start()
        started.wait()
        thread.join(0.3)
        ended.append("load")
    thread.join()
    assert ended == ["load", "run"]
