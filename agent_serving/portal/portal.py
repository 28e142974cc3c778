"""What the portal's pages use, opened once for an application, and the threads that make the pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

from prometheus_client import Counter

from agent_serving.authentication.authenticator import Authenticator
from agent_serving.authentication.identity import Identity
from agent_serving.errors import AuthenticationFailed, TooManyRequests
from agent_serving.observation import Metrics
from agent_serving.portal.notice import NoticeKind, notice
from agent_serving.portal.page import Pages
from agent_serving.portal.pass_store import FILE, SECRET_FILE, PassStore
from agent_serving.portal.post import Post
from agent_serving.request_limit import RateLimit
from installation.contract.plain_name import PlainNames, read_plain_names
from installation.installation import Installation
from installation.thread_store import ThreadStores
from privacy.rights.law import built_in_request_laws
from privacy.rights.request import Request
from privacy.rights.request_log import OFFICER
from privacy.rights.service import RightsService

THREADS = 4
"""Pages read tables, which takes tenths of a second. Threads of their own keep features in milliseconds."""
PAGES_PER_MINUTE = 120
"""Of one visitor who is signed in."""
FORMS_PER_MINUTE = 300
"""Forms of one network address without a session. Visitors behind one proxy share an address."""
Answer = TypeVar("Answer")


class Portal:
    """The portal of one installation. `close` it after the last request."""

    def __init__(self, installation: Installation, metrics: Metrics, authenticator: Authenticator) -> None:
        self.installation = installation
        self.rate, self.stranger_rate = RateLimit(PAGES_PER_MINUTE), RateLimit(FORMS_PER_MINUTE)
        self._authenticator = authenticator
        self._stores = ThreadStores()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="portal")
        self._mails = Counter(
            "bojagi_portal_mails",
            "Mails and requests for sign-in links, by outcome.",
            ("outcome",),
            registry=metrics.registry,
        )

    @cached_property
    def secret(self) -> bytes:
        """The key of form tokens and of the hashes of customer ids."""
        return self.installation.open_key(SECRET_FILE)

    @cached_property
    def pages(self) -> Pages:
        """The templates."""
        return Pages(self.installation.settings.controller, self.installation.settings.time_zone)

    @cached_property
    def names(self) -> PlainNames:
        """The plain names of tables, columns and purposes."""
        return read_plain_names(self.installation.settings.contract_dirs)

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
    def passes(self) -> PassStore:
        """The links and sessions, one connection per thread.

        Raises:
            PortalUnavailable: the store cannot be opened.
        """
        settings = self.installation.settings
        return self._stores.once(
            "passes",
            lambda: PassStore(
                self.installation.server or settings.data_dir / FILE, self.secret, self.installation.clock
            ),
        )

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

    def count(self, visitor: str) -> None:
        """Count a request of a signed-in visitor.

        Raises:
            TooManyRequests: there were too many.
        """
        self._count(self.rate, visitor)

    def count_stranger(self, address: str) -> None:
        """Count a form from a network address without a session; raises what `count` raises."""
        self._count(self.stranger_rate, address)

    def _count(self, rate: RateLimit, visitor: str) -> None:
        if wait := rate.seconds_to_wait(visitor):
            raise TooManyRequests("This visitor has sent too many requests.", wait)

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Return what `work` returns. It runs in a thread of the portal."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Finish the running work and close the stores."""
        if "post" in self.__dict__:
            self.__dict__.pop("post").close()
        self._pool.shutdown(wait=True)
        self._stores.close()
