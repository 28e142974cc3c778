"""Passes of web sites: one-time links, and sessions. The store keeps neither their secrets nor readable content.

A pass is a secret of 256 random bits in a link or a cookie. The store holds SHA-256(secret), and the content of the
pass encrypted under a key that is computed from the secret. So a copy of the store gives no sign-in and no names.
`owner` is a keyed hash of the customer id, by which the passes of an erased person are deleted.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from agent_serving.errors import SiteUnavailable
from privacy.storage.database import DATABASE_ERRORS, open_database, transaction

if TYPE_CHECKING:
    from privacy.storage.database import Place

FILE = Path("serving") / "portal.db"
"""Below the data folder."""
SECRET_FILE = "portal.key"
"""Below the secret folder."""
_SECRET = 43
"""Characters of 32 random bytes in URL-safe base 64."""
_NONCE_BYTES = 12
_TOUCH = timedelta(minutes=1)
"""A session's last use is stored this often, so that a page view rarely writes."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS pass (
  digest BLOB PRIMARY KEY, kind TEXT NOT NULL, owner TEXT NOT NULL, expires_at TEXT NOT NULL, used_at TEXT NOT NULL,
  content BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pass_owner ON pass (owner);
CREATE INDEX IF NOT EXISTS pass_expiry ON pass (expires_at);
"""


class PassKind(StrEnum):
    """What a pass allows: to sign in once, or to act as a person, an officer or a member of staff.

    PROVIDER: to come back from the sign-in of an OpenID Connect provider, with what the answer must fit.
    """

    LINK = "link"
    PERSON = "person"
    OFFICER = "officer"
    STAFF_LINK = "staff_link"
    PROVIDER = "provider"
    STAFF = "staff"


LIFETIMES = {
    PassKind.LINK: timedelta(minutes=15),
    PassKind.PERSON: timedelta(hours=2),
    PassKind.OFFICER: timedelta(hours=10),
    PassKind.STAFF_LINK: timedelta(minutes=15),
    PassKind.PROVIDER: timedelta(minutes=15),
    PassKind.STAFF: timedelta(hours=10),
}
IDLE = {
    PassKind.LINK: timedelta(minutes=15),
    PassKind.PERSON: timedelta(minutes=30),
    PassKind.OFFICER: timedelta(hours=1),
    PassKind.STAFF_LINK: timedelta(minutes=15),
    PassKind.PROVIDER: timedelta(minutes=15),
    PassKind.STAFF: timedelta(hours=1),
}
"""A pass ends after this time without use. Staff read long pages in between."""


class PassStore:
    """The passes of one installation. Use one object per thread; any number of processes may share the store."""

    def __init__(self, place: Place, secret: bytes, clock: Callable[[], datetime]) -> None:
        """Open the store, and create it if there is none. `clock` returns the time with its zone.

        Raises:
            SiteUnavailable: the store cannot be opened.
        """
        self._path, self._secret, self._clock = place, secret, clock
        self._open()

    def close(self) -> None:
        """Close the store."""
        self._db.close()

    def follow(self) -> None:
        """Use the store that is in its place now: a restored store, or a new one, replaces the opened one."""
        if self._db.is_replaced():
            self._db.close()
            self._open()

    def issue(self, kind: PassKind, content: dict[str, str], customer_id: str | None = None) -> str:
        """Store a new pass and return its secret. Expired passes are deleted.

        `customer_id`: of the customer, or of the account of staff, with whom the pass is deleted.
        """
        self.follow()
        secret, now = secrets.token_urlsafe(32), self._now()
        owner = "" if customer_id is None else self.owner(customer_id)
        row = (
            _digest(secret),
            kind,
            owner,
            (now + LIFETIMES[kind]).isoformat(),
            now.isoformat(),
            _sealed(kind, secret, content),
        )
        with transaction(self._db):
            self._db.execute("DELETE FROM pass WHERE expires_at <= ?", (now.isoformat(),))
            self._db.execute("INSERT INTO pass VALUES (?, ?, ?, ?, ?, ?)", row)
        return secret

    def read(self, kind: PassKind, secret: str) -> dict[str, str] | None:
        """Return the content of a valid pass, and note its use; None if there is no such pass, or it has ended."""
        self.follow()
        row = self._row(kind, secret)
        if row is None:
            return None
        now, used_at = self._now(), datetime.fromisoformat(row[0])
        if now - used_at >= _TOUCH:
            with transaction(self._db):
                self._db.execute("UPDATE pass SET used_at = ? WHERE digest = ?", (now.isoformat(), _digest(secret)))
        return _opened(kind, secret, row[1])

    def redeem(self, kind: PassKind, secret: str) -> dict[str, str] | None:
        """Return the content of a valid pass and delete it, so that it is redeemed once, also by simultaneous calls."""
        self.follow()
        with transaction(self._db):
            row = self._row(kind, secret)
            self._db.execute("DELETE FROM pass WHERE digest = ? AND kind = ?", (_digest(secret), kind))
        return None if row is None else _opened(kind, secret, row[1])

    def change(self, kind: PassKind, secret: str, content: dict[str, str]) -> None:
        """Replace the content of a valid pass, which keeps its secret and its end."""
        self.follow()
        sealed = _sealed(kind, secret, content)
        with transaction(self._db):
            self._db.execute(
                "UPDATE pass SET content = ? WHERE digest = ? AND kind = ?", (sealed, _digest(secret), kind)
            )

    def end(self, secret: str) -> None:
        """Delete a pass."""
        self.follow()
        with transaction(self._db):
            self._db.execute("DELETE FROM pass WHERE digest = ?", (_digest(secret),))

    def owner(self, customer_id: str) -> str:
        """Return the keyed hash by which the store knows a customer."""
        return hmac.new(self._secret, b"owner\0" + customer_id.encode(), hashlib.sha256).hexdigest()

    def delete_of(self, customer_ids: Iterable[str]) -> int:
        """Delete every pass of these customers; return how many there were."""
        self.follow()
        deleted = 0
        with transaction(self._db):
            for one in customer_ids:
                deleted += self._db.execute("DELETE FROM pass WHERE owner = ?", (self.owner(one),)).rowcount
        if self._db.is_shared:  # a file overwrites deleted rows by itself
            self._db.vacuum("pass")
        return deleted

    def count_of(self, customer_ids: Iterable[str]) -> int:
        """Return the number of passes of these customers, ended ones included."""
        self.follow()
        query = "SELECT count(*) FROM pass WHERE owner = ?"
        return sum(int(self._db.execute(query, (self.owner(one),)).fetchone()[0]) for one in customer_ids)

    def _row(self, kind: PassKind, secret: str) -> tuple[str, bytes] | None:
        if len(secret) != _SECRET:
            return None
        now = self._now()
        query = "SELECT used_at, content FROM pass WHERE digest = ? AND kind = ? AND expires_at > ? AND used_at > ?"
        values = (_digest(secret), kind, now.isoformat(), (now - IDLE[kind]).isoformat())
        row = self._db.execute(query, values).fetchone()
        return None if row is None else (str(row[0]), bytes(row[1]))

    def _open(self) -> None:
        try:
            self._db = open_database(self._path, _SCHEMA, "passes", overwrites=True)
        except (OSError, *DATABASE_ERRORS) as error:
            raise SiteUnavailable(
                f"{self._path}: cannot be opened as the store of the portal's sessions: {error}. Delete it; everybody "
                "then signs in again."
            ) from error

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def _key(secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"content of a pass", "sha256")


def _sealed(kind: PassKind, secret: str, content: dict[str, str]) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(_key(secret)).encrypt(nonce, json.dumps(content).encode(), kind.encode())


def _opened(kind: PassKind, secret: str, sealed: bytes) -> dict[str, str]:
    nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    opened: dict[str, str] = json.loads(AESGCM(_key(secret)).decrypt(nonce, content, kind.encode()))
    return opened
