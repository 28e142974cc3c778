"""A load that is killed or cannot write has loaded all rows or none, and the next load finishes it."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from deltalake.exceptions import DeltaError

from pipelines.errors import DiskError, IngestError, RunLockError
from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.lock import run_lock
from pipelines.ingest.quarantine import Quarantine
from tests.pipelines.ingest.shop import Shop, csv_of, sale

ROWS = 3000
BROKEN = 40
LOADER = """
import sys
from pathlib import Path
from tests.pipelines.ingest.shop import Shop
shop = Shop(Path(sys.argv[1]))
print("ready", flush=True)
shop.load()
"""


def many(first: int) -> str:
    """Return a file of good and broken rows."""
    lines = [sale(first + number, "대구" if number % (ROWS // BROKEN) == 0 else "서울") for number in range(ROWS)]
    return csv_of(*lines)


@contextmanager
def loader(shop: Shop) -> Iterator[subprocess.Popen[str]]:
    """Start a load in another process and yield it when the load begins."""
    command = [sys.executable, "-c", LOADER, str(shop.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


def kill_after(shop: Shop, seconds: float) -> bool:
    """Start a load in another process and kill it; return whether it was still running."""
    with loader(shop) as process:
        time.sleep(seconds)
        was_running = process.poll() is None
        process.send_signal(signal.SIGKILL)
    return was_running


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_load_killed_at_any_moment_has_loaded_all_rows_or_none(shop: Shop) -> None:
    rng = random.Random(3)
    good = ROWS - BROKEN
    shop.land("0.csv", many(0))
    with loader(shop) as process:
        started = time.monotonic()
        process.wait()
        duration = time.monotonic() - started
    assert len(shop.ids()) == good
    kills = 0
    for number in range(1, 9):
        before, after = number * good, (number + 1) * good
        shop.land(f"{number}.csv", many(number * ROWS))
        for _ in range(2):
            kills += kill_after(shop, rng.uniform(0, duration))
            assert len(shop.ids()) in (before, after)
            assert len(shop.quarantine()) in (number * BROKEN, (number + 1) * BROKEN)
        shop.load()
        assert len(shop.ids()) == after
        assert len(shop.quarantine()) == (number + 1) * BROKEN
    assert kills >= 6
    assert len(set(shop.ids())) == len(shop.ids())


@pytest.mark.parametrize("step", ["quarantine", "commit", "after commit"])
def test_a_load_that_fails_at_a_step_is_finished_by_the_next_load(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    shop.land("a.csv", csv_of(sale(1), sale(2, "대구")))
    real_commit = BronzeTable.commit

    def fail(*arguments: object) -> None:
        if step == "after commit":
            real_commit(*arguments)  # type: ignore[arg-type]
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = (Quarantine, "add") if step == "quarantine" else (BronzeTable, "commit")
    monkeypatch.setattr(*target, fail)
    with pytest.raises(IngestError, match="Check that the disk has free space"):
        shop.load()
    monkeypatch.undo()
    assert shop.ids() == (["s1"] if step == "after commit" else [])
    shop.load()
    assert shop.ids() == ["s1"]
    assert shop.quarantine() == [(3, "store", "enum")]


def test_a_failed_load_leaves_no_files_behind(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise DeltaError("no")

    monkeypatch.setattr(BronzeTable, "commit", fail)
    shop.land("a.csv", csv_of(sale(1)))
    with pytest.raises(IngestError):
        shop.load()
    assert list((shop.folder / "lakehouse" / "bronze" / "sale").rglob("*.parquet")) == []


HOLDER = """
import sys, time
from pathlib import Path
from pipelines.ingest.lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
FILLED = """
import resource, signal, sys
from pathlib import Path
from pipelines.errors import IngestError
from tests.pipelines.ingest.shop import Shop
shop = Shop(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    shop.load()
except IngestError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [1, 2000, 20_000])
def test_a_file_size_limit_leaves_the_table_unchanged(shop: Shop, limit: int) -> None:
    shop.land("a.csv", csv_of(sale(1)))
    shop.load()
    shop.land("b.csv", many(10))
    message = subprocess.run(
        [sys.executable, "-c", FILLED, str(shop.folder), str(limit)], capture_output=True, text=True, check=False
    ).stdout
    assert message.startswith("Loading sale failed: ")
    assert "bronze/sale is unchanged." in message
    assert message.count("\n") == 1
    assert shop.ids() == ["s1"]
    assert shop.load().rows_added == ROWS - BROKEN


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_leaves_the_table_unchanged(shop: Shop, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this container may not mount")
    try:
        shop.lakehouse.root = str(disk)
        shop.land("a.csv", csv_of(sale(1)))
        shop.load()
        shop.land("b.csv", csv_of(*(sale(number) for number in range(2, 20_000))))
        with pytest.raises(IngestError, match=r"(No space left|os error 28).*\. bronze/sale is unchanged"):
            shop.load()
        assert shop.ids() == ["s1"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_an_unwritable_lakehouse_raises_an_error_that_names_the_source(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    shop.lakehouse.root = str(tmp_path / "file" / "lake")
    shop.land("a.csv", csv_of(sale(1)))
    with pytest.raises(IngestError, match="Loading sale failed"):
        shop.load()


def test_a_second_run_in_the_same_folder_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(RunLockError, match="Another run is working in"), run_lock(tmp_path):
            pass
        process.kill()
    # The operating system released the lock of the killed run.
    with run_lock(tmp_path):
        pass


def test_an_unwritable_data_folder_raises_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="Cannot write to the data folder"), run_lock(tmp_path / "file" / "x"):
        pass


def test_two_simultaneous_loads_without_the_lock_load_each_row_once(shop: Shop) -> None:
    shop.land("first.csv", csv_of(sale(1)))
    shop.load()
    shop.land("a.csv", many(10))
    with loader(shop) as one, loader(shop) as other:
        codes = [one.wait(), other.wait()]
    assert len(shop.ids()) == 1 + ROWS - BROKEN
    assert 0 in codes


@pytest.mark.parametrize("is_first", [True, False])
def test_a_load_that_commits_second_loads_nothing_twice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    if not is_first:
        shop.land("first.csv", csv_of(sale(1)))
        shop.load()
    shop.land("a.csv", csv_of(sale(2), sale(3)))
    real_commit = BronzeTable.commit

    def commit_after_another(*arguments: object) -> None:
        monkeypatch.undo()
        assert shop.load().rows_added == 2
        real_commit(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(BronzeTable, "commit", commit_after_another)
    with pytest.raises(IngestError):
        shop.load()
    assert shop.ids() == (["s2", "s3"] if is_first else ["s1", "s2", "s3"])
    files = list((shop.folder / "lakehouse" / "bronze" / "sale").glob("*.parquet"))
    assert len(files) == (1 if is_first else 2)
