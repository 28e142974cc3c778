"""Errors of policies. Messages name policies, arms and columns, never customers."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from features.errors import FeatureError


class PolicyError(FeatureError):
    """Base of every error that this package raises on purpose."""


class PolicyDefinitionError(PolicyError):
    """A document is no definition of a policy. `place` is where, such as `arms.0`."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"Definition of a policy, {place}: {reason}. docs/policy.md has an example.")
        self.place = place


class UnknownPolicyError(PolicyError, KeyError):
    """There is no policy, or no version of it, of this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        names = list(known)
        near = get_close_matches(name, names, n=3) or names
        self.message = f"There is no policy {name!r}; there are: {', '.join(near) or 'none'}."
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class PolicyStateError(PolicyError):
    """The policy is in a state in which this cannot be done."""


class ContextError(PolicyError):
    """A context is not what the policy declares: its length, or a value that is no finite number."""


class DecisionLogError(PolicyError):
    """A log of decisions proves nothing: its propensities are missing, zero, or not those of the decisions."""
