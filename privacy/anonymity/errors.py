"""What can go wrong in anonymity. Messages name columns, counts and limits, never a person's values."""

from __future__ import annotations

from privacy.errors import PrivacyError


class AnonymityError(PrivacyError):
    """Base of this package's errors; `column` names the column at fault where there is one."""

    def __init__(self, message: str, *, column: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.column = column


class SpecError(AnonymityError):
    """The specification does not fit itself or the table."""


class HierarchyError(AnonymityError):
    """A generalisation hierarchy is broken or does not cover the data."""


class InfeasibleError(AnonymityError):
    """No release of this table satisfies the models within the limits."""


class VerificationError(AnonymityError):
    """The independent verifier refused the output, so nothing is released."""
