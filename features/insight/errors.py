"""Errors of insight. Messages name models, segments, audiences and columns, never personal data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from features.errors import FeatureError


class InsightError(FeatureError):
    """Base of every error that this package raises on purpose."""


class TooFewRowsError(InsightError):
    """A model cannot be fitted: its target has no labelled rows, or only one class."""

    def __init__(self, target: str, got: str, expected: str) -> None:
        super().__init__(f"The model {str(target)!r} cannot be fitted: got {got}, expected {expected}.")
        self.target = target


class UnreadableRowError(InsightError):
    """A row of a table that keeps models or cards was damaged, or another version of Bojagi has written it."""

    def __init__(self, table: str) -> None:
        super().__init__(f"A row of {table} cannot be read: it was damaged. Restore the table from a backup.")
        self.table = table


@contextmanager
def reading(table: str) -> Iterator[None]:
    """Raise `UnreadableRowError` for whatever is wrong with the text of a row that the block parses."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise UnreadableRowError(table) from error
