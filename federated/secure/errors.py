"""Errors of secure sums, noise and set intersection. Messages name sites and counts, never values or customers."""

from __future__ import annotations

from federated.errors import BadSetting, FederatedError, TooFewSites


class ProtocolViolation(FederatedError):
    """A message is missing, forged, altered, repeated or out of order. The round ends, and no more is revealed."""

    code = "protocol"


class UnsafeTerms(BadSetting):
    """The terms of a round, of noise or of an intersection would not give the protection that they promise."""

    code = "unsafe"


def too_few(step: str, got: int, threshold: int) -> TooFewSites:
    """Return the error that ends a round in which too many sites dropped out."""
    return TooFewSites(
        f"{got} sites answered the step '{step}' of a secure sum; the round needs {threshold}. Repeat the round when "
        "more sites are connected."
    )
