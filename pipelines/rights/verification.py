"""Verifies the file of a certificate, offline."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from installation.installation import Installation
from pipelines.rights.certification import PUBLIC_KEY_NAME
from pipelines.rights.signing import open_signer, signing_key_file
from privacy.rights.certificate import Certificate, read_public_key, verify
from privacy.rights.errors import CertificateError, UnknownRequestError


def verify_file(path: Path, key: Path | None, installation: Installation) -> Certificate:
    """Return a certificate after its form, key, signature and PDF were checked.

    Args:
        path: the certificate, or its PDF, with the other one beside it.
        key: file of the trusted public key; None takes the key of this installation.
        installation: its history of requests is compared, if it has issued the certificate.

    Raises:
        CertificateError: says which check failed.
        RequestStoreError: the history of this installation was changed.
    """
    json_file, pdf_file = path.with_suffix(".json"), path.with_suffix(".pdf")
    if not json_file.exists():
        raise CertificateError(f"{json_file} is missing; the PDF alone is no proof. Put the .json file beside it.")
    trusted = _trusted_key(key, installation)
    pdf = pdf_file.read_bytes() if pdf_file.exists() else None
    content = json_file.read_bytes()
    certificate = verify(content, trusted, pdf)
    if installation.has_requests:
        _compare_history(certificate, content, installation)
    return certificate


def _trusted_key(key: Path | None, installation: Installation) -> bytes:
    if key is not None:
        try:
            return read_public_key(key.read_bytes())
        except OSError as error:
            raise CertificateError(f"{key}: cannot be read: {error.strerror}.") from error
    if not signing_key_file(installation).exists():
        raise CertificateError(
            f"This installation has no signing key. Give the public key that the controller publishes with --key; in "
            f"the controller's data folder it is rights/{PUBLIC_KEY_NAME}."
        )
    return open_signer(installation).public_key


def _compare_history(certificate: Certificate, content: bytes, installation: Installation) -> None:
    service = installation.rights_service()
    service.log.store.require_sound()
    try:
        request = service.request(certificate.signed.statement.request)
    except UnknownRequestError:
        return  # issued by another installation
    if request.certificate != sha256(content).hexdigest():
        raise CertificateError(
            f"The history of {request.id} records another certificate; this one was replaced, or the case is not "
            "complete."
        )
