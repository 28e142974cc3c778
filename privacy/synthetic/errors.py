"""Errors of `privacy.synthetic`."""

from __future__ import annotations

from privacy.errors import PrivacyError


class SyntheticError(PrivacyError):
    """Base class of every error of `privacy.synthetic`. Its messages hold no personal data."""

    def __init__(self, message: str) -> None:
        super().__init__(message, public_details=message)


class BadSpecification(SyntheticError):
    """A specification is malformed, or does not fit its table. No budget was spent."""


class DamagedModel(SyntheticError):
    """A model file was changed, cut off, or saved by another installation."""


class UnmetConstraint(SyntheticError):
    """The model gives too few rows that meet a condition or a constraint."""
