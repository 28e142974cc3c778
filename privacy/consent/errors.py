"""Errors of consent. No message contains personal data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from privacy.errors import PrivacyError

if TYPE_CHECKING:
    from pydantic import ValidationError


class ConsentError(PrivacyError):
    """Consent could not be recorded, read or decided; treat it as not given."""


class ConsentStoreReplaced(ConsentError):
    """Another file has taken the place of an open consent store, or its file is gone. Open the store again."""


class UnknownPurposeError(ConsentError, KeyError):
    """The taxonomy has no such purpose, so nothing is permitted for it."""

    def __str__(self) -> str:
        return self.message


class InvalidRecordError(ConsentError):
    """A field of a consent record has a value that no record may have. Nothing was recorded."""


class RuleError(ConsentError):
    """A file of purposes or of law has a fault."""


class CategoryRefused(ConsentError):
    """The law forbids a data category for a purpose, even with consent. `articles` names the law."""

    def __init__(self, message: str, articles: tuple[str, ...]) -> None:
        super().__init__(message)
        self.articles = articles


class ReceiptError(ConsentError):
    """A document is not a receipt that `write_receipt` made."""


def describe_faults(error: ValidationError) -> str:
    """Return every field at fault with the reason, joined by semicolons; never the values."""
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'record'}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors()
    )
