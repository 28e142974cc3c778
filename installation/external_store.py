"""Opens the stores outside the data folder that the settings name: a fleet's ledger and a hardware security module."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from installation.errors import SettingsError
from installation.settings import Settings
from privacy.protection.key_wrapper import FileKeyWrapper, KeyWrapper

if TYPE_CHECKING:
    from privacy.dp.ledger import Ledger
    from privacy.storage.postgres import PostgresServer


def open_fleet_ledger(settings: Settings, server: PostgresServer | None, anchor: Path, *, joins: bool) -> Ledger:
    """Return the ledger in a fleet's PostgreSQL, see `Installation.open_ledger`.

    It is in the database that `ledger_postgres_file` names, else in that of the other stores.

    Raises:
        SettingsError: psycopg is missing, the file cannot be read, or PostgreSQL does not answer.
        LedgerDamaged: the ledger was changed or restored from an older copy.
    """
    # Imported here, so that processes that serve requests need not load the ledger.
    from privacy.dp.ledger import Ledger

    try:
        from psycopg import OperationalError

        from privacy.dp.postgres_store import PostgresStore
    except ImportError as error:
        raise SettingsError(
            "ledger_postgres_file is set and psycopg is not installed; install bojagi[fleet]."
        ) from error
    file = settings.ledger_postgres_file
    try:
        if file is not None:
            return Ledger(PostgresStore(file.read_text("utf-8").strip(), anchor, joins=joins))
        assert server is not None
        return Ledger(PostgresStore(server.ledger_conninfo(), anchor, joins=joins))
    except OSError as error:
        raise SettingsError(f"ledger_postgres_file {file} cannot be read: {error.strerror}. Check the path.") from error
    except OperationalError as error:
        name = "database" if file is None else "ledger_postgres_file"
        raise SettingsError(f"The PostgreSQL that {name} names does not answer; start it.") from error


def wrapper_of(settings: Settings, *, makes: bool) -> KeyWrapper:
    """Return the key-encryption keys: in a private file, or in the hardware security module that the settings name.

    `makes`: whether a missing file is made, for a key store that does not exist yet.

    Raises:
        SettingsError: the module is set without a file with its PIN, or the file cannot be read.
        ProtectionError: the keys cannot be used.
    """
    if settings.hsm_module is None:
        return FileKeyWrapper(settings.secret_dir / "key_encryption.json", makes=makes)
    if settings.hsm_pin_file is None:
        raise SettingsError("hsm_module is set without hsm_pin_file; name the private file that holds the token's PIN.")
    from privacy.protection.pkcs11_wrapper import Pkcs11KeyWrapper

    try:
        pin = settings.hsm_pin_file.read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(
            f"hsm_pin_file {settings.hsm_pin_file} cannot be read: {error.strerror}. Check the path."
        ) from error
    return Pkcs11KeyWrapper(settings.hsm_module, settings.hsm_token, pin)
