"""API keys: only hashes are stored, and a key works until it is revoked or expires."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent_serving.authentication.api_key import ApiKeyStore
from agent_serving.authentication.authenticator import Authenticator
from agent_serving.errors import ApiKeyError, AuthenticationFailed, ProviderUnavailable
from tests.store_place import StorePlace

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PURPOSES = frozenset({"personalisation"})


class Clock:
    """A clock that a test sets."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(store_place: StorePlace, clock: Clock) -> Iterator[ApiKeyStore]:
    """A store on each engine."""
    opened = ApiKeyStore(store_place.of("api_key.db"), clock)
    yield opened
    opened.close()


@pytest.fixture
def file_store(tmp_path: Path, clock: Clock) -> Iterator[ApiKeyStore]:
    opened = ApiKeyStore(tmp_path / "serving" / "api_key.db", clock)
    yield opened
    opened.close()


def test_a_key_gives_its_name_role_and_purposes(store: ApiKeyStore) -> None:
    made, key = store.create("web shop", "agent", PURPOSES)
    identity = store.authenticate(key)
    assert identity.key == f"api_key:{made.id}"
    assert (identity.caller.name, identity.caller.role) == ("web shop", "agent")
    assert (identity.caller.purposes, identity.caller.identity) == (PURPOSES, "authenticated")


def test_the_file_is_private_and_does_not_contain_a_secret(file_store: ApiKeyStore, tmp_path: Path) -> None:
    made, key = file_store.create("web shop", "agent", PURPOSES)
    secret = key.removeprefix(f"bjg_{made.id}_")
    assert len(secret) == 43
    file_store.close()
    folder = tmp_path / "serving"
    assert folder.stat().st_mode & 0o777 == 0o700
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o077 == 0
        assert secret.encode() not in file.read_bytes()


@pytest.mark.parametrize("change", ["secret", "id", "short", "other", "empty"])
def test_a_key_that_was_not_made_here_is_refused_in_one_way(store: ApiKeyStore, change: str) -> None:
    _, key = store.create("web shop", "agent", PURPOSES)
    wrong = {
        "secret": key[:-1] + ("A" if key[-1] != "A" else "B"), "id": key.replace(key[4:16], "0" * 12),
        "short": key[:-1],
        "other": "bjg_'; DROP TABLE api_key; --", "empty": "bjg_",
    }[change]  # fmt: skip
    with pytest.raises(AuthenticationFailed, match=r"is not valid") as refusal:
        store.authenticate(wrong)
    assert refusal.value.code == "invalid_key"


def test_a_revoked_key_is_refused_at_once_by_another_connection(
    store: ApiKeyStore, clock: Clock, store_place: StorePlace
) -> None:
    made, key = store.create("web shop", "agent", PURPOSES)
    other = ApiKeyStore(store_place.of("api_key.db"), clock)
    assert other.authenticate(key)
    store.revoke(made.id)
    with pytest.raises(AuthenticationFailed) as refusal:
        other.authenticate(key)
    other.close()
    assert refusal.value.code == "revoked_key"


def test_a_key_works_until_the_moment_it_expires(store: ApiKeyStore, clock: Clock) -> None:
    _, key = store.create("trial", "agent", PURPOSES, NOW + timedelta(days=7))
    clock.now = NOW + timedelta(days=7) - timedelta(seconds=1)
    assert store.authenticate(key)
    clock.now = NOW + timedelta(days=7)
    with pytest.raises(AuthenticationFailed) as refusal:
        store.authenticate(key)
    assert refusal.value.code == "expired_key"


def test_a_second_revocation_keeps_the_first_moment(store: ApiKeyStore, clock: Clock) -> None:
    made, _ = store.create("web shop", "agent", PURPOSES)
    store.revoke(made.id)
    clock.now += timedelta(days=1)
    assert store.revoke(made.id).revoked_at == NOW
    assert store.all_keys()[0].state(clock.now) == "revoked"


@pytest.mark.parametrize(
    ("name", "purposes", "expires", "told"),
    [
        ("", PURPOSES, None, "1 to 80"),
        ("line\nbreak", PURPOSES, None, "1 to 80"),
        ("shop", frozenset[str](), None, "at least one purpose"),
        ("shop", PURPOSES, NOW, "expired already"),
    ],
)
def test_a_key_that_could_not_be_used_is_not_made(
    store: ApiKeyStore, name: str, purposes: frozenset[str], expires: datetime | None, told: str
) -> None:
    with pytest.raises(ApiKeyError, match=told):
        store.create(name, "agent", purposes, expires)
    assert store.all_keys() == []


def test_an_unknown_id_cannot_be_revoked(store: ApiKeyStore) -> None:
    with pytest.raises(ApiKeyError, match="no API key 'abc'"):
        store.revoke("abc")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic abc", "Bearer ", "Bearer eyJ.eyJ.sig"])
def test_a_request_without_a_usable_credential_is_refused(store: ApiKeyStore, header: str | None) -> None:
    with pytest.raises(AuthenticationFailed):
        Authenticator(lambda: store, None).identity(header)


def test_keys_that_cannot_be_read_let_nobody_in(file_store: ApiKeyStore, tmp_path: Path) -> None:
    _, key = file_store.create("web shop", "agent", PURPOSES)
    with sqlite3.connect(tmp_path / "serving" / "api_key.db") as other:
        other.execute("DROP TABLE api_key")
    other.close()
    with pytest.raises(ProviderUnavailable):
        Authenticator(lambda: file_store, None).identity(f"Bearer {key}")


def test_a_store_that_is_restored_while_it_is_open_counts_at_once(
    file_store: ApiKeyStore, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, key = file_store.create("web shop", "agent", PURPOSES)
    path = tmp_path / "serving" / "api_key.db"
    file_store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = path.read_bytes()
    path.unlink()
    with pytest.raises(ApiKeyError, match="is gone"):
        file_store.authenticate(key)
    path.write_bytes(copy)
    other = ApiKeyStore(path, clock)
    other.revoke(made.id)
    other.close()
    # Negative control: a store that does not look at its file still takes the key.
    with monkeypatch.context() as patch:
        patch.setattr("privacy.storage.database.is_replaced", lambda path, opened: False)
        assert file_store.authenticate(key).caller.name == "web shop"
    with pytest.raises(AuthenticationFailed, match="revoked"):
        file_store.authenticate(key)
