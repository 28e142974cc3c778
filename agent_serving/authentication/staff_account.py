"""Local accounts of the console: staff with one role each, in a company without an OpenID Connect provider.

An account has no password. A one-time link, which an administrator makes and hands over, starts a session
(`agent_serving.console.sign_in_page`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent_serving.errors import StaffAccountError
from privacy.storage.database import DATABASE_ERRORS, open_database, transaction

if TYPE_CHECKING:
    from privacy.storage.database import Place

FILE = Path("serving") / "account.db"
"""Below the data folder."""
_NAME = re.compile(r"[\w][\w .@-]{0,79}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS staff_account (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, created_at TEXT NOT NULL, revoked_at TEXT
) WITHOUT ROWID;
"""
_COLUMNS = "id, name, role, created_at, revoked_at"


@dataclass(frozen=True)
class StaffAccount:
    """One account. Times are in UTC; `revoked_at` is None while the account can be used."""

    id: str
    name: str
    role: str
    created_at: datetime
    revoked_at: datetime | None

    @property
    def is_active(self) -> bool:
        """Whether the account can be used."""
        return self.revoked_at is None


class StaffAccounts:
    """The accounts of one installation in one SQLite file, private to its owner, or on a server.

    Use one object per thread; any number of processes may share the store. A revocation counts from the next page on.
    """

    def __init__(self, place: Place, clock: Callable[[], datetime]) -> None:
        """Open the store, and create it if there is none. `clock` returns the time with its zone.

        Raises:
            StaffAccountError: the store cannot be opened.
        """
        self._path, self._clock = place, clock
        self._open()

    def close(self) -> None:
        """Close the store."""
        self._db.close()

    def add(self, name: str, role: str) -> StaffAccount:
        """Make an account. `role`: a role of `role.yaml`, which the caller has checked.

        Raises:
            StaffAccountError: the name is not usable, or an active account has it: the audit log tells people by names.
        """
        if not _NAME.fullmatch(name):
            raise StaffAccountError(f"Got the name {name!r}; expected 1 to 80 letters, digits, blanks and . @ - _.")
        self.follow()
        made = StaffAccount(secrets.token_hex(6), name, role, self._clock().astimezone(UTC), None)
        with transaction(self._db):
            if any(one.name == name and one.is_active for one in self.all_accounts()):
                raise StaffAccountError(
                    f"There is an account {name} already. `bojagi console account link {name}` makes a new link."
                )
            row = (made.id, name, role, made.created_at.isoformat())
            self._db.execute("INSERT INTO staff_account VALUES (?, ?, ?, ?, NULL)", row)
        return made

    def revoke(self, name: str) -> StaffAccount:
        """Revoke the active account of that name, and return it as it was.

        Raises:
            StaffAccountError: there is none.
        """
        found = self.named(name)
        with transaction(self._db):
            values = (self._clock().astimezone(UTC).isoformat(), found.id)
            self._db.execute("UPDATE staff_account SET revoked_at = ? WHERE id = ?", values)
        return found

    def named(self, name: str) -> StaffAccount:
        """Return the active account of that name.

        Raises:
            StaffAccountError: there is none.
        """
        self.follow()
        for one in self.all_accounts():
            if one.name == name and one.is_active:
                return one
        raise StaffAccountError(f"There is no account {name!r}. `bojagi console account list` shows the accounts.")

    def active(self, identifier: str) -> StaffAccount | None:
        """Return the account with this id; None if it is revoked or unknown."""
        self.follow()
        return next((one for one in self.all_accounts() if one.id == identifier and one.is_active), None)

    def all_accounts(self) -> list[StaffAccount]:
        """Return all accounts, the newest first."""
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM staff_account ORDER BY created_at DESC, id")
        return [_read(row) for row in rows]

    def follow(self) -> None:
        """Use the store that is in its place now. A restored store replaces the opened one.

        Raises:
            StaffAccountError: the store is gone, or cannot be opened.
        """
        if self._db.is_replaced():
            if isinstance(self._path, Path) and not self._path.exists():
                raise StaffAccountError(f"{self._path}: the store of accounts is gone. Restore it.")
            self._db.close()
            self._open()

    def _open(self) -> None:
        try:
            self._db = open_database(self._path, _SCHEMA, "staff_accounts")
        except (OSError, *DATABASE_ERRORS) as error:
            raise StaffAccountError(
                f"{self._path}: cannot be opened as the store of accounts: {error}. Restore it."
            ) from error


def _read(row: tuple[str, str, str, str, str | None]) -> StaffAccount:
    identifier, name, role, created_at, revoked_at = row
    revoked = None if revoked_at is None else datetime.fromisoformat(revoked_at)
    return StaffAccount(identifier, name, role, datetime.fromisoformat(created_at), revoked)
