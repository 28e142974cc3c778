"""The embedded store under kills, damage, forks, compactions beside readers, and old copies of its files."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmdb
import pytest

from features.store import environment, packed_row
from features.store.errors import StoreDamaged, StoreError, StoreUnavailable
from features.store.lmdb_store import LmdbStore
from features.store.online_store import ValueKind, ViewSchema

SCHEMA = ViewSchema("load", (("number", ValueKind.INT64), ("text", ValueKind.STRING)))
CUSTOMERS = [f"c_{number:05}" for number in range(3000)]
ROOT = Path(__file__).parents[3]


def values_of(number: int) -> list[Any]:
    """Return the values of a customer."""
    return [number, f"text {number} " * 8]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of 3,000 customers, for copies."""
    folder = tmp_path_factory.mktemp("store")
    store = LmdbStore(folder, "shop")
    rows = [values_of(number) for number in range(len(CUSTOMERS))]
    store.write(SCHEMA, CUSTOMERS, [1] * len(rows), rows)
    store.close()
    return folder


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return Path(shutil.copytree(written, tmp_path / "copy"))


def data_of(folder: Path) -> Path:
    """Return the file with the rows."""
    return next(folder.glob("shop/*/data.mdb"))


def killed(place: str, kills: int, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the program that kills writers."""
    command = [sys.executable, "-m", "tests.features.store.killed_writer", place, str(kills), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_writer_killed_at_100_moments_leaves_the_old_or_the_new_row(tmp_path: Path) -> None:
    done = killed(str(tmp_path), 100)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[2]) > 20, "the writers wrote too little to be killed while they wrote"


def test_the_kills_find_a_writer_that_deletes_before_it_writes(tmp_path: Path) -> None:
    done = killed(str(tmp_path), 100, "--torn")
    assert "has no row" in done.stderr


def test_a_killed_writer_of_redis_leaves_the_old_or_the_new_row(redis: tuple[str, Path]) -> None:
    done = killed(redis[0], 20)
    assert done.returncode == 0, done.stderr[-2000:]


def _flip(rng: random.Random) -> Callable[[bytearray], None]:
    def change(content: bytearray) -> None:
        for _ in range(400):
            content[rng.randrange(8192, len(content))] ^= 1 << rng.randrange(8)

    return change


DAMAGES: dict[str, Callable[[bytearray], Any]] = {
    "random bits": _flip(random.Random(1)),
    "other random bits": _flip(random.Random(2)),
    "first half only": lambda content: content.__delitem__(slice(len(content) // 2, None)),
    "a page of zeros": lambda content: content.__setitem__(slice(40960, 45056), bytes(4096)),
    "pages exchanged": lambda content: content.__setitem__(
        slice(40960, 49152), content[45056:49152] + content[40960:45056]
    ),
    "no header": lambda content: content.__setitem__(slice(0, 8192), bytes(8192)),
    "another file": lambda content: content.__setitem__(slice(None), b"customer_id,total\n" * 500),
    "empty": lambda content: content.clear(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_at_the_opening(copy: Path, damage: str) -> None:
    path = data_of(copy)
    content = bytearray(path.read_bytes())
    DAMAGES[damage](content)
    path.write_bytes(content)
    with pytest.raises(StoreDamaged, match=r"Restore the .*folder from a backup, or remove it"):
        LmdbStore(copy, "shop")


def test_a_row_under_the_key_of_another_customer_is_refused(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lmdb.open(str(data_of(copy).parent), max_dbs=2) as files:
        rows = files.open_db(b"row")
        with files.begin(db=rows, write=True) as txn:
            txn.put(b"c_00001", txn.get(b"c_00002"))
    with pytest.raises(StoreDamaged):
        LmdbStore(copy, "shop")
    store = LmdbStore(copy, "shop", verify=False)
    with pytest.raises(StoreDamaged, match="not what was written for its customer"):
        store.read(["c_00001"])
    assert [row["load"].values for row in store.read(["c_00002"]) if row] == [values_of(2)]
    # Negative control: without the checksum of the key, the other customer's values would be returned.
    checked = int.from_bytes(_packed(copy, b"c_00001")[:4], "big")
    monkeypatch.setattr(packed_row, "crc32", lambda *_: checked)
    assert [row["load"].values for row in store.read(["c_00001"]) if row] == [values_of(2)]


def _packed(folder: Path, key: bytes) -> bytes:
    with environment.snapshot(next((folder / "shop").glob("*/data.mdb")).parent) as (_, txn):
        return bytes(txn.get(key))


@pytest.mark.parametrize("lost", ["current", "1-*"])
def test_a_store_with_lost_files_is_refused_and_not_begun_anew(copy: Path, lost: str) -> None:
    path = next((copy / "shop").glob(lost))
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(StoreDamaged, match=r"missing|No such file"):
        LmdbStore(copy, "shop")


def test_a_file_that_other_users_may_not_read(copy: Path, tmp_path: Path) -> None:
    LmdbStore(tmp_path / "new", "shop")
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "new").rglob("*")} == {0}


def test_a_reader_in_another_process_sees_writes_and_compactions_at_once(copy: Path) -> None:
    asked, answered = os.pipe(), os.pipe()
    reader = os.fork()
    if reader == 0:
        os.close(asked[1])
        other = LmdbStore(copy, "shop", verify=False)
        while os.read(asked[0], 1):
            (row,) = other.read(["c_00007"])
            os.write(answered[1], (row["load"].event_time_us if row else 0).to_bytes(8, "big"))
        os._exit(0)
    store = LmdbStore(copy, "shop", verify=False)
    os.close(asked[0])
    os.close(answered[1])
    try:
        for number in range(1, 30):
            store.write(SCHEMA, ["c_00007"], [number], [[number, ""]])
            if number % 3 == 0:
                store.compact()
            if number % 10 == 0:
                store.delete(["c_00007"])
            os.write(asked[1], b"?")
            assert int.from_bytes(os.read(answered[0], 8), "big") == (0 if number % 10 == 0 else number)
    finally:
        os.close(asked[1])
        os.close(answered[0])
        os.waitpid(reader, 0)


def test_a_forked_process_must_open_the_store_itself(copy: Path) -> None:
    store = LmdbStore(copy, "shop", verify=False)
    child = os.fork()
    if child == 0:
        try:
            store.read(["c_00007"])
        except StoreUnavailable as error:
            os._exit(7 if "Open it after the fork" in str(error) else 1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert store.read(["c_00007"]) != [None]


def test_a_group_that_fails_leaves_nothing_and_the_next_write_counts(copy: Path) -> None:
    store, other = (LmdbStore(copy, "shop", verify=False) for _ in range(2))
    new = ViewSchema("new", (("x", ValueKind.INT64),))
    with pytest.raises(StoreError, match="after the group"), store.grouped():
        _write_and_compact(store, new)
    other.write(ViewSchema("other", (("y", ValueKind.STRING),)), ["c_00001"], [1], [["a"]])
    row = store.read(["c_00001"])[0]
    assert row is not None
    assert {name: view.values for name, view in row.items()} == {"load": values_of(1), "other": ["a"]}


def _write_and_compact(store: LmdbStore, schema: ViewSchema) -> None:
    store.write(schema, ["c_00001"], [1], [[1]])
    store.compact()


def test_compaction_removes_what_an_interrupted_one_left(copy: Path) -> None:
    left = copy / "shop" / "2-00000000"
    shutil.copytree(data_of(copy).parent, left)
    store = LmdbStore(copy, "shop", verify=False)
    store.compact()
    assert not left.exists()
    assert len(list((copy / "shop").glob("*/data.mdb"))) == 1
    assert len(list(store.customers())) == len(CUSTOMERS)
