"""Opens the records of the operation: which alerts were sent, and which version of Bojagi last upgraded the data."""

from __future__ import annotations

from installation.installation import Installation
from privacy.storage.document_store import DatabaseDocuments, DocumentStore, FolderDocuments

STORE = "operation"
VERSION = "version.txt"


def open_records(installation: Installation) -> DocumentStore:
    """Return the records: files below the data folder, or rows of the database that all machines share."""
    server = installation.server
    if server is None:
        return FolderDocuments(installation.settings.data_dir / STORE)
    return DatabaseDocuments(server.open("lakehouse"), STORE)
