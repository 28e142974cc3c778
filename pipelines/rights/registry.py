"""The stores of all packages in one place, in the order in which they erase, and the execution over them."""

from __future__ import annotations

from pathlib import Path

from installation.installation import Installation
from pipelines.rights.request_records import RequestRecords
from privacy.rights.certificate import Signer
from privacy.rights.subject_store import SubjectStore
from privacy.storage.secret_file import load_key

FOLDER = "rights"


def subject_stores(installation: Installation) -> tuple[SubjectStore, ...]:
    """Return every store that may hold personal data, in the order in which they erase."""
    return (RequestRecords(installation.rights_service(), installation.settings.data_dir / FOLDER),)


def signing_key_file(installation: Installation) -> Path:
    """Return the private file of the key that signs certificates."""
    return installation.settings.secret_dir / "rights_signing.key"


def open_signer(installation: Installation) -> Signer:
    """Return the signer of certificates; its key is made at the first use.

    Raises:
        SecretError: the key cannot be used.
    """
    return Signer(load_key(signing_key_file(installation)))
