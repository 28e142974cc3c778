"""Checks a restored installation: every table, store and key as a run would need them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from installation.backup.place import BackupError
from privacy.errors import PrivacyError
from privacy.protection.data_key import KEY_ID_BYTES

if TYPE_CHECKING:
    from installation.backup.vault import Manifest
    from installation.installation import Installation


@dataclass(frozen=True)
class Check:
    """One check of a restored copy: its name, whether it holds, and what was found."""

    name: str
    holds: bool
    detail: str


def check_installation(installation: Installation, tables: Manifest) -> list[Check]:
    """Return every check of an installation that was just restored from a backup; nothing is written.

    Args:
        installation: the restored copy.
        tables: the manifest of the restored tables.
    """
    checks: dict[str, Callable[[Installation], str]] = {
        "audit log": _audit_log, "token secret": _token_secret, "keys": _keys, "erased persons": _suppression,
        "consent record": _consent, "requests": _requests, "privacy ledger": _ledger, "encrypted values": _coverage,
    }  # fmt: skip
    found = [_checked("tables", lambda: _tables(installation, tables))]
    return found + [_checked(name, partial(check, installation)) for name, check in checks.items()]


def _checked(name: str, check: Callable[[], str]) -> Check:
    from installation.errors import InstallationError

    try:
        return Check(name, True, check())
    except (PrivacyError, InstallationError) as error:
        return Check(name, False, str(error))


def _tables(installation: Installation, tables: Manifest) -> str:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    root, files = installation.lakehouse.root, 0
    names = {file.path for file in tables.files}
    for table, version in tables.tables.items():
        try:
            delta = DeltaTable(f"{root}/{table}", storage_options=installation.lakehouse.storage_options)
            active = delta.get_add_actions()["path"].to_pylist()
        except (OSError, DeltaError) as error:
            raise BackupError(f"{table}: cannot be opened: {type(error).__name__}.") from error
        if delta.version() < version:
            raise BackupError(f"{table}: is at version {delta.version()}; the backup is of version {version}.")
        files += len(active)
        if delta.version() == version and (missing := [p for p in active if f"{table}/{_plain(p)}" not in names]):
            raise BackupError(f"{table}: {len(missing)} of {len(active)} files of version {version} are missing.")
    return f"{len(tables.tables)} tables, {files} files"


def _plain(path: str) -> str:
    from urllib.parse import unquote

    return unquote(path)


def _audit_log(installation: Installation) -> str:
    with closing(installation.open_audit_log()) as log:
        for fault in log.verify():
            raise BackupError(f"entry {fault.number}: {fault.message}")
        return f"{log.anchor().number} entries"


def _token_secret(installation: Installation) -> str:
    assert installation.tokenizer
    return "the one of the tables"


def _keys(installation: Installation) -> str:
    with closing(installation.open_key_store()) as store:
        status = store.status()
    return f"{status.data_keys} keys, {status.destroyed} destroyed"


def _suppression(installation: Installation) -> str:
    with closing(installation.open_suppression()) as erased:
        return f"generation {erased.generation}"


def _consent(installation: Installation) -> str:
    if not installation.has_consent_record:
        return "none"
    with closing(installation.open_consent_store()) as store:
        return f"{len(store.subjects())} subjects"


def _requests(installation: Installation) -> str:
    if not installation.has_requests:
        return "none"
    installation.request_store.require_sound()
    return "sound"


def _ledger(installation: Installation) -> str:
    if not installation.has_ledger:
        return "none"
    with closing(installation.open_ledger()) as ledger:
        return f"{ledger.verify()} entries"


def _coverage(installation: Installation) -> str:
    """Check that every encrypted value has its key, or one that was destroyed."""
    ids = {key_id for column in _encrypted(installation) for key_id in column}
    with closing(installation.open_key_store()) as store:
        alive = store.keys(ids)
        lost = ids - alive.keys() - store.destroyed(ids)
    if lost:
        raise BackupError(f"{len(lost)} of {len(ids)} data keys are not in the key store, so their values are lost.")
    return f"{len(ids)} keys in use"


def _encrypted(installation: Installation) -> Iterator[set[bytes]]:
    for contract in installation.contracts.values():
        names = [column.name for column in contract.encrypted_columns]
        if names and installation.lakehouse.exists(contract.table):
            rows = installation.lakehouse.rows(contract.table, names)
            for name in names:
                yield {bytes(v[1 : 1 + KEY_ID_BYTES]) for v in rows[name].to_pylist() if v is not None}
