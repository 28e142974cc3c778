"""Errors of secure sums, noise and set intersection. Messages name sites and counts, never values or customers."""

from __future__ import annotations

from federated import errors


class SecureError(errors.FederatedError):
    """Base of the errors of this package."""

    code = "secure"


class ProtocolViolation(SecureError):
    """A message is missing, forged, altered, repeated or out of order. The round ends, and no more is revealed."""


class UnsafeTerms(SecureError):
    """The terms of a round, of noise or of an intersection would not give the protection that they promise."""


class TooFewSites(SecureError):
    """Too many sites dropped out of a secure sum, so the round ends without a sum.

    Attributes:
        got: number of sites that answered.
    """

    def __init__(self, step: str, got: int, threshold: int) -> None:
        super().__init__(
            f"{got} sites answered the step '{step}' of a secure sum; it needs {threshold}. Repeat the round "
            "when more sites are connected."
        )
        self.got = got
