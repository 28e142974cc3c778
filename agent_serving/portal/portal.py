"""What the portal's pages use: requests, officers' keys and mails."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from prometheus_client import Counter

from agent_serving.authentication.authenticator import Authenticator
from agent_serving.authentication.identity import Identity
from agent_serving.errors import AuthenticationFailed
from agent_serving.observation import Metrics
from agent_serving.portal import words
from agent_serving.portal.notice import NoticeKind, notice
from agent_serving.portal.post import Post
from agent_serving.portal.refusal import CASES, EXPLAINED
from agent_serving.web.site import Site
from installation.installation import Installation
from privacy.rights.law import built_in_request_laws
from privacy.rights.request import Request
from privacy.rights.request_log import OFFICER
from privacy.rights.service import RightsService


class Portal(Site):
    """The portal of one installation. `close` it after the last request."""

    package = str(__package__)
    path = "/portal"
    session_cookie = "bojagi_session"
    content_policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    cases = CASES
    explained = EXPLAINED

    def __init__(self, installation: Installation, metrics: Metrics, authenticator: Authenticator) -> None:
        super().__init__(installation)
        self._authenticator = authenticator
        self._mails = Counter(
            "bojagi_portal_mails",
            "Mails and requests for sign-in links, by outcome.",
            ("outcome",),
            registry=metrics.registry,
        )

    def globals(self) -> dict[str, Any]:
        """Return the names of rights, states and countries for the templates."""
        return {"words": words}

    @property
    def public_url(self) -> str:
        """The address with which links in mails begin; empty if no setting says it."""
        return self.installation.settings.portal.public_url or ""

    @property
    def country(self) -> str:
        """The country whose law governs by default."""
        region, laws = self.installation.settings.phone_region, built_in_request_laws().laws
        known = [code for law in laws.values() for code in law.jurisdictions]
        return region if region in known else known[0]

    @cached_property
    def post(self) -> Post:
        """What sends one-time links and notices."""
        return Post(self.installation, lambda: self.passes, lambda outcome: self._mails.labels(outcome).inc())

    @property
    def rights(self) -> RightsService:
        """The service of requests."""
        return self.installation.rights_service()

    def officer_of(self, credential: str) -> Identity | None:
        """Return the privacy officer whose API key or token this is; None if it is not valid, or of another role.

        Raises:
            ProviderUnavailable: keys or tokens cannot be checked now.
        """
        try:
            identity = self._authenticator.identity(f"Bearer {credential}")
        except AuthenticationFailed:
            return None
        return identity if identity.caller.role == OFFICER else None

    def notify(self, kind: NoticeKind, request: Request, contact: str | None, reason: str = "") -> None:
        """Send a mail about a request to its contact, if there is one."""
        if contact is not None:
            self.post.tell(contact, *notice(kind, request, reason, self.installation.settings))

    def close(self) -> None:
        """Finish the running work, send no more mails, and close the stores."""
        if "post" in self.__dict__:
            self.__dict__.pop("post").close()
        super().close()
