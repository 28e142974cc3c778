"""Columns of real values through a real store: they come back, or a distinct error says why not."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privacy.protection.errors import (
    DamagedStoreError,
    DestroyedKeyError,
    LostKeyError,
    ProtectionError,
    RolledBackStoreError,
    TamperedCiphertextError,
    WrongKeyError,
)
from privacy.protection.field import FieldCipher, Place
from privacy.protection.key_store import SqliteKeyStore
from privacy.protection.key_wrapper import FileKeyWrapper

PLACE = Place("bronze/crm_customer", "name")
VALUES = pa.array(["김하늘", "Ha-neul Kim", None, ""])
OWNERS = pa.array(["crm:1", "crm:2", None, "crm:1"])
ROWS = pa.array(["a", "b", "c", "d"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def open_store(folder: Path, key: str = "kek.json") -> SqliteKeyStore:
    return SqliteKeyStore(folder / "keys.db", FileKeyWrapper(folder / key))


@pytest.fixture
def store(folder: Path) -> Iterator[SqliteKeyStore]:
    opened = open_store(folder)
    yield opened
    opened.close()


def encrypted(store: SqliteKeyStore) -> pa.Array:
    return FieldCipher(store).encrypt(VALUES, OWNERS, ROWS, PLACE)


def test_values_come_back(store: SqliteKeyStore) -> None:
    sealed = encrypted(store)
    assert FieldCipher(store).decrypt(sealed, ROWS, PLACE).to_pylist() == VALUES.to_pylist()
    assert not any("하늘".encode() in value or b"neul" in value for value in sealed.to_pylist() if value)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
def test_any_text_comes_back(store: SqliteKeyStore, texts: list[str | None]) -> None:
    owners = pa.array([f"o{i % 3}" for i in range(len(texts))], pa.string())
    rows = pa.array(range(len(texts)), pa.int64())
    sealed = FieldCipher(store).encrypt(pa.array(texts, pa.string()), owners, rows, PLACE)
    assert FieldCipher(store).decrypt(sealed, rows, PLACE).to_pylist() == texts


def test_a_person_has_one_key_and_two_have_two(store: SqliteKeyStore) -> None:
    first, second, _, third = encrypted(store).to_pylist()
    assert first[1:17] == third[1:17] != second[1:17]
    assert store.status().data_keys == 2


def test_equal_values_have_different_ciphertexts(store: SqliteKeyStore) -> None:
    same = pa.array(["x", "x"])
    one, other = FieldCipher(store).encrypt(same, pa.array(["p", "p"]), pa.array(["1", "2"]), PLACE).to_pylist()
    assert one[29:] != other[29:]


@pytest.mark.parametrize("place", [Place("bronze/other", "name"), Place("bronze/crm_customer", "email")])
def test_a_ciphertext_moved_to_another_column_is_refused(store: SqliteKeyStore, place: Place) -> None:
    with pytest.raises(TamperedCiphertextError):
        FieldCipher(store).decrypt(encrypted(store), ROWS, place)


def test_a_ciphertext_moved_to_another_row_is_refused(store: SqliteKeyStore) -> None:
    with pytest.raises(TamperedCiphertextError, match="position 0"):
        FieldCipher(store).decrypt(encrypted(store), pa.array(["b", "a", "c", "d"]), PLACE)


def test_any_changed_byte_is_refused(store: SqliteKeyStore) -> None:
    sealed, rows = encrypted(store).to_pylist()[0], pa.array(["a"])
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises((TamperedCiphertextError, LostKeyError)) as caught:
            FieldCipher(store).decrypt(pa.array([bytes(changed)]), rows, PLACE)
        assert isinstance(caught.value, LostKeyError) == (1 <= position < 17)
    for cut in (sealed[:-1], sealed[:20], b""):
        with pytest.raises(TamperedCiphertextError):
            FieldCipher(store).decrypt(pa.array([cut], pa.binary()), rows, PLACE)


def test_a_value_without_owner_is_refused(store: SqliteKeyStore) -> None:
    with pytest.raises(ProtectionError, match="without an owner"):
        FieldCipher(store).encrypt(pa.array(["x"]), pa.array([None], pa.string()), pa.array(["1"]), PLACE)


def test_a_wrong_key_is_said(store: SqliteKeyStore, folder: Path) -> None:
    encrypted(store)
    version = store.status().current_version
    FileKeyWrapper(folder / "other.json")
    text = (folder / "other.json").read_text()
    (folder / "other.json").write_text(text.replace(FileKeyWrapper(folder / "other.json").current(), version))
    with pytest.raises(WrongKeyError):
        open_store(folder, "other.json")


def test_a_lost_key_encryption_key_is_said(store: SqliteKeyStore, folder: Path) -> None:
    encrypted(store)
    with pytest.raises(LostKeyError, match="no key-encryption key"):
        open_store(folder, "new.json")


def test_a_lost_data_key_is_said(store: SqliteKeyStore, tmp_path: Path) -> None:
    sealed = encrypted(store)
    (tmp_path / "else").mkdir()
    other = open_store(tmp_path / "else")
    with pytest.raises(LostKeyError, match="no data key"):
        FieldCipher(other).decrypt(sealed, ROWS, PLACE)
    other.close()


def test_destroying_makes_every_copy_unreadable(store: SqliteKeyStore, folder: Path) -> None:
    sealed = encrypted(store)
    wrapped = sqlite3.connect(store.path).execute("SELECT wrapped FROM data_key WHERE owner = 'crm:1'").fetchone()[0]
    assert wrapped in store.path.read_bytes()
    assert store.destroy(["crm:1", "crm:unknown"]) == 1
    assert wrapped not in store.path.read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == ["kek.json", "keys.db", "keys.db.anchor"]
    with pytest.raises(DestroyedKeyError):
        FieldCipher(store).decrypt(sealed, ROWS, PLACE)
    left = FieldCipher(store).decrypt(sealed, ROWS, PLACE, on_destroyed="null")
    assert left.to_pylist() == [None, "Ha-neul Kim", None, None]


def test_rotation_writes_no_data_anew(store: SqliteKeyStore, folder: Path) -> None:
    sealed, before = encrypted(store), store.status()
    copy = shutil.copy(store.path, folder / "copy.db")
    assert store.rotate() == 2
    after = store.status()
    assert after.current_version != before.current_version
    assert after.by_version == {after.current_version: 2}
    store.close()
    again = open_store(folder)
    assert FieldCipher(again).decrypt(sealed, ROWS, PLACE).to_pylist() == VALUES.to_pylist()
    again.close()
    with pytest.raises(LostKeyError):  # an old copy of the store is worth nothing any more
        SqliteKeyStore(Path(copy), FileKeyWrapper(folder / "kek.json"), folder / "copy.anchor")


def test_a_rotation_that_stopped_half_way_loses_nothing(store: SqliteKeyStore, folder: Path) -> None:
    sealed = encrypted(store)
    FileKeyWrapper(folder / "kek.json").add_version()
    again = open_store(folder)
    assert FieldCipher(again).decrypt(sealed, ROWS, PLACE).to_pylist() == VALUES.to_pylist()
    assert again.rotate() == 2
    assert len(FileKeyWrapper(folder / "kek.json").versions()) == 1
    assert FieldCipher(again).decrypt(sealed, ROWS, PLACE).to_pylist() == VALUES.to_pylist()
    again.close()


def test_a_rolled_back_store_is_refused(store: SqliteKeyStore, folder: Path) -> None:
    encrypted(store)
    shutil.copy(store.path, folder / "backup.db")
    store.destroy(["crm:1"])
    store.close()
    shutil.copy(folder / "backup.db", store.path)
    with pytest.raises(RolledBackStoreError, match="earlier copy"):
        open_store(folder)


def test_a_removed_store_or_anchor_is_refused(store: SqliteKeyStore, folder: Path) -> None:
    encrypted(store)
    store.close()
    store.anchor_path.rename(folder / "kept")
    with pytest.raises(RolledBackStoreError, match="missing"):
        open_store(folder)
    (folder / "kept").rename(store.anchor_path)
    store.path.unlink()
    with pytest.raises(RolledBackStoreError, match="gone"):
        open_store(folder)


def test_a_key_changed_in_the_store_is_said(store: SqliteKeyStore, folder: Path) -> None:
    sealed = encrypted(store)
    with sqlite3.connect(store.path) as db:
        db.execute("UPDATE data_key SET wrapped = zeroblob(60)")
    db.close()
    with pytest.raises(DamagedStoreError, match="was changed"):
        FieldCipher(open_store(folder)).decrypt(sealed, ROWS, PLACE)


def test_another_file_is_no_store(folder: Path) -> None:
    (folder / "keys.db").write_text("x" * 5000)
    with pytest.raises(DamagedStoreError):
        open_store(folder)


def test_a_key_destroyed_by_another_process_is_forgotten(store: SqliteKeyStore, folder: Path) -> None:
    sealed, cipher = encrypted(store), FieldCipher(store)
    other = open_store(folder)
    other.destroy(["crm:1"])
    other.close()
    with pytest.raises(DestroyedKeyError):
        cipher.decrypt(sealed, ROWS, PLACE)


def test_keys_are_for_their_owner_only(store: SqliteKeyStore, folder: Path) -> None:
    for name in ("kek.json", "keys.db", "keys.db.anchor"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    (folder / "kek.json").chmod(0o644)
    with pytest.raises(ProtectionError, match="others may read"):
        FileKeyWrapper(folder / "kek.json")


def test_rotations_among_writers_lose_no_key(store: SqliteKeyStore, folder: Path) -> None:
    code = (
        "import sys, pathlib; from privacy.protection.key_store import SqliteKeyStore as S; "
        "from privacy.protection.key_wrapper import FileKeyWrapper as W; f = pathlib.Path(sys.argv[1])\n"
        "store = S(f / 'keys.db', W(f / 'kek.json'))\n"
        "for n in range(15):\n"
        "    store.keys_of([f'{sys.argv[2]}:{n}']) if sys.argv[2] != 'rotate' else store.rotate()"
    )
    names = ("a", "b", "rotate", "rotate")
    running = [subprocess.Popen([sys.executable, "-c", code, str(folder), name]) for name in names]
    assert [process.wait() for process in running] == [0] * len(running)
    again = open_store(folder)
    assert len(again.keys_of([f"{name}:{n}" for name in "ab" for n in range(15)])) == 30
    assert again.status().data_keys == 30
    assert again.status().by_version == {again.status().current_version: 30} or again.rotate() == 30
    again.close()
