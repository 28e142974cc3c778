"""The caller of a request, as an API key or a token states it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from privacy.access.role import Roles


@dataclass(frozen=True)
class Caller:
    """An authenticated program or person.

    `who` is the name in the audit log; `key` identifies the caller for rate limits. The caller may state only
    `purposes`, which are purposes of the role.
    """

    who: str
    role: str
    purposes: frozenset[str]
    method: Literal["api_key", "oidc"]
    key: str


def unknown_purposes(roles: Roles, role: str, purposes: frozenset[str]) -> list[str]:
    """Return the purposes that the role does not have, in order.

    Raises:
        AccessRefused: there is no such role.
    """
    return sorted(purposes - set(roles[role].purposes))
