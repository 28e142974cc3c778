"""Tiers: which models a task tries, in order. A model that does not answer is followed by the next one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

import httpx

from agent_serving.llm.endpoint import Endpoint, EndpointStream
from agent_serving.llm.errors import Failure, ModelUnavailable
from agent_serving.llm.model import AnswerStream, Completion, Request, Task, Usage
from installation.agent_settings import LlmSettings

Noted = Callable[[Task, str, str, Usage], None]
"""Called after each call with the task, the model, `answered` or the failure, and the tokens."""


class Tiers:
    """The models of the settings. Belongs to one event loop; `close` ends its connections."""

    def __init__(self, settings: LlmSettings, noted: Noted) -> None:
        self._settings, self._noted = settings, noted
        # Connections are kept, and a proxy of the environment is not for a server of one's own.
        self._http = httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=settings.most_connections))
        self._endpoints = {name: Endpoint(name, model, self._http) for name, model in settings.models.items()}

    @property
    def is_empty(self) -> bool:
        """Whether there is no model at all."""
        return not self._endpoints

    def context_tokens(self, task: Task) -> int:
        """Return the context of the task's first model, which a prompt should fit into. 0 without models."""
        names = self._settings.tier(task.value)
        return self._endpoints[names[0]].settings.context_tokens if names else 0

    async def complete(self, request: Request) -> Completion:
        """Return the whole answer of the first model that gives one.

        Raises:
            ModelUnavailable: no model of the task's tier answered; with the last one's reason.
        """
        last = ModelUnavailable("-", Failure.NO_MODEL)
        for endpoint in self._tier(request.task):
            stream = TierStream([endpoint], request, self._noted)
            try:
                return Completion(
                    "".join([piece async for piece in stream.pieces()]).strip(), stream.usage, stream.model
                )
            except ModelUnavailable as error:
                last = error
        raise last

    def stream(self, request: Request) -> TierStream:
        """Return the answer piece by piece. Another model follows only while nothing has been written."""
        return TierStream(self._tier(request.task), request, self._noted)

    async def close(self) -> None:
        """End the connections."""
        await self._http.aclose()

    def _tier(self, task: Task) -> Sequence[Endpoint]:
        return [self._endpoints[name] for name in self._settings.tier(task.value)]


class TierStream(AnswerStream):
    """One answer of the first model that begins one; see `AnswerStream`."""

    def __init__(self, endpoints: Sequence[Endpoint], request: Request, noted: Noted) -> None:
        self._endpoints, self._request, self._noted = endpoints, request, noted
        self.usage, self.model = Usage(), "-"

    async def pieces(self) -> AsyncGenerator[str, None]:
        """Yield the pieces of the answer.

        Raises:
            ModelUnavailable: no model began an answer, or one ended before its answer was whole.
        """
        last = ModelUnavailable("-", Failure.NO_MODEL)
        for endpoint in self._endpoints:
            stream, begun, outcome = EndpointStream(endpoint, self._request), False, "abandoned"
            self.model = endpoint.name
            try:
                async with aclosing(stream.pieces()) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                outcome = "answered"
                return
            except ModelUnavailable as error:
                last, outcome = error, error.failure.value
                if begun:
                    raise
            finally:
                self.usage += stream.usage
                self._noted(self._request.task, endpoint.name, outcome, stream.usage)
        raise last
