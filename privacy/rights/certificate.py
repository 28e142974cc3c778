"""Certificates: what was done and checked for a request, signed with Ed25519 and verified offline.

A certificate is a JSON file `{signed, signature, public_key}`; `signed` holds the statement and the SHA-256 of the PDF
that shows it. It holds no personal data: the person is named by the reference of the request.

Guarantee: under Ed25519 (RFC 8032), no one without the private key can make or change a certificate that `verify`
accepts under the trusted public key. The file must have exactly the form that `to_bytes` writes, so a reader and a
parser see the same text.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Annotated, Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from pydantic import AwareDatetime, Field, ValidationError

from privacy.rights.errors import CertificateError
from privacy.rights.request import Frozen, RequesterKind, Right, Sha256
from privacy.rights.subject import ErasureForm

FORMAT = "bojagi-rights-certificate/1"


class CertifiedPart(Frozen):
    """One part that was decoded and searched: its version, and the SHA-256 of what was read."""

    part: str
    version: str
    sha256: str


class CertifiedRetention(Frozen):
    """Data that the law keeps: part, fields, article, last day, number of rows."""

    part: str
    fields: tuple[str, ...]
    article: str
    until: str
    rows: int = 0


class CertifiedStore(Frozen):
    """What was done in one store, what was checked there, what the law keeps, and what expires later."""

    store: str
    outcome: Literal["done", "not_applicable"]
    reason: str = ""
    counts: dict[str, int] = Field(default_factory=dict)
    checked: tuple[CertifiedPart, ...] = ()
    retained: tuple[CertifiedRetention, ...] = ()
    remaining: tuple[str, ...] = ()


class Statement(Frozen):
    """What a certificate states about one request.

    `is_suppressed`: a keyed hash keeps the person from coming back with a replay, a backfill or a restored backup.
    `history`: number and digest of the last entry in the history of requests when the certificate was made.
    """

    format: Literal["bojagi-rights-certificate/1"] = "bojagi-rights-certificate/1"
    request: str
    subject: str
    right: Right
    form: ErasureForm
    requester: RequesterKind
    jurisdiction: str
    law: str
    controller: str
    received_at: AwareDatetime
    due_on: str
    decided_at: AwareDatetime
    completed_at: AwareDatetime
    identity_verified_by: str
    is_suppressed: bool
    stores: tuple[CertifiedStore, ...]
    answer_sha256: Sha256 | None = None
    history: str
    software: str

    def digest(self) -> str:
        """Return the SHA-256 of the statement, which the PDF shows."""
        return sha256(_canonical(self.model_dump(mode="json"))).hexdigest()


class Signed(Frozen):
    """The part of a certificate that is signed."""

    statement: Statement
    pdf_sha256: Sha256


class Certificate(Frozen):
    """A signed certificate: signature and public key in hexadecimal digits."""

    signed: Signed
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]
    public_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        content = json.dumps(self.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, indent=1)
        return f"{content}\n".encode()


class Signer:
    """Signs certificates with a private key."""

    def __init__(self, seed: bytes) -> None:
        """Take the 32 bytes of an Ed25519 private key."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    def sign(self, statement: Statement, pdf: bytes) -> Certificate:
        """Return the certificate of a statement and of the PDF that shows it."""
        signed = Signed(statement=statement, pdf_sha256=sha256(pdf).hexdigest())
        signature = self._key.sign(_message(signed)).hex()
        return Certificate(signed=signed, signature=signature, public_key=self.public_key.hex())

    @property
    def public_key(self) -> bytes:
        """The public key, 32 bytes."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def public_pem(self) -> str:
        """Return the public key as PEM, for publication."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def __repr__(self) -> str:
        return f"Signer({fingerprint(self.public_key)})"


def verify(content: bytes, trusted_key: bytes, pdf: bytes | None = None) -> Certificate:
    """Return the certificate of a file after checking its form, its key, its signature, and its PDF if given.

    Args:
        content: the bytes of the JSON file.
        trusted_key: the public key of the controller, 32 bytes, from a place that the certificate's sender cannot
            change.
        pdf: the bytes of the PDF that came with it.

    Raises:
        CertificateError: says which check failed.
    """
    try:
        certificate = Certificate.model_validate_json(content)
    except ValidationError as error:
        raise CertificateError(f"This file is no certificate of the format {FORMAT}.") from error
    if certificate.to_bytes() != content:
        raise CertificateError("The file has another form than certificates have, so a reader could see another text.")
    if bytes.fromhex(certificate.public_key) != trusted_key:
        raise CertificateError(
            f"The certificate was signed with the key {fingerprint(bytes.fromhex(certificate.public_key))}; expected "
            f"{fingerprint(trusted_key)}."
        )
    try:
        key = Ed25519PublicKey.from_public_bytes(trusted_key)
        key.verify(bytes.fromhex(certificate.signature), _message(certificate.signed))
    except InvalidSignature as error:
        raise CertificateError(
            "The signature does not match: the certificate was changed after it was signed."
        ) from error
    if pdf is not None and sha256(pdf).hexdigest() != certificate.signed.pdf_sha256:
        raise CertificateError("The PDF is not the one that belongs to this certificate.")
    return certificate


def read_public_key(pem: bytes) -> bytes:
    """Return the 32 bytes of an Ed25519 public key in PEM.

    Raises:
        CertificateError: the text is no such key.
    """
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise CertificateError("The file is no public key in PEM.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise CertificateError("The file holds a public key of another kind; expected Ed25519.")
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def fingerprint(public_key: bytes) -> str:
    """Return the first 16 hexadecimal digits of a key's SHA-256, in groups of four."""
    digits = sha256(public_key).hexdigest()[:16]
    return " ".join(digits[n : n + 4] for n in range(0, 16, 4))


def _message(signed: Signed) -> bytes:
    return b"bojagi rights certificate\n" + _canonical(signed.model_dump(mode="json"))


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
