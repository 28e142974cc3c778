"""The key that signs certificates."""

from __future__ import annotations

from pathlib import Path

from installation.installation import Installation
from privacy.rights.certificate import Signer

_NAME = "rights_signing.key"


def signing_key_file(installation: Installation) -> Path:
    """Return the private file of the key that signs certificates."""
    return installation.settings.secret_dir / _NAME


def open_signer(installation: Installation) -> Signer:
    """Return the signer of certificates; its key is made at the first use.

    Raises:
        SecretError: the key cannot be used, or is missing although certificates were signed.
    """
    return Signer(installation.open_key(_NAME))
