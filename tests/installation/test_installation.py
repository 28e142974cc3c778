"""The secrets of an installation are made once, apart from the data; a missing or changed secret is an error."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from pathlib import Path

import pyarrow as pa
import pytest

from installation.errors import SettingsError
from installation.installation import Installation
from installation.secret_key import MADE
from installation.settings import Settings, load_settings
from privacy.audit import AuditEntry
from privacy.clock import utc_now
from privacy.errors import PrivacyError
from privacy.protection.errors import LostKeyError, RolledBackStoreError, TamperedCiphertextError, WrongKeyError
from privacy.protection.field import TableColumn
from privacy.protection.suppression import Suppressed, SuppressionError
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
    names = {path.name for path in settings.data_dir.iterdir()}
    assert names == {"token.check", "keys.check"}
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


def test_after_the_end_a_use_opens_anew_in_every_thread(settings: Settings) -> None:
    entry = AuditEntry(at=utc_now(), who="a", role="b", purpose="c", action="d", table="e")
    opened = Installation(settings)
    with ThreadPoolExecutor(1) as worker:
        for number in (1, 2, 3):
            with opened:
                assert opened.audit_log.append(entry).number == 2 * number - 1
                assert worker.submit(lambda: opened.audit_log.append(entry)).result().number == 2 * number
                first = opened.consent_store
                assert not opened.live_decisions.is_permitted("c_1", "marketing", utc_now().replace(tzinfo=None))
            with pytest.raises(sqlite3.ProgrammingError, match="closed"):
                first.sequence()
    opened.close()


def test_stores_of_threads_that_have_ended_are_closed(settings: Settings) -> None:
    def use() -> None:
        assert opened.consent_store.sequence() == (0, 0)
        opened.audit_log.append(AuditEntry(at=utc_now(), who="a", role="b", purpose="c", action="d", table="e"))

    def open_files() -> int:
        gc.collect()  # Python's connections are in a circle with their statements
        return len(list(Path("/proc/self/fd").iterdir()))

    with Installation(settings) as opened:
        before = [open_files()]
        for _ in range(20):
            with ThreadPoolExecutor(1) as worker:
                worker.submit(use).result()
            before.append(open_files())
        assert max(before[2:]) <= before[1] + 4
        assert opened.audit_log.verify() == []


def test_a_forked_process_has_connections_of_its_own(settings: Settings) -> None:
    with Installation(settings) as opened:
        mine = opened.consent_store
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            is_other = opened.consent_store is not mine and opened.consent_store.sequence() == (0, 0)
            opened.close()
            os.write(writer, b"1" if is_other else b"0")
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reader, 1) == b"1"
        assert mine.sequence() == (0, 0)
        os.close(reader)
        os.close(writer)


@pytest.mark.parametrize("name", sorted(MADE))
def test_a_lost_key_is_never_made_anew_once_it_was_used(settings: Settings, name: str) -> None:
    with Installation(settings) as opened:
        key, check = opened.open_key(name), settings.data_dir / f"{Path(name).stem}.check"
        (settings.secret_dir / name).unlink()
        with pytest.raises(SecretError, match=rf"{name}: the key is missing, and .*{check.name} was made with it"):
            opened.open_key(name)
        check.unlink()  # and where the fingerprint is lost as well, what was made shows it
        made = settings.data_dir / MADE[name][0].replace("*", "one")
        made.parent.mkdir(parents=True, exist_ok=True)
        made.touch()
        with pytest.raises(SecretError, match=made.name):
            opened.open_key(name)
        assert not (settings.secret_dir / name).exists()
        made.unlink()
        assert opened.open_key(name) != key, "without any sign, the test above would find nothing"
        check.write_text(f"{'0' * 64}\n")
        with pytest.raises(SecretError, match="not the key with which"):
            opened.open_key(name)


@pytest.mark.parametrize(
    ("is_left", "error"), [("", SecretError), ("token.key", RolledBackStoreError), ("keys.db", LostKeyError)]
)
def test_data_restored_without_their_secrets_are_refused_and_nothing_is_made_anew(
    settings: Settings, tmp_path: Path, is_left: str, error: type[PrivacyError]
) -> None:
    sealed = seal(settings)
    with Installation(settings) as opened:
        opened.suppression.add([Suppressed("value", "c_1")], "s_1")
    with Installation(settings) as opened:
        _ = opened.suppression
    secrets = settings.secret_dir.rename(tmp_path / "lost")
    settings.secret_dir.mkdir()
    left = [name for name in ("token.key", "keys.db", "keys.db.anchor") if is_left == "keys.db" or name == is_left]
    for name in left:
        shutil.copy2(secrets / name, settings.secret_dir)
    with pytest.raises(error):
        unseal(settings, sealed)
    with Installation(settings) as opened:
        if is_left == "token.key":
            with pytest.raises(SuppressionError, match=r"suppression\.db: the store is missing"):
                opened.open_suppression()
        with pytest.raises((RolledBackStoreError, LostKeyError)):
            opened.open_key_store()
    assert sorted(path.name for path in settings.secret_dir.iterdir()) == sorted(left)
    shutil.rmtree(settings.secret_dir)
    secrets.rename(settings.secret_dir)
    assert unseal(settings, sealed) == ["김하늘"]


@pytest.mark.parametrize("name", ["token.key", "audit.key", "pseudonym.key", "key_encryption.json"])
def test_a_secret_that_others_may_read_is_refused_and_named(settings: Settings, name: str) -> None:
    uses = (lambda i: i.tokenizer, lambda i: i.audit_log, lambda i: i.pseudonym_key, lambda i: i.protection)
    with Installation(settings) as opened:
        for use in uses:
            use(opened)
    (settings.secret_dir / name).chmod(0o644)
    refused = []
    with Installation(settings) as opened:
        for use in uses:
            try:
                use(opened)
            except PrivacyError as error:
                refused.append(str(error))
    assert refused
    assert all(name in message and "0600" in message for message in refused)
