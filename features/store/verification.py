"""Reads all rows of the embedded store in another process, before the store is used.

LMDB trusts its files: a damaged or truncated file can end the process that reads it by a signal. Such an end of the
other process is the proof of damage here.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from features.store.environment import Reporting, snapshot
from features.store.errors import StoreDamaged, StoreError
from features.store.packed_row import unpack_row

_PACKAGES = Path(__file__).parents[2]


def verify_files(folder: Path) -> None:
    """Check every row of a project's folder.

    Raises:
        StoreDamaged: the files cannot be read to the end, or a row is not what was written.
    """
    current = folder / "current"
    while True:
        name = current.read_text("ascii").strip()
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(folder / name)],
            cwd=_PACKAGES, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return
        # Unless a compaction replaced the files meanwhile.
        if name == current.read_text("ascii").strip():
            raise StoreDamaged(_describe(folder / name, done))


def walk(folder: Path) -> None:
    """Read every row of the files of a generation.

    Raises:
        StoreDamaged: a row, a schema or the order of the rows is not what was written.
    """
    with Reporting(folder), snapshot(folder) as (environment, txn):
        book, expected, found, before = environment.schemas(txn), environment.row_count(txn), 0, b""
        for view, packed in txn.cursor():
            key, found = bytes(view), found + 1
            if key <= before or found > expected:
                raise StoreDamaged(f"{folder}: the rows of the online store are not in order.")
            sections = unpack_row(key, packed)
            if not book.has_all(sections):
                raise StoreDamaged(f"{folder}: a row of the online store names an unknown schema.")
            before = key
        if found != expected:
            raise StoreDamaged(f"{folder}: the online store has {found} rows; expected {expected}.")


def _describe(folder: Path, done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        reason = f"reading it ended a process by {signal.Signals(-done.returncode).name}"
    else:
        reason = (done.stdout.strip() or done.stderr.strip().rpartition("\n")[2] or "reading it failed")[:500]
    return (
        f"The online store {folder} is damaged: {reason.rstrip('.')}. Restore the folder from a backup, or remove it "
        "and materialise the features again."
    )


if __name__ == "__main__":
    try:
        walk(Path(sys.argv[1]))
    except StoreError as error:
        print(error)
        sys.exit(1)
