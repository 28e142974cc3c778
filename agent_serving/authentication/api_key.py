"""API keys: made, listed and revoked. The store holds a SHA-256 hash of each key's secret, never the secret.

    key = "bjg_" || id (12 characters) || "_" || secret (43 characters, 256 random bits)

A plain hash is enough: nobody can guess 256 random bits. A slow hash is for short passwords, and would delay each
request.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent_serving.authentication.identity import Identity
from agent_serving.errors import ApiKeyError, AuthenticationFailed
from features.retrieval.answer import Caller
from privacy.storage.database import DATABASE_ERRORS, open_database, transaction

if TYPE_CHECKING:
    from privacy.storage.database import Place

PREFIX = "bjg_"
_KEY = re.compile(r"bjg_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[\w][\w .@-]{0,79}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS api_key (
  id TEXT PRIMARY KEY, digest BLOB NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, purposes TEXT NOT NULL,
  created_at TEXT NOT NULL, expires_at TEXT, revoked_at TEXT
) WITHOUT ROWID;
"""
_COLUMNS = "id, name, role, purposes, created_at, expires_at, revoked_at"


@dataclass(frozen=True)
class ApiKey:
    """One API key without its secret. Times are in UTC; None where the key does not expire or is not revoked."""

    id: str
    name: str
    role: str
    purposes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """Return `revoked`, `expired` or `active` at a moment."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


class ApiKeyStore:
    """The keys of one installation in one SQLite file, private to its owner, or on a server.

    Use one object per thread; any number of processes may share the store. A revocation counts from the
    next request on.
    """

    def __init__(self, place: Place, clock: Callable[[], datetime]) -> None:
        """Open the store, and create it if there is none. `clock` returns the time with its zone.

        Raises:
            ApiKeyError: the store cannot be opened.
        """
        self._path, self._clock = place, clock
        self._open()

    def close(self) -> None:
        """Close the store."""
        self._db.close()

    def create(
        self, name: str, role: str, purposes: frozenset[str], expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """Make a key. Returns its description and the key itself, which cannot be read again.

        Args:
            name: of the program that will use it; the audit log calls the caller so.
            role: a role of `role.yaml`.
            purposes: purposes that the caller may state. The command checks that the role has them.
            expires_at: moment from which the key no longer works; None for never.

        Raises:
            ApiKeyError: the name is not usable, there is no purpose, or the moment has passed.
        """
        now = self._now()
        if not _NAME.fullmatch(name):
            raise ApiKeyError(f"Got the name {name!r}; expected 1 to 80 letters, digits, blanks and . @ - _.")
        if not purposes:
            raise ApiKeyError("A key needs at least one purpose. Name it with --purpose.")
        if expires_at is not None and expires_at <= now:
            raise ApiKeyError("The key would have expired already. Choose a later moment.")
        identifier, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        made = ApiKey(identifier, name, role, tuple(sorted(purposes)), now, expires_at, None)
        expiry = None if expires_at is None else expires_at.astimezone(UTC).isoformat()
        row = (identifier, _digest(secret), name, role, json.dumps(made.purposes), now.isoformat(), expiry)
        with transaction(self._db):
            self._db.execute("INSERT INTO api_key VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", row)
        return made, f"{PREFIX}{identifier}_{secret}"

    def revoke(self, identifier: str) -> ApiKey:
        """Revoke a key by its id. A second revocation changes nothing.

        Raises:
            ApiKeyError: there is no such key.
        """
        with transaction(self._db):
            self._db.execute(
                "UPDATE api_key SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                (self._now().isoformat(), identifier),
            )
        found = [key for key in self.all_keys() if key.id == identifier]
        if not found:
            raise ApiKeyError(f"There is no API key {identifier!r}. `bojagi api-key list` shows the keys.")
        return found[0]

    def is_active(self, identifier: str) -> bool:
        """Return whether the key with this id can be used now."""
        return any(key.id == identifier and key.state(self._now()) == "active" for key in self.all_keys())

    def all_keys(self) -> list[ApiKey]:
        """Return all keys, the newest first."""
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM api_key ORDER BY created_at DESC, id")
        return [_read(row) for row in rows]

    def follow(self) -> None:
        """Use the store that is in its place now. A restored store replaces the opened one.

        Raises:
            ApiKeyError: the store is gone, or cannot be opened.
        """
        if self._db.is_replaced():
            if isinstance(self._path, Path) and not self._path.exists():
                raise ApiKeyError(f"{self._path}: the store of API keys is gone. Restore it.")
            self._db.close()
            self._open()

    def authenticate(self, key: str) -> Identity:
        """Return whose key this is.

        Raises:
            AuthenticationFailed: the key is malformed, unknown, expired or revoked.
            ApiKeyError: the store is gone, or cannot be opened.
            DATABASE_ERRORS: the store cannot be read.
        """
        self.follow()
        parts = _KEY.fullmatch(key)
        row = None
        if parts:
            row = self._db.execute(f"SELECT {_COLUMNS}, digest FROM api_key WHERE id = ?", (parts[1],)).fetchone()
        # The same answer for an unknown id and a wrong secret, so that ids cannot be found out.
        if parts is None or row is None or not hmac.compare_digest(_digest(parts[2]), row[-1]):
            raise AuthenticationFailed(
                "invalid_key", "The API key is not valid. Make one with `bojagi api-key create`."
            )
        found = _read(row[:-1])
        state = found.state(self._now())
        if state != "active":
            raise AuthenticationFailed(f"{state}_key", f"The API key {found.id} is {state}. Make a new one.")
        caller = Caller(found.name, found.role, frozenset(found.purposes), "authenticated")
        return Identity(caller, f"api_key:{found.id}")

    def _open(self) -> None:
        try:
            self._db = open_database(self._path, _SCHEMA, "api_keys")
        except (OSError, *DATABASE_ERRORS) as error:
            raise ApiKeyError(
                f"{self._path}: cannot be opened as the store of API keys: {error}. Restore it."
            ) from error

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _read(row: tuple[str, str, str, str, str, str | None, str | None]) -> ApiKey:
    identifier, name, role, purposes, *moments = row
    created, expires, revoked = (None if m is None else datetime.fromisoformat(m) for m in moments)
    assert created is not None
    return ApiKey(identifier, name, role, tuple(json.loads(purposes)), created, expires, revoked)
