"""The key store in a real file: creation, rotation, destruction, and stores that were changed or put back."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from privacy.protection.errors import (
    DamagedStoreError,
    DestroyedKeyError,
    LostKeyError,
    ProtectionError,
    RolledBackStoreError,
    WrongKeyError,
)
from privacy.protection.field import FieldCipher
from privacy.protection.key_store import WrappedKeyStore
from privacy.protection.key_wrapper import FileKeyWrapper
from tests.privacy.protection.crm_name import PLACE, ROWS, VALUES, encrypted, open_store


def test_another_key_encryption_key_is_refused_as_wrong(store: WrappedKeyStore, folder: Path) -> None:
    encrypted(store)
    version = store.status().current_version
    FileKeyWrapper(folder / "other.json")
    text = (folder / "other.json").read_text()
    (folder / "other.json").write_text(text.replace(FileKeyWrapper(folder / "other.json").current(), version))
    with pytest.raises(WrongKeyError):
        open_store(folder, "other.json")


def test_a_missing_key_encryption_key_is_refused_as_lost(store: WrappedKeyStore, folder: Path) -> None:
    encrypted(store)
    with pytest.raises(LostKeyError, match="no key-encryption key"):
        open_store(folder, "new.json")


def test_a_data_key_of_another_store_is_refused_as_lost(store: WrappedKeyStore, tmp_path: Path) -> None:
    sealed = encrypted(store)
    (tmp_path / "else").mkdir()
    other = open_store(tmp_path / "else")
    with pytest.raises(LostKeyError, match="no data key"):
        FieldCipher(other).decrypt(sealed, ROWS, PLACE)
    other.close()


def test_destroying_makes_every_copy_unreadable(store: WrappedKeyStore, folder: Path) -> None:
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


def test_after_a_rotation_data_is_readable_and_older_copies_of_the_store_are_not(
    store: WrappedKeyStore, folder: Path
) -> None:
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
        WrappedKeyStore(Path(copy), FileKeyWrapper(folder / "kek.json"), folder / "copy.anchor")


def test_an_interrupted_rotation_loses_no_key(store: WrappedKeyStore, folder: Path) -> None:
    sealed = encrypted(store)
    FileKeyWrapper(folder / "kek.json").add_version()
    again = open_store(folder)
    assert FieldCipher(again).decrypt(sealed, ROWS, PLACE).to_pylist() == VALUES.to_pylist()
    assert again.rotate() == 2
    assert len(FileKeyWrapper(folder / "kek.json").versions()) == 1
    assert FieldCipher(again).decrypt(sealed, ROWS, PLACE).to_pylist() == VALUES.to_pylist()
    again.close()


def test_a_rolled_back_store_is_refused(store: WrappedKeyStore, folder: Path) -> None:
    encrypted(store)
    shutil.copy(store.path, folder / "backup.db")
    store.destroy(["crm:1"])
    store.close()
    shutil.copy(folder / "backup.db", store.path)
    with pytest.raises(RolledBackStoreError, match="older copy"):
        open_store(folder)


def test_a_removed_store_or_anchor_is_refused(store: WrappedKeyStore, folder: Path) -> None:
    encrypted(store)
    store.close()
    store.anchor_path.rename(folder / "kept")
    with pytest.raises(RolledBackStoreError, match="missing"):
        open_store(folder)
    (folder / "kept").rename(store.anchor_path)
    store.path.unlink()
    with pytest.raises(RolledBackStoreError, match="key store is missing"):
        open_store(folder)


def test_a_changed_data_key_is_refused_as_damaged(store: WrappedKeyStore, folder: Path) -> None:
    sealed = encrypted(store)
    with sqlite3.connect(store.path) as db:
        db.execute("UPDATE data_key SET wrapped = zeroblob(60)")
    db.close()
    with pytest.raises(DamagedStoreError, match="was changed"):
        FieldCipher(open_store(folder)).decrypt(sealed, ROWS, PLACE)


def test_another_file_is_refused_as_a_key_store(folder: Path) -> None:
    (folder / "keys.db").write_text("x" * 5000)
    with pytest.raises(DamagedStoreError):
        open_store(folder)


def test_a_key_destroyed_by_another_process_is_forgotten(store: WrappedKeyStore, folder: Path) -> None:
    sealed, cipher = encrypted(store), FieldCipher(store)
    other = open_store(folder)
    other.destroy(["crm:1"])
    other.close()
    with pytest.raises(DestroyedKeyError):
        cipher.decrypt(sealed, ROWS, PLACE)


def test_key_files_are_readable_by_their_owner_only(store: WrappedKeyStore, folder: Path) -> None:
    for name in ("kek.json", "keys.db", "keys.db.anchor"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    (folder / "kek.json").chmod(0o644)
    with pytest.raises(ProtectionError, match="others may read"):
        FileKeyWrapper(folder / "kek.json")


def test_rotations_among_writers_lose_no_key(store: WrappedKeyStore, folder: Path) -> None:
    code = (
        "import sys, pathlib; from privacy.protection.key_store import WrappedKeyStore as S; "
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


def test_each_owner_keeps_one_key_of_its_own(store: WrappedKeyStore, folder: Path) -> None:
    made = store.keys_of(["crm:1", "crm:2", "crm:1"])
    assert made.keys() == {"crm:1", "crm:2"}
    assert len({key.secret for key in made.values()} | {key.key_id for key in made.values()}) == 4
    again = open_store(folder)
    assert again.keys_of(["crm:2", "crm:1"]) == made
    assert again.key(made["crm:1"].key_id) == made["crm:1"].secret
    assert again.keys([key.key_id for key in made.values()] + [bytes(16)]) == {
        key.key_id: key.secret for key in made.values()
    }
    again.close()


def test_a_key_is_never_shown_by_its_repr(store: WrappedKeyStore) -> None:
    key = store.keys_of(["crm:1"])["crm:1"]
    assert key.secret.hex() not in repr(key)
    assert key.key_id.hex() in repr(key)


def test_only_wrapped_keys_are_in_the_file(store: WrappedKeyStore, folder: Path) -> None:
    secret = store.keys_of(["crm:1"])["crm:1"].secret
    files = b"".join(path.read_bytes() for path in folder.iterdir())
    assert secret not in files
    assert secret.hex().encode() not in files


def test_a_destroyed_key_stays_destroyed_and_its_owner_gets_another(store: WrappedKeyStore) -> None:
    first = store.keys_of(["crm:1", "crm:2"])
    assert store.destroy(["crm:1"]) == 1
    assert store.destroy(["crm:1"]) == 0
    with pytest.raises(DestroyedKeyError, match="was destroyed"):
        store.key(first["crm:1"].key_id)
    with pytest.raises(LostKeyError, match="no data key"):
        store.key(bytes(16))
    assert store.keys([key.key_id for key in first.values()]) == {first["crm:2"].key_id: first["crm:2"].secret}
    second = store.keys_of(["crm:1"])["crm:1"]
    assert second.key_id != first["crm:1"].key_id
    status = store.status()
    assert (status.data_keys, status.destroyed, status.generation) == (2, 1, 4)


def test_a_crash_before_the_anchor_moved_is_mended_by_the_next_opening(store: WrappedKeyStore, folder: Path) -> None:
    store.keys_of(["crm:1"])
    before = store.anchor_path.read_bytes()
    store.destroy(["crm:1"])
    after = shutil.copy(store.path, folder / "after.db")
    store.close()
    store.anchor_path.write_bytes(before)
    open_store(folder).close()
    assert store.anchor_path.read_bytes() != before
    # The anchor is at the newest generation again, so the copy without the destruction is refused.
    with sqlite3.connect(store.path) as database:
        database.execute("UPDATE store SET generation = generation - 1")
    database.close()
    with pytest.raises(RolledBackStoreError, match="older copy"):
        open_store(folder)
    shutil.copy(after, store.path)
    open_store(folder).close()


def test_an_interrupted_write_of_the_anchor_is_mended_but_does_not_hide_a_rollback(
    store: WrappedKeyStore, folder: Path
) -> None:
    store.keys_of(["crm:1"])
    backup = shutil.copy(store.path, folder / "backup.db")
    store.destroy(["crm:1"])
    after = shutil.copy(store.path, folder / "after.db")
    store.close()
    content = bytearray(store.anchor_path.read_bytes())
    newest = content.index(b"%020d" % 2)
    content[newest + 30 : newest + 40] = bytes(10)
    store.anchor_path.write_bytes(content)
    shutil.copy(backup, store.path)
    with pytest.raises(RolledBackStoreError, match="spoiled"):
        open_store(folder)
    shutil.copy(after, store.path)
    open_store(folder).close()


def test_the_anchor_of_another_store_is_refused(store: WrappedKeyStore, folder: Path, tmp_path: Path) -> None:
    store.keys_of(["crm:1"])
    store.close()
    (tmp_path / "else").mkdir()
    open_store(tmp_path / "else").close()
    shutil.copy(tmp_path / "else" / "keys.db.anchor", store.anchor_path)
    with pytest.raises(RolledBackStoreError, match="belongs to another key store"):
        open_store(folder)
    store.anchor_path.write_text("x")
    with pytest.raises(DamagedStoreError, match="not an anchor"):
        open_store(folder)


def put_back_row(store: WrappedKeyStore, row: tuple[object, ...], _: bytes) -> None:
    """Restores one row of an older copy, in which the key was not destroyed."""
    db = sqlite3.connect(store.path)
    db.execute("UPDATE data_key SET wrapped = ?, owner = ? WHERE key_id = ?", (row[3], row[1], row[0]))
    db.commit()
    db.close()


def put_back_copy(store: WrappedKeyStore, row: tuple[object, ...], older: bytes) -> None:
    """Restores an older copy of the whole store, with the generation raised to the anchor's."""
    generation = store.status().generation
    store.path.write_bytes(older)
    db = sqlite3.connect(store.path)
    db.execute("UPDATE store SET generation = ?", (generation,))
    db.commit()
    db.close()


@pytest.mark.parametrize("put_back", [put_back_row, put_back_copy])
def test_a_destroyed_key_that_was_put_back_decrypts_nothing(
    store: WrappedKeyStore, folder: Path, monkeypatch: pytest.MonkeyPatch, put_back: Callable[..., None]
) -> None:
    sealed = encrypted(store)
    row = sqlite3.connect(store.path).execute("SELECT * FROM data_key WHERE owner = 'crm:1'").fetchone()
    older = store.path.read_bytes()
    store.destroy(["crm:1"])
    put_back(store, row, older)
    with pytest.raises(RolledBackStoreError, match="a destroyed key may have been put back"):
        open_store(folder)
    # A process that had the store open decrypts nothing either; it may still see the file as it was before.
    with pytest.raises((RolledBackStoreError, DestroyedKeyError)):
        store.key(row[0])
    # Without the proof the destroyed value would be read: the attack is real.
    monkeypatch.setattr(WrappedKeyStore, "_require_proof", lambda _: None)
    deceived = open_store(folder)
    assert FieldCipher(deceived).decrypt(sealed, ROWS, PLACE).to_pylist() == VALUES.to_pylist()
    deceived.close()
