"""The roles, as `role.yaml` says them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from privacy.access.errors import AccessError, AccessRefused
from privacy.consent.policy import Policy, built_in_policy
from privacy.contract.vocabulary import load_vocabulary

ReadableIdentifier = Literal["quasi", "sensitive", "none"]


class Role(BaseModel):
    """One role. The keys are explained at the head of `role.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    meaning: Annotated[str, Field(min_length=5)]
    purposes: Annotated[tuple[str, ...], Field(min_length=1)]
    tables: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z*]+/[a-z0-9_*]+$")], ...], Field(min_length=1)]
    identifiers: tuple[ReadableIdentifier, ...]
    without: tuple[str, ...] = ()
    subjects: Literal["pseudonymised", "as_stored"]

    def may_read(self, table: str) -> bool:
        """Whether the table is among the role's."""
        return any(fnmatchcase(table, pattern) for pattern in self.tables)


class Roles(BaseModel):
    """All roles by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: dict[str, Role]

    def __getitem__(self, name: str) -> Role:
        """The role of that name.

        Raises:
            AccessRefused: there is none; nobody else reads anything.
        """
        if name not in self.roles:
            raise AccessRefused(f"Got the role {name!r}; expected one of {', '.join(self.roles)}.")
        return self.roles[name]


def read_roles(text: str, name: str, policy: Policy) -> Roles:
    """Read a file of roles.

    Raises:
        AccessError: naming every place that is not as it should be.
    """
    try:
        found = Roles.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise AccessError(f"{name}: no YAML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise AccessError(f"{name}: {faults}. The keys are explained at the head of role.yaml.") from error
    categories = load_vocabulary().terms("categories")
    for title, role in found.roles.items():
        unknown = [p for p in role.purposes if p not in policy.purposes] + [
            c for c in role.without if c not in categories
        ]
        if unknown:
            raise AccessError(f"{name}: role {title} names {', '.join(unknown)}; no such purpose or category.")
    return found


@cache
def built_in_roles() -> Roles:
    """The roles that come with Bojagi; the same object every time."""
    text = resources.files(__package__).joinpath("role.yaml").read_text("utf-8")
    return read_roles(text, "role.yaml", built_in_policy())
