"""Opens the keys of the secret folder. A key that was in use before is never made anew.

A new key in the place of a lost one would hide the loss: nothing could verify the old log, recognise a released person
or read a model, and no message would say so. Three things show that a key was in use:

- its fingerprint in the data folder (`<key>.check`), a keyed hash that reveals nothing
- its fingerprint in the database, which several machines share
- what was made with it, see `MADE`: it outlives a lost fingerprint
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from installation.settings import Settings
from privacy.errors import PrivacyError
from privacy.storage.atomic_file import replace_public
from privacy.storage.document_store import DatabaseDocuments
from privacy.storage.secret_file import SecretError, load_key

if TYPE_CHECKING:
    from privacy.storage.postgres import PostgresServer

SECRETS = "secrets"
"""The documents with a keyed hash of each key."""
MADE = {
    "audit.key": ("audit/audit.db",),
    "pseudonym.key": ("federated/*/participant.bin",),
    "release.key": ("released/release.jsonl",),
    "rights.key": ("rights/request.db",),
    "rights_signing.key": ("rights/certificate_key.pem", "rights/certificate/*.json"),
    "portal.key": ("serving/portal.db",),
    "visitor.key": ("collector/visitor.db",),
    "synthetic.key": ("synthetic/fitted/*.zip",),
}
"""For each key, globs below the data folder of what is made with it. With a database, all machines share these keys."""
_REMEDY = "Restore it from your backup of the secret folder."
_COPY = "Copy the secret folder of the machine that made it, without its files *.anchor."


def open_key(settings: Settings, server: PostgresServer | None, name: str) -> bytes:
    """Return a key in the secret folder, made at its first use. With a database, the first machine makes it for all.

    Raises:
        SecretError: the key was in use and is missing or another one, or the file cannot be used.
    """
    path, check = settings.secret_dir / name, check_file(settings, name)
    if not path.exists() and (found := next(_made_with(settings, name), None)):
        raise SecretError(f"{path}: the key is missing, and {found} was made with it. {_REMEDY}")
    key = load_key(path) if server is None else _shared_key(path, server)
    require_same(check, key, path)
    return key


def check_file(settings: Settings, name: str) -> Path:
    """Return the file of the data folder that has the fingerprint of a secret."""
    return settings.data_dir / f"{Path(name).stem}.check"


def require_same(check: Path, key: bytes, secret: Path) -> None:
    """Check that a key is the one whose fingerprint is in the file; write the file if there is none.

    Raises:
        SecretError: it is another one.
    """
    fingerprint = hmac.digest(key, b"fingerprint", "sha256").hex()
    if not check.exists():
        replace_public(check, f"{fingerprint}\n", is_durable=True)
    elif not hmac.compare_digest(check.read_text("ascii", errors="replace").strip(), fingerprint):
        raise SecretError(f"{secret}: not the key with which {check.parent} was made. {_REMEDY}")


@contextmanager
def never_anew(settings: Settings, file: Path, anchor: Path, error: type[PrivacyError]) -> Iterator[None]:
    """Open a store in the secret folder inside the block. The data folder notes that it exists.

    Raises:
        PrivacyError: of the class `error`: the store and its anchor existed and are missing, as after a restore of the
            data folder alone.
    """
    check = check_file(settings, file.name)
    if check.exists() and not file.exists() and not anchor.exists():
        raise error(f"{file}: the store is missing, and the data in {settings.data_dir} were made with it. {_REMEDY}")
    yield
    if file.exists() and not check.exists():
        replace_public(check, f"{file.name} exists\n", is_durable=True)


def _made_with(settings: Settings, name: str) -> Iterator[Path]:
    check = check_file(settings, name)
    if check.exists():
        yield check
    for glob in MADE.get(name, ()):
        yield from settings.data_dir.glob(glob)


def _shared_key(path: Path, server: PostgresServer) -> bytes:
    documents = DatabaseDocuments(server.open("lakehouse"), SECRETS)
    if not path.exists() and documents.read(path.name) is not None:
        raise SecretError(f"{path}: the key is missing, and another machine of {server} works with it. {_COPY}")
    with documents.alone():
        known, key = documents.read(path.name), load_key(path)
        fingerprint = hmac.digest(key, b"fingerprint of a shared key", "sha256")
        if known is None:
            documents.write(path.name, fingerprint)
        elif not hmac.compare_digest(known, fingerprint):
            raise SecretError(f"{path}: not the key that the other machines of {server} work with. {_COPY}")
    return key
