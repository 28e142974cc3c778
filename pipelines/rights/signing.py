"""The key that signs certificates."""

from __future__ import annotations

from pathlib import Path

from installation.installation import Installation
from privacy.rights.certificate import Signer
from privacy.storage.secret_file import load_key


def signing_key_file(installation: Installation) -> Path:
    """Return the private file of the key that signs certificates."""
    return installation.settings.secret_dir / "rights_signing.key"


def open_signer(installation: Installation) -> Signer:
    """Return the signer of certificates; its key is made at the first use.

    Raises:
        SecretError: the key cannot be used.
    """
    return Signer(load_key(signing_key_file(installation)))
