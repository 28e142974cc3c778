"""Errors of bundles."""

from __future__ import annotations

from agent_serving.commerce.errors import CommerceError


class BundleError(CommerceError):
    """Base of the errors of bundles."""

    code = "bundle_error"


class BundleInputError(BundleError):
    """The products or the wish contradict themselves, whatever is for sale."""

    code = "invalid_bundle"


class NoBundle(BundleError):
    """No bundle respects the wish. `constraint` names the limit that excludes all of them.

    Attributes:
        constraint: `budget`, `diet`, `category`, `items` or `required`.
        subject: the category or the product; empty for the whole bundle.
    """

    code = "no_bundle"

    def __init__(self, constraint: str, subject: str, reason: str) -> None:
        super().__init__(f"No bundle respects the limit {constraint}{f' of {subject}' if subject else ''}: {reason}")
        self.constraint, self.subject = constraint, subject
