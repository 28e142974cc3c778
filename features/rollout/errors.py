"""Errors of rollouts. Messages name rollouts, versions and figures, never customers."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from features.errors import FeatureError


class RolloutError(FeatureError):
    """Base of every error that this package raises on purpose."""


class RolloutDefinitionError(RolloutError):
    """A document is no definition of a rollout. `place` is where, such as `stages.0.share`."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"Definition of a rollout, {place}: {reason}. docs/rollouts.md has an example.")
        self.place = place


class UnknownRolloutError(RolloutError, KeyError):
    """There is no rollout of this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        names = list(known)
        near = get_close_matches(name, names, n=3) or names
        self.message = f"There is no rollout {name!r}; there are: {', '.join(near) or 'none'}."
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class RolloutStateError(RolloutError):
    """The rollout is in a state in which this cannot be done."""
