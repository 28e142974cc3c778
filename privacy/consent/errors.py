"""What can go wrong with consent. No message names a person."""

from privacy.errors import PrivacyError


class ConsentError(PrivacyError):
    """Consent could not be recorded, read or decided; nothing may rest on it."""


class UnknownPurposeError(ConsentError, KeyError):
    """No such purpose in the taxonomy, so that nothing is permitted for it."""

    def __str__(self) -> str:
        return self.message


class RuleError(ConsentError):
    """A file of purposes or of law is not what it should be."""


class CategoryRefused(ConsentError):
    """The law forbids a data category for a purpose, whatever the person agreed to. `articles` says which law."""

    def __init__(self, message: str, articles: tuple[str, ...]) -> None:
        super().__init__(message)
        self.articles = articles


class ReceiptError(ConsentError):
    """A document is no receipt of ours."""
