"""What the console's pages use: accounts, the provider's sign-in, and the customers that pages are about."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar, cast

from agent_serving.authentication.oidc import TokenVerifier
from agent_serving.authentication.provider_sign_in import ProviderSignIn
from agent_serving.authentication.staff_account import FILE, StaffAccounts
from agent_serving.console.customer.identity import StewardOf
from agent_serving.console.page_table import ROLES
from agent_serving.console.refusal import CASES, EXPLAINED
from agent_serving.console.staff import ACCOUNT, Staff, staff_of_session
from agent_serving.console.staff_name import for_staff
from agent_serving.console.subject import SubjectIndex
from agent_serving.web.site import Site
from features.experiment.service import Experiments
from installation.contract.plain_name import PlainNames
from installation.installation import Installation

Known = TypeVar("Known")


class Console(Site):
    """The console of one installation. `close` it after the last request.

    Attributes:
        subjects: leads from an identifier as a role sees it to the customer.
        provider: the sign-in by an OpenID Connect provider; None without one.
        built: keys of the pages that the application has.
    """

    package = str(__package__)
    path = "/console"
    session_cookie = "bojagi_console"
    # Scripts and styles are files of this server; the scripts may ask this server only.
    content_policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    cases = CASES
    explained = EXPLAINED
    # A form that shows its result while somebody types asks several times for each page.
    pages_per_minute = 600

    def __init__(self, installation: Installation, tokens: TokenVerifier | None) -> None:
        super().__init__(installation)
        self.subjects = SubjectIndex(installation)
        settings = installation.settings.oidc
        is_set_up = settings is not None and settings.client_id is not None and tokens is not None
        self.provider = ProviderSignIn(settings, tokens) if is_set_up and settings and tokens else None
        self.built: frozenset[str] = frozenset()
        self._known: dict[str, tuple[int | None, Any]] = {}
        self.steward_of: StewardOf | None = None

    def globals(self) -> dict[str, Any]:
        """Return the names of roles for the templates."""
        return {"roles": ROLES}

    @cached_property
    def names(self) -> PlainNames:
        """The plain names of tables, columns and purposes, in the third person."""
        return for_staff(super().names)

    @property
    def public_url(self) -> str:
        """The address of the console; empty if no setting says it."""
        return self.installation.settings.console.public_url or ""

    def known(self, name: str, version: int | None, made: Callable[[], Known]) -> Known:
        """Return what was computed from a version of a table; it is made anew when the table has another version."""
        found = self._known.get(name)
        if found is None or found[0] != version:
            # Two threads may both make it, with the same result.
            found = self._known[name] = (version, made())
        return cast("Known", found[1])

    @property
    def accounts(self) -> StaffAccounts:
        """The local accounts, one connection per thread.

        Raises:
            StaffAccountError: the store cannot be opened.
        """
        return self.stores.once("accounts", lambda: open_accounts(self.installation))

    @property
    def experiments(self) -> Experiments:
        """The experiments, one object per thread."""
        return self.stores.once("experiments", lambda: Experiments(self.installation))

    def staff_of(self, content: dict[str, str]) -> Staff | None:
        """Return whose session it is; None if the account or the role is no longer valid."""
        account = self.accounts.active(content["account"]) if content["by"] == ACCOUNT else None
        found = staff_of_session(content, account, self.installation.roles)
        return found if found is not None and found.role in ROLES else None


def open_accounts(installation: Installation) -> StaffAccounts:
    """Return a new connection to the accounts of the console, to be closed by the caller.

    Raises:
        StaffAccountError: the store cannot be opened.
    """
    return StaffAccounts(installation.server or installation.settings.data_dir / FILE, installation.clock)
