"""A web site of an installation: what its pages use, opened once, and the threads that make the pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from agent_serving.errors import TooManyRequests
from agent_serving.request_limit import RateLimit
from agent_serving.web.page import Pages
from agent_serving.web.pass_store import FILE, SECRET_FILE, PassStore
from installation.contract.plain_name import PlainNames, read_plain_names
from installation.installation import Installation
from installation.thread_store import ThreadStores
from privacy.rights.wording import Wording

THREADS = 4
"""Pages read tables, which takes tenths of a second. Threads of their own keep features in milliseconds."""
PAGES_PER_MINUTE = 120
"""Of one visitor who is signed in."""
FORMS_PER_MINUTE = 300
"""Forms of one network address without a session. Visitors behind one proxy share an address."""
Answer = TypeVar("Answer")


class Site:
    """What the pages of one web site use. `close` it after the last request.

    Attributes:
        package: the package with the templates.
        path: where the addresses of the pages begin, such as `/portal`.
        session_cookie: name of the cookie of a session.
        content_policy: the Content-Security-Policy of its pages.
        cases: errors of its services with the status and the text of their pages.
        explained: errors whose message may be shown to staff: it names no person.
        pages_per_minute: how many pages a signed-in visitor may open.
    """

    package: ClassVar[str]
    path: ClassVar[str]
    session_cookie: ClassVar[str]
    content_policy: ClassVar[str]
    cases: ClassVar[Mapping[type[Exception], tuple[int, Wording]]]
    explained: ClassVar[tuple[type[Exception], ...]]
    pages_per_minute: ClassVar[int] = PAGES_PER_MINUTE

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.rate, self.stranger_rate = RateLimit(self.pages_per_minute), RateLimit(FORMS_PER_MINUTE)
        self.stores = ThreadStores()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix=self.path.strip("/"))

    @cached_property
    def secret(self) -> bytes:
        """The key of form tokens and of the hashes of customer ids."""
        return self.installation.open_key(SECRET_FILE)

    @cached_property
    def pages(self) -> Pages:
        """The templates."""
        settings = self.installation.settings
        return Pages(self.package, {"controller": settings.controller, "base": self.path, **self.globals()},
                     settings.time_zone)  # fmt: skip

    def globals(self) -> dict[str, Any]:
        """Return names that every template of the site may use."""
        return {}

    @cached_property
    def names(self) -> PlainNames:
        """The plain names of tables, columns and purposes."""
        return read_plain_names(self.installation.settings.contract_dirs)

    @property
    def public_url(self) -> str:
        """The address of the site as browsers see it; empty if no setting says it."""
        raise NotImplementedError

    @property
    def passes(self) -> PassStore:
        """The links and sessions, one connection per thread.

        Raises:
            SiteUnavailable: the store cannot be opened.
        """
        return self.stores.once("passes", lambda: open_passes(self.installation, self.secret))

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
        """Return what `work` returns. It runs in a thread of the site."""
        # With the context of the request, whose identifier is in each entry of the log.
        return await asyncio.get_running_loop().run_in_executor(self._pool, copy_context().run, work)

    def close(self) -> None:
        """Finish the running work and close the stores."""
        self._pool.shutdown(wait=True)
        self.stores.close()


def open_passes(installation: Installation, secret: bytes | None = None) -> PassStore:
    """Return a new connection to the links and sessions, to be closed by the caller.

    Raises:
        SiteUnavailable: the store cannot be opened.
        SecretError: `secret` is None, and the key cannot be used.
    """
    place = installation.server or installation.settings.data_dir / FILE
    return PassStore(place, secret or installation.open_key(SECRET_FILE), installation.clock)
