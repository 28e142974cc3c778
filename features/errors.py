"""Errors of the customer features. Messages name views, features, services and files, never personal data."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class FeatureError(Exception):
    """Base of every error that this package raises on purpose."""


class UnknownFeatureError(FeatureError, KeyError):
    """The catalog has no feature, view or service of the requested name. `kind` says which of the three it is."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = list(known)
        near = get_close_matches(name, known, n=3)
        listed = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
        hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {listed or 'none'}."
        self.kind, self.name, self.message = kind, name, f"There is no {kind} {name!r}. {hint}"
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message
