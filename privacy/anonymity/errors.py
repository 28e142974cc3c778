"""Errors of anonymous releases. Messages name columns, counts and limits, never a person's values."""

from __future__ import annotations

from privacy.errors import PrivacyError


class AnonymityError(PrivacyError):
    """Base of this package's errors. `column` is the name of the faulty column, or None."""

    def __init__(self, message: str, *, column: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.column = column


class SpecError(AnonymityError):
    """The specification contradicts itself or does not fit the table."""


class HierarchyError(AnonymityError):
    """A generalisation hierarchy is broken or does not cover the data."""


class InfeasibleError(AnonymityError):
    """No release of this table satisfies the models within the limits."""


class VerificationError(AnonymityError):
    """The independent verifier refused the output, so nothing is released."""
