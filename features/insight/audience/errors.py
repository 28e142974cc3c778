"""Errors of audiences. Messages name audiences, features, event types and purposes, never customers."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from features.errors import FeatureError
from features.insight.audience.difference import MOST
from features.insight.group_size import K


class AudienceError(FeatureError):
    """Base of every error that this package raises on purpose."""


class DefinitionError(AudienceError):
    """A definition cannot be read, or does not fit the contracts. `place` is where, such as `rule.all[1]`."""

    def __init__(self, place: str, got: str, expected: str) -> None:
        super().__init__(f"Audience definition, {place}: got {got}; expected {expected}.")
        self.place = place


class UnknownAudienceError(AudienceError, KeyError):
    """There is no audience of this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        names = list(known)
        near = get_close_matches(name, names, n=3) or names
        self.message = f"There is no audience {name!r}; there are: {', '.join(near) or 'none'}."
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class UnreadableAudienceError(AudienceError):
    """A stored document, a definition or the history of sizes, is damaged."""

    def __init__(self, document: str) -> None:
        super().__init__(
            f"The document {document} of the audiences cannot be read. Restore it from a backup. A definition can also "
            "be written again, but without the history of sizes no size is told."
        )


class AudienceRefused(AudienceError):
    """The size or the members are not told, because that would reveal single customers."""


class NearIdenticalError(AudienceRefused):
    """The rule selects nearly the same customers as an earlier question or as what that one leaves out.

    The message does not say which one, nor by how many customers they differ: zero and K - 1 look the same.
    """

    def __init__(self) -> None:
        super().__init__(
            "This audience differs by too few customers from an earlier one, from what an earlier one leaves out, or "
            f"from everybody: by fewer than {K}, or than a number up to {MOST} that differs from rule to rule. The "
            "difference of the sizes would tell about single customers. Change the rule more, or use the earlier one."
        )


class TooSmallError(AudienceRefused):
    """The audience has fewer than K members, so it is not exported."""

    def __init__(self) -> None:
        super().__init__(f"The audience has fewer than {K} members, so it is not exported. Make its rule wider.")


class TooManyQuestionsError(AudienceRefused):
    """Too many different rules were asked for; refused ones count as well."""

    def __init__(self, limit: int, days: int) -> None:
        super().__init__(
            f"{limit:,} different rules were asked for within {days} days, the most that is allowed, because each "
            "further answer narrows down what the others leave open. Use an audience that exists, or wait."
        )
