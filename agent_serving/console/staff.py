"""A signed-in member of staff, with the role of the account and the purpose of the session."""

from __future__ import annotations

from dataclasses import dataclass

from agent_serving.authentication.identity import Identity, unknown_purposes
from agent_serving.authentication.staff_account import StaffAccount
from privacy.access.errors import AccessRefused
from privacy.access.role import Roles

ACCOUNT, PROVIDER = "account", "provider"


@dataclass(frozen=True)
class Staff:
    """A member of staff. `name` stands in the audit log; `purpose` is empty until it is stated for the session."""

    name: str
    role: str
    purposes: tuple[str, ...]
    purpose: str

    def may_state(self, purpose: str) -> bool:
        """Return whether this person may use data for the purpose."""
        return purpose in self.purposes


def session_of_account(account: StaffAccount) -> dict[str, str]:
    """Return the content of a new session of a local account."""
    return {"by": ACCOUNT, "account": account.id, "purpose": ""}


def session_of_provider(identity: Identity) -> dict[str, str]:
    """Return the content of a new session of somebody whom a provider has signed in."""
    caller = identity.caller
    purposes = " ".join(sorted(caller.purposes or ()))
    return {"by": PROVIDER, "name": caller.name, "role": caller.role, "purposes": purposes, "purpose": ""}


def staff_of_session(content: dict[str, str], account: StaffAccount | None, roles: Roles) -> Staff | None:
    """Return whose session it is; None if the account is revoked, or the role or its purposes are gone.

    `account`: the active account that the content names; None for a session of a provider.
    """
    if content["by"] == ACCOUNT:
        if account is None or account.role not in roles.roles:
            return None
        found = Staff(account.name, account.role, roles[account.role].purposes, content["purpose"])
    else:
        purposes = tuple(content["purposes"].split())
        try:
            if unknown_purposes(roles, content["role"], frozenset(purposes)):
                return None
        except AccessRefused:
            return None
        found = Staff(content["name"], content["role"], purposes, content["purpose"])
    is_known = found.may_state(found.purpose)
    return found if is_known else Staff(found.name, found.role, found.purposes, "")
