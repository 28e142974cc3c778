"""The services behind the routes, opened once for an application, and the threads that run them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import Request

from agent_serving.authentication.api_key import ApiKeyStore
from agent_serving.authentication.authenticator import Authenticator
from agent_serving.authentication.identity import Identity
from agent_serving.authentication.oidc import TokenVerifier
from agent_serving.collector.collector import Collector
from agent_serving.console.console import Console
from agent_serving.errors import ApiKeyError, TooManyRequests
from agent_serving.observation import Metrics
from agent_serving.portal.portal import Portal
from agent_serving.request_limit import RateLimit
from agent_serving.search.watcher import ContentWatcher, is_engine_installed
from features.recommend.service import Recommendations
from features.retrieval.reader import FeatureReader
from installation.installation import Installation
from installation.thread_store import ThreadStores
from privacy.storage.database import DATABASE_ERRORS

if TYPE_CHECKING:
    from agent_serving.conversation.opening import Chat

THREADS = 4
"""Reads take microseconds and share the interpreter. More threads would only wait for each other."""

Answer = TypeVar("Answer")


class Services:
    """What the routes of one application use. `open` before the first request, `close` after the last."""

    def __init__(self, installation: Installation) -> None:
        settings = installation.settings
        self.installation = installation
        self.metrics = Metrics()
        self.rate = RateLimit(settings.http.requests_per_minute)
        self._stores = ThreadStores()
        self._opening = threading.Lock()
        self._chat: Chat | None = None
        self._watcher: ContentWatcher | None = None
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="serve")
        self._observer = ThreadPoolExecutor(1, thread_name_prefix="ready")
        tokens = None
        if settings.oidc is not None:
            tokens = TokenVerifier(settings.oidc, installation.roles, installation.clock)
        self._authenticator = Authenticator(self._keys_of_thread, tokens)
        self.portal = Portal(installation, self.metrics, self._authenticator)
        self.console = Console(installation, tokens)
        self.collector = Collector(installation, self._keys_of_thread, self.metrics.registry)

    @cached_property
    def features(self) -> FeatureReader:
        """The consent-gated retrieval of features."""
        return FeatureReader.open(self.installation)

    @cached_property
    def recommendations(self) -> Recommendations:
        """The lists of recommended items."""
        return Recommendations(self.installation, self.features)

    @property
    def chat(self) -> Chat:
        """The conversations of the shopping agent, opened at their first use: their language data takes a second.

        Raises:
            AgentNotInstalled: a package of the extra `agent` is missing.
        """
        with self._opening:
            if self._chat is None:
                # Imported here, because the application serves without the packages of the agent.
                from agent_serving.conversation.opening import open_chat
                from agent_serving.reply.built_in_rules import BuiltInRules

                self._chat = open_chat(
                    self.installation, self.features, self.metrics.registry, self._is_key_active, BuiltInRules
                )
            return self._chat

    def open(self) -> None:
        """Open what a request needs, so that the first one is not slow and a fault stops the start.

        Raises:
            RetrievalFailed: the online store, the consent record or the audit log cannot be opened.
            ApiKeyError: the store of API keys cannot be opened.
        """
        self._keys_of_thread()
        _ = self.features, self.recommendations
        if self._watcher is None and is_engine_installed(self.installation.settings):
            self._watcher = ContentWatcher(self.installation)

    async def close_chat(self) -> None:
        """Finish the conversations, on the event loop that they ran on."""
        if self._chat is not None:
            await self._chat.close()
            self._chat = None

    def close(self) -> None:
        """Finish the running work and close the stores."""
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        self.collector.close()
        self._pool.shutdown(wait=True)
        self._observer.shutdown(wait=True)
        self.portal.close()
        self.console.close()
        if "recommendations" in self.__dict__:
            self.__dict__.pop("recommendations").close()
        if "features" in self.__dict__:
            self.__dict__.pop("features").close()
        self._stores.close()

    async def answer(self, request: Request, work: Callable[[Identity], Answer], *, runs_long: bool = False) -> Answer:
        """Return what `work` returns for the authenticated caller of a request. It runs in a thread of the pool.

        `runs_long`: it takes longer than a read of features, so it runs in a thread of the portal.

        Raises:
            AuthenticationFailed: the request has no valid key or token.
            ProviderUnavailable: keys or tokens cannot be checked now.
            TooManyRequests: the caller sent too many requests.
        """
        job = partial(self._authenticated, request, work)
        return await (self.portal.run(job) if runs_long else self.in_thread(job))

    async def in_thread(self, work: Callable[[], Answer]) -> Answer:
        """Return what `work` returns. It runs in a thread of the pool."""
        # With the context of the request, whose identifier is in each entry of the log.
        return await asyncio.get_running_loop().run_in_executor(self._pool, copy_context().run, work)

    async def failing_parts(self) -> tuple[str, ...]:
        """Return the names of the parts that cannot be used now. A thread of its own asks, so that no request waits."""
        return await asyncio.get_running_loop().run_in_executor(self._observer, self._failing_parts)

    def _authenticated(self, request: Request, work: Callable[[Identity], Answer]) -> Answer:
        identity = self._authenticator.identity(request.headers.get("authorization"))
        # A token's subject may be a person, so the log of requests names only API keys.
        request.state.caller = identity.key if identity.key.startswith("api_key:") else "oidc"
        if wait := self.rate.seconds_to_wait(identity.key):
            raise TooManyRequests("This caller has sent too many requests.", wait)
        return work(identity)

    def _failing_parts(self) -> tuple[str, ...]:
        failing = self.features.failing_parts()
        try:
            keys = self._keys_of_thread()
            keys.follow()
            keys.all_keys()
        except (ApiKeyError, *DATABASE_ERRORS):
            failing = (*failing, "API keys")
        return failing

    def _is_key_active(self, identifier: str) -> bool:
        keys = self._keys_of_thread()
        keys.follow()
        return keys.is_active(identifier)

    def _keys_of_thread(self) -> ApiKeyStore:
        return self._stores.once("api_keys", lambda: open_api_keys(self.installation))


def open_api_keys(installation: Installation) -> ApiKeyStore:
    """Return a new connection to the installation's API keys, to be closed by the caller.

    Raises:
        ApiKeyError: the store cannot be opened.
    """
    file = installation.settings.data_dir / "serving" / "api_key.db"
    return ApiKeyStore(installation.server or file, installation.clock)
