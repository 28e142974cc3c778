"""The roles of `role.yaml`: which role may read which tables and columns for which purposes."""

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
    """One role. The head of `role.yaml` explains the fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    meaning: Annotated[str, Field(min_length=5)]
    purposes: Annotated[tuple[str, ...], Field(min_length=1)]
    tables: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z*]+/[a-z0-9_*]+$")], ...], Field(min_length=1)]
    identifiers: tuple[ReadableIdentifier, ...]
    without: tuple[str, ...] = ()
    subjects: Literal["pseudonymised", "as_stored"]
    values: Literal["coarsened", "as_stored"] = "as_stored"

    def may_read(self, table: str) -> bool:
        """Return whether the role may read the table."""
        return any(fnmatchcase(table, pattern) for pattern in self.tables)


class Roles(BaseModel):
    """All roles by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: dict[str, Role]

    def __getitem__(self, name: str) -> Role:
        """Return the role of that name.

        Raises:
            AccessRefused: there is no such role.
        """
        if name not in self.roles:
            raise AccessRefused(f"Got the role {name!r}; expected one of {', '.join(self.roles)}.")
        return self.roles[name]


def read_roles(text: str, name: str, policy: Policy) -> Roles:
    """Return the roles of a YAML file; `name` is the file name, for messages.

    Raises:
        AccessError: names every fault of the file.
    """
    try:
        found = Roles.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise AccessError(f"{name}: cannot be read as YAML; correct it: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise AccessError(f"{name}: {faults}. The keys are explained at the head of role.yaml.") from error
    categories = load_vocabulary().terms("categories")
    for title, role in found.roles.items():
        unknown = [p for p in role.purposes if p not in policy.purposes] + [
            c for c in role.without if c not in categories
        ]
        if unknown:
            raise AccessError(
                f"{name}: role {title} names {', '.join(unknown)}; expected known purposes and categories."
            )
    return found


@cache
def built_in_roles() -> Roles:
    """Return the roles that come with Bojagi; the same object every time."""
    text = resources.files(__package__).joinpath("role.yaml").read_text("utf-8")
    return read_roles(text, "role.yaml", built_in_policy())
