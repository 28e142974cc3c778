"""Errors of insight. Messages name models, segments, audiences and columns, never personal data."""

from __future__ import annotations

from features.errors import FeatureError


class InsightError(FeatureError):
    """Base of every error that this package raises on purpose."""


class TooFewRowsError(InsightError):
    """A model cannot be fitted: its target has no labelled rows, or only one class."""

    def __init__(self, target: str, got: str, expected: str) -> None:
        super().__init__(f"The model {str(target)!r} cannot be fitted: got {got}, expected {expected}.")
        self.target = target
