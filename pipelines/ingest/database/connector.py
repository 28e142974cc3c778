"""Opens the database of a source for reading."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from installation.errors import SettingsError
from installation.settings import SourceCredential
from pipelines.ingest.database.connection import UNREACHABLE, Database
from pipelines.ingest.fault import FileFaultError
from privacy.contract.document import DatabaseTable


@contextmanager
def open_database(origin: DatabaseTable, credential: SourceCredential | None) -> Iterator[Database]:
    """Open the connection for the block.

    Raises:
        FileFaultError: the settings have no credentials, a package is missing, or the database cannot be reached.
    """
    if credential is None:
        raise FileFaultError(
            UNREACHABLE,
            f"the setting source_credentials has no entry {origin.server}; add user and password_file for it",
        )
    try:
        if origin.kind == "mysql":
            from pipelines.ingest.database.mysql import open_mysql as opened
        else:
            from pipelines.ingest.database.postgres import open_postgres as opened
    except ImportError as error:
        raise FileFaultError(
            UNREACHABLE, f"the package {error.name} is not installed; install bojagi[{origin.kind}]"
        ) from error
    try:
        password = credential.read_password() or ""
    except SettingsError as error:
        raise FileFaultError(UNREACHABLE, str(error)) from error
    with opened(origin, credential, password) as database:
        yield database
