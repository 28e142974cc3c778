"""Opens the database of a source for reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from installation.errors import SettingsError
from installation.source_credential import SourceCredential
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
    opener = _opener(origin)
    try:
        password = credential.read_password() or ""
    except SettingsError as error:
        raise FileFaultError(UNREACHABLE, str(error)) from error
    with opener(origin, credential, password) as database:
        yield database


def _opener(
    origin: DatabaseTable,
) -> Callable[[DatabaseTable, SourceCredential, str], AbstractContextManager[Database]]:
    """Return the function that opens this kind of database. Its package is an extra, imported when it is needed."""
    try:
        if origin.kind == "mysql":
            from pipelines.ingest.database.mysql import open_mysql

            return open_mysql
        from pipelines.ingest.database.postgres import open_postgres
    except ImportError as error:
        reason = f"the package {error.name} is not installed; install bojagi[{origin.kind}]"
        raise FileFaultError(UNREACHABLE, reason) from error
    return open_postgres
