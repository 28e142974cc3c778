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


class UnknownServiceError(UnknownFeatureError):
    """The catalog has no feature service of the requested name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__("feature service", name, known)


class TooManyCustomersError(FeatureError):
    """One call asks for more customers than it may."""


class PushRefused(FeatureError):
    """Values cannot be pushed: the event time has no zone, or a name is no feature of the view."""


class RetrievalFailed(FeatureError):
    """A part that a retrieval needs has failed, so no value was returned. `part` names it.

    `part`: `online store`, `consent record` or `audit log`.
    """

    def __init__(self, part: str, detail: str) -> None:
        super().__init__(f"No feature was returned, because the {part} failed: {detail}")
        self.part = part
