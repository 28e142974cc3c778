"""The machines of a database. Each has files of its own, so an erasure is complete only when each has erased in them.

A machine registers with its first run. An erasure is executed on every machine. The first one erases in the shared
stores, and each confirms that its own files were erased and searched. The last one issues the certificate.
"""

from __future__ import annotations

import json
import secrets
import socket
from typing import TYPE_CHECKING

from installation.errors import SettingsError
from installation.settings import Settings
from privacy.storage.atomic_file import create_private
from privacy.storage.document_store import DatabaseDocuments

if TYPE_CHECKING:
    from privacy.storage.postgres import PostgresServer

ID_FILE = "installation.id"
"""Below the data folder: its random id."""


def machine_id(settings: Settings) -> str:
    """Return the id of the data folder, which is made at the first call."""
    path = settings.data_dir / ID_FILE
    create_private(path, f"{secrets.token_hex(16)}\n")
    return path.read_text("ascii").strip()


def register(settings: Settings, server: PostgresServer | None) -> bool:
    """Record this machine in the database; return whether it is new there. Without a database nothing is recorded."""
    if server is None:
        return False
    documents, own = _documents(server, "machines"), machine_id(settings)
    if documents.read(own) is not None:
        return False
    place: dict[str, str] = {"host": socket.gethostname(), "folder": str(settings.data_dir)}
    documents.write(own, json.dumps(place).encode())
    return True


def machines(server: PostgresServer) -> dict[str, str]:
    """Return host and data folder of each registered machine, by its id."""
    documents = _documents(server, "machines")
    places = {one: json.loads(documents.read(one) or b"{}") for one in documents.names()}
    return {one: f"{place.get('host')}:{place.get('folder')}" for one, place in places.items()}


def forget(server: PostgresServer, machine: str) -> None:
    """Remove a machine whose data folder was deleted; erasures no longer wait for it.

    Raises:
        SettingsError: there is no such machine.
    """
    if machine not in machines(server):
        raise SettingsError(f"{machine}: not a machine of this database. `bojagi database status` lists them.")
    _documents(server, "machines").delete(machine)


def confirm_erasure(settings: Settings, server: PostgresServer | None, request: str) -> list[str]:
    """Record that this machine has erased a request's person in its files; return the machines that have not yet.

    The confirmations are removed when all have confirmed.
    """
    if server is None:
        return []
    register(settings, server)
    documents = _documents(server, "confirmations")
    documents.write(f"{request}/{machine_id(settings)}", b"")
    confirmed = {name for name in documents.names() if name.startswith(f"{request}/")}
    missing = [place for one, place in machines(server).items() if f"{request}/{one}" not in confirmed]
    for name in () if missing else confirmed:
        documents.delete(name)
    return missing


def _documents(server: PostgresServer, kind: str) -> DatabaseDocuments:
    return DatabaseDocuments(server.open("lakehouse"), kind)
