"""Errors of recommendation. Messages name items, objectives and sizes, never personal data."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from features.errors import FeatureError


class RecommendError(FeatureError):
    """Base of every error that this package raises on purpose."""


class UnknownNameError(RecommendError):
    """There is no objective or context of the requested name."""

    kind = "name"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        listed = list(known)
        near = get_close_matches(name, listed, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(listed) or 'none'}."
        super().__init__(f"There is no {self.kind} {name[:100]!r}. {hint}")
        self.name = name


class UnknownObjectiveError(UnknownNameError):
    """The declaration has no objective of the requested name."""

    kind = "objective"


class UnknownContextError(UnknownNameError):
    """There is no such part of the day."""

    kind = "context"


class PolicyMismatchError(RecommendError):
    """The policy of recommendations has an arm that is no objective, or a number that a request does not know."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"The policy of recommendations names {name!r}; expected one of {', '.join(known)}.")


class ObjectiveFileError(RecommendError):
    """The declaration of objectives cannot be read."""


class TooFewPurchasesError(RecommendError):
    """A recommender cannot be fitted: too few customers bought before and after the day of the fit."""

    def __init__(self, got: int, expected: int) -> None:
        super().__init__(
            f"A recommender cannot be fitted: got {got} permitted customers with purchases before and after the day "
            f"of the fit, expected at least {expected}."
        )
        self.got, self.expected = got, expected
