"""Errors of experiments. Messages name experiments, variants and metrics, never customers."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from features.errors import FeatureError


class ExperimentError(FeatureError):
    """Base of every error that this package raises on purpose."""


class ExperimentDefinitionError(ExperimentError):
    """A document is no definition of an experiment. `place` is where, such as `variants.0.share`."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"Definition of an experiment, {place}: {reason}. docs/experiments.md has an example.")
        self.place = place


class UnknownExperimentError(ExperimentError, KeyError):
    """There is no experiment of this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        names = list(known)
        near = get_close_matches(name, names, n=3) or names
        self.message = f"There is no experiment {name!r}; there are: {', '.join(near) or 'none'}."
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class ExperimentStateError(ExperimentError):
    """The experiment is in a state in which this cannot be done."""
