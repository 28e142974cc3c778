"""The secrets of an installation are made once, apart from the data; a missing or changed secret is an error."""

from __future__ import annotations

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from pathlib import Path

import pyarrow as pa
import pytest

from installation.errors import SettingsError
from installation.installation import Installation
from installation.settings import Settings, load_settings
from privacy.errors import PrivacyError
from privacy.protection.errors import LostKeyError, RolledBackStoreError, TamperedCiphertextError, WrongKeyError
from privacy.protection.field import TableColumn
from privacy.storage.secret_file import SecretError

PLACE = TableColumn("bronze/crm_customer", "name")
VALUES, OWNERS, ROWS = pa.array(["김하늘"]), pa.array(["crm:1"]), pa.array(["a"])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data", secret_dir=tmp_path / "elsewhere")


def seal(settings: Settings) -> pa.Array:
    with Installation(settings) as opened:
        return opened.protection.cipher.encrypt(VALUES, OWNERS, ROWS, PLACE)


def unseal(settings: Settings, sealed: pa.Array) -> list[str]:
    with Installation(settings) as opened:
        return opened.protection.cipher.decrypt(sealed, ROWS, PLACE).to_pylist()


def test_secrets_are_stored_apart_from_the_data_and_are_private(settings: Settings) -> None:
    assert unseal(settings, seal(settings)) == ["김하늘"]
    assert [path.name for path in settings.data_dir.iterdir()] == ["token.check"]
    names = {path.name for path in settings.secret_dir.iterdir()}
    assert {"token.key", "keys.db", "keys.db.anchor", "key_encryption.json"} <= names
    assert {oct(path.stat().st_mode & 0o777) for path in settings.secret_dir.glob("*[!k]") if path.is_file()} == {
        "0o600"
    }


def test_the_data_folder_does_not_contain_the_token_secret(settings: Settings) -> None:
    seal(settings)
    assert (settings.data_dir / "token.check").read_text().strip() not in settings.token_key_file.read_text()


def test_each_missing_old_or_foreign_secret_raises_its_own_error(settings: Settings, tmp_path: Path) -> None:
    sealed = seal(settings)
    before = tmp_path / "before"
    shutil.copytree(settings.secret_dir, before)
    with Installation(settings) as opened:
        opened.protection.cipher.destroy(["crm:1"])
    after = tmp_path / "after"
    shutil.copytree(settings.secret_dir, after)
    other = load_settings(data_dir=tmp_path / "other")
    seal(other)
    tampered = pa.array([sealed[0].as_py()[:-1] + b"\0"])
    cases: list[tuple[str, Path, type[PrivacyError]]] = [
        ("key_encryption.json", other.secret_dir, LostKeyError),
        ("keys.db", before, RolledBackStoreError),
        ("keys.db", Path("/nowhere"), RolledBackStoreError),
        ("keys.db.anchor", other.secret_dir, RolledBackStoreError),
        ("token.key", other.secret_dir, SecretError),
        ("token.key", Path("/nowhere"), SecretError),
    ]
    for name, source, expected in cases:
        shutil.rmtree(settings.secret_dir)
        shutil.copytree(after, settings.secret_dir)
        (settings.secret_dir / name).unlink()
        if (source / name).exists():
            shutil.copy2(source / name, settings.secret_dir / name)
        with pytest.raises(expected):
            unseal(settings, sealed)
    shutil.rmtree(settings.secret_dir)
    shutil.copytree(before, settings.secret_dir)
    with pytest.raises(TamperedCiphertextError):
        unseal(settings, tampered)
    assert unseal(settings, sealed) == ["김하늘"]


def test_another_key_encryption_key_under_the_same_name_is_refused(settings: Settings) -> None:
    sealed = seal(settings)
    path = settings.secret_dir / "key_encryption.json"
    text = path.read_text()
    key = text.split('"keys"')[1].split('": "')[1][:64]
    path.write_text(text.replace(key, "00" * 32))
    with pytest.raises(WrongKeyError):
        unseal(settings, sealed)


def test_a_hardware_module_without_its_pin_file_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="hsm_pin_file"):
        seal(settings.model_copy(update={"hsm_module": tmp_path / "module.so"}))
    with pytest.raises(SettingsError, match="cannot be read"):
        seal(settings.model_copy(update={"hsm_module": tmp_path / "m.so", "hsm_pin_file": tmp_path / "pin"}))


def test_each_thread_has_its_own_connection_and_the_end_closes_all(settings: Settings) -> None:
    with Installation(settings) as opened:
        mine = opened.consent_store
        assert opened.consent_store is mine
        with ThreadPoolExecutor(1) as worker:
            theirs = worker.submit(lambda: opened.consent_store).result()
        assert theirs is not mine
        assert (mine.sequence(), theirs.sequence()) == ((0, 0), (0, 0))
    for store in (mine, theirs):
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            store.sequence()


def test_nothing_is_opened_before_it_is_used(settings: Settings) -> None:
    with Installation(settings):
        pass
    assert not settings.data_dir.exists()
    assert not settings.secret_dir.exists()


def test_the_installation_is_frozen(settings: Settings) -> None:
    with Installation(settings) as opened, pytest.raises(FrozenInstanceError):
        opened.settings = settings  # type: ignore[misc]
