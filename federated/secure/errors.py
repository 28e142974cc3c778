"""Errors of secure aggregation, noise and set intersection. Messages name sites and counts, never values or customers."""

from __future__ import annotations

from federated.errors import FederatedError


class SecureError(FederatedError):
    """Base of the errors of this package."""

    code = "secure"


class ProtocolViolation(SecureError):
    """A message is missing, forged, altered, repeated or out of order. The round ends, and nothing more is revealed."""


class TooFewSites(SecureError):
    """Fewer sites than the threshold answered a step, so the round ends without a sum."""

    def __init__(self, step: str, got: int, threshold: int) -> None:
        super().__init__(
            f"Only {got} sites answered the step '{step}'; the round needs {threshold}. Repeat the round when more sites "
            "are connected"
        )
        self.step = step
        self.got = got
        self.threshold = threshold


class UnsafeTerms(SecureError):
    """The terms of a round, of noise or of an intersection would not protect what they promise to protect."""
