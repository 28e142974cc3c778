"""Imports the stores of an installation from their files into its PostgreSQL database, and adds machines to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from installation.data_secret import open_audiences
from installation.database import open_server
from installation.errors import SettingsError
from installation.secret_key import MADE, SECRETS, open_key
from installation.shared_file import FOLDERS, PARTICIPANTS, STORE, SharedFiles
from installation.store_file import AUDIENCE_FOLDER, AUDIENCES, DOCUMENTS, FILES, StoreFile
from privacy.storage.database import is_unwritten
from privacy.storage.document_store import DatabaseDocuments, FolderDocuments

if TYPE_CHECKING:
    from installation.installation import Installation
    from privacy.storage.database import Database

_BATCH = 5_000


def import_files(installation: Installation) -> dict[str, int]:
    """Copy every store that the database does not have yet from its file; return the number of rows by store.

    Each store is copied in one transaction, or not at all. The files stay; their anchors now count for the database.

    Raises:
        SettingsError: no database is set, or a file cannot be read.
        AuditError: the audit log was changed, so nothing is imported.
    """
    settings, counts = installation.settings, dict[str, int]()
    server = open_server(settings, imports=True)
    if server is None:
        raise SettingsError('No database is set. Set database = "postgresql://user@host/name" first.')
    with closing(server):
        for one in FILES:
            path = one.of(settings)
            is_new = (
                is_unwritten(server, one.store)
                and not server.open(one.store).execute(f"SELECT 1 FROM {one.tables[0]} LIMIT 1").fetchone()
            )
            if path.exists() and is_new:
                counts[one.store] = _copy(path, one, server.open(one.store), installation)
        for key in MADE:
            if (settings.secret_dir / key).exists():
                open_key(settings, server, key)
        for store, name in DOCUMENTS.items():
            folder = settings.data_dir / name
            if folder.is_dir() and is_unwritten(server, store):
                counts[store] = _copy_documents(folder, server.open(store), store)
        audiences = settings.data_dir / AUDIENCE_FOLDER
        if audiences.is_dir() and not open_audiences(settings, server).names():
            counts[AUDIENCES] = _copy_documents(audiences, server.open("lakehouse"), AUDIENCES)
        if is_unwritten(server, STORE):
            files = SharedFiles(settings.data_dir, server)
            for name in FOLDERS:
                files.publish(settings.data_dir / name)
            participants = DatabaseDocuments(server.open(STORE), PARTICIPANTS)
            for file in settings.data_dir.glob("federated/*/participant*.bin"):
                participants.write(f"{file.parent.name}/{file.name}", file.read_bytes())
            counts[STORE] = len(DatabaseDocuments(server.open(STORE), STORE).names())
    return counts


def join(installation: Installation) -> dict[str, str]:
    """Accept every store of the database as it is now on this machine, which has no anchors yet; return their states.

    The secrets must have been copied to this machine before.

    Raises:
        SettingsError: no database is set, or a secret is missing on this machine.
        PrivacyError: a store was not written with the secrets of this machine.
    """
    if installation.server is None:
        raise SettingsError('No database is set. Set database = "postgresql://user@host/name" first.')
    folder = installation.settings.secret_dir
    known = DatabaseDocuments(installation.server.open("lakehouse"), SECRETS).names()
    missing = [name for name in ("token.key", *known) if not (folder / name).exists()]
    if missing:
        raise SettingsError(
            f"{folder}: {', '.join(missing)} missing. Copy the secret folder of the first machine, without its anchors."
        )
    with closing(installation.open_audit_log(joins=True)) as log:
        states = {"audit": f"entry {log.anchor().number}"}
    with closing(installation.open_key_store(joins=True)) as keys:
        states["keys"] = f"generation {keys.status().generation}"
        if "rights.key" in known:
            with closing(installation.open_request_store(keys, joins=True)) as requests:
                states["rights"] = f"entry {requests.head().split()[0]}"
    with closing(installation.open_suppression(joins=True)) as erased:
        states["suppression"] = f"generation {erased.generation}"
    with closing(installation.open_ledger(joins=True)) as ledger:
        ledger.verify()
        states["ledger"] = f"entry {ledger.head().number}"
    return states


def _copy(path: Path, one: StoreFile, target: Database, installation: Installation) -> int:
    count = 0
    with _opened(path) as source, target.transaction():
        for table in one.tables:
            columns = [row[1] for row in source.execute(f"PRAGMA table_info({table})")]
            added = ["seal"] if table == "entry" else []
            overriding = "OVERRIDING SYSTEM VALUE " if "sequence" in columns else ""
            marks = ", ".join("?" * (len(columns) + len(added)))
            insert = f"INSERT INTO {table} ({', '.join(columns + added)}) {overriding}VALUES ({marks})"
            rows = source.execute(f"SELECT {', '.join(columns)} FROM {table}")
            while part := rows.fetchmany(_BATCH):
                count += len(part)
                target.executemany(insert, [(*row, *_seal(table, row, installation)) for row in part])
            if overriding:
                # Numbers never come back, also those of erased records at the end.
                last = source.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
                target.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'sequence'), ?, ?)",
                    (max(1, last[0] if last else 0), bool(last and last[0])),
                )
    return count


def _seal(table: str, row: tuple[Any, ...], installation: Installation) -> tuple[str, ...]:
    """Return what a row has on a server only: an entry of the audit log is sealed."""
    if table != "entry":
        return ()
    from privacy.audit import seal
    from privacy.storage.secret_file import load_key

    return (seal(load_key(installation.settings.secret_dir / "audit.key"), str(row[2])),)


def _copy_documents(folder: Path, target: Database, store: str) -> int:
    source, documents = FolderDocuments(folder), DatabaseDocuments(target, store)
    with documents.alone():
        for name in source.names():
            documents.write(name, source.read(name) or b"")
    return len(source.names())


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(path)) as source:
            yield source
    except sqlite3.Error as error:
        raise SettingsError(f"{path}: cannot be read: {error}. Restore the file, then import again.") from error
