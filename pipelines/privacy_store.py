"""Opens the stores of the privacy engine where this installation keeps them.

consent/consent.db · audit/audit.db · secret/: audit.key, audit.anchor, pseudonym.key, keys.db, keys.db.anchor,
key_encryption.json.
The folder `secret` belongs on another disk in production (a link does), apart from the data and from its backups.
"""

from __future__ import annotations

import os
import secrets
import stat
from datetime import datetime
from pathlib import Path

from pipelines.config import Settings
from pipelines.consent.view import ConsentView
from privacy.audit import KEY_BYTES, AuditError, AuditLog
from privacy.consent.policy import built_in_policy
from privacy.consent.store import ConsentStore
from privacy.protection.key_store import SqliteKeyStore
from privacy.protection.key_wrapper import FileKeyWrapper, KeyWrapper


def secret_dir(settings: Settings) -> Path:
    """Where keys lie, apart from the data."""
    return settings.data_dir / "secret"


def open_consent_store(settings: Settings) -> ConsentStore:
    """The consent store of the online side."""
    return ConsentStore(settings.data_dir / "consent" / "consent.db", built_in_policy().taxonomy)


def open_consent_view(settings: Settings, moment: datetime) -> ConsentView:
    """What the consent record says, for decisions at a moment."""
    return ConsentView(lambda: open_consent_store(settings), built_in_policy(), settings.controller, moment)


def load_pseudonym_key(settings: Settings) -> bytes:
    """The secret behind the pseudonyms that roles read."""
    return _load_key(secret_dir(settings) / "pseudonym.key")


def open_audit_log(settings: Settings) -> AuditLog:
    """The audit log; its anchor and the key that seals it lie apart."""
    folder = secret_dir(settings)
    key = _load_key(folder / "audit.key")
    return AuditLog(settings.data_dir / "audit" / "audit.db", folder / "audit.anchor", key)


def open_key_store(settings: Settings, wrapper: KeyWrapper | None = None) -> SqliteKeyStore:
    """The key store; wrapped by a private file unless another wrapper is given."""
    folder = secret_dir(settings)
    return SqliteKeyStore(folder / "keys.db", wrapper or FileKeyWrapper(folder / "key_encryption.json"))


def _load_key(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(KEY_BYTES))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise AuditError(f"{path}: others may read the key; run chmod 600 on it.")
    try:
        return bytes.fromhex(path.read_text("ascii"))
    except ValueError as error:
        raise AuditError(f"{path}: expected {2 * KEY_BYTES} hexadecimal digits.") from error
