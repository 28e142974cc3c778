"""Whose request it is, as an API key or a token proves it."""

from __future__ import annotations

from dataclasses import dataclass

from features.retrieval.answer import Caller
from privacy.access.role import Roles

WRITER = "event_writer"
"""Role of the write keys of the collector. It is no role of `role.yaml`: a web page shows its key to everybody."""


@dataclass(frozen=True)
class Identity:
    """The caller of a request: its name, role and purposes, and the key under which its requests are counted."""

    caller: Caller
    key: str


def unknown_purposes(roles: Roles, role: str, purposes: frozenset[str]) -> list[str]:
    """Return the purposes that the role does not have, in order.

    Raises:
        AccessRefused: there is no such role.
    """
    return sorted(purposes - set(roles[role].purposes))
