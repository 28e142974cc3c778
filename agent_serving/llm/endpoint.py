"""One model behind an OpenAI-compatible server, asked over HTTP.

Every answer is streamed, so that the same checks hold for all.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import httpx

from agent_serving.llm.chunk import BodyBroken, is_overflow, read_chunks
from agent_serving.llm.circuit import Circuit
from agent_serving.llm.errors import RETRIED, UNHEALTHY, Failure, ModelUnavailable
from agent_serving.llm.model import Request, Usage
from agent_serving.llm.reasoning import ReasoningFilter
from installation.agent_settings import ModelSettings

MOST_ATTEMPTS = 2
_PAUSE_SECONDS = 0.2
_MOST_CHARACTERS_OF_TOKEN = 24
"""A server that sends more text than so many times the tokens it was allowed does not stop by itself."""
_MOST_ERROR_BYTES = 64 * 1024


class Endpoint:
    """One model of the settings with its connection and its health. Belongs to one event loop."""

    def __init__(self, name: str, settings: ModelSettings, http: httpx.AsyncClient) -> None:
        self.name, self.settings, self.http, self.circuit = name, settings, http, Circuit()
        key = settings.read_api_key()
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}


class EndpointStream:
    """One answer of one model. `usage` is complete at its end."""

    def __init__(self, endpoint: Endpoint, request: Request) -> None:
        self._endpoint, self._request = endpoint, request
        self._name, self._settings = endpoint.name, endpoint.settings
        self.usage = Usage()

    async def pieces(self) -> AsyncGenerator[str, None]:
        """Yield the answer. It is asked for again if the first attempt failed before its first piece.

        Raises:
            ModelUnavailable: with the reason.
        """
        for attempt in range(1, MOST_ATTEMPTS + 1):
            begun = False
            try:
                async with aclosing(self._attempt()) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                return
            except ModelUnavailable as error:
                if begun or error.failure not in RETRIED or attempt == MOST_ATTEMPTS:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS * random.uniform(0.5, 1.5))

    async def _attempt(self) -> AsyncGenerator[str, None]:
        circuit, most_seconds = self._endpoint.circuit, self._settings.most_seconds
        if not circuit.enter(most_seconds):
            raise ModelUnavailable(self._name, Failure.CIRCUIT_OPEN)
        # Neither success nor failure is noted when the shopper leaves and the answer is no longer wanted.
        noted: Callable[[], None] = circuit.abandon
        deadline = asyncio.get_running_loop().time() + most_seconds
        has_text = False
        try:
            async with aclosing(self._texts()) as texts:
                # The limit holds around each wait and not around a yield, where it would cancel the caller's own work.
                while (text := await self._before(deadline, texts)) is not None:
                    has_text = has_text or bool(text.strip())
                    yield text
            noted = circuit.succeed
            if not has_text:
                raise ModelUnavailable(self._name, Failure.EMPTY)
        except ModelUnavailable as error:
            noted = circuit.fail if error.failure in UNHEALTHY else noted
            raise
        finally:
            noted()

    async def _before(self, deadline: float, texts: AsyncIterator[str]) -> str | None:
        """Return the next text, or None at the end. Errors of the connection become `ModelUnavailable`."""
        try:
            async with asyncio.timeout_at(deadline):
                return await anext(texts, None)
        except (httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ConnectError) as error:
            raise ModelUnavailable(self._name, Failure.NOT_REACHABLE) from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ModelUnavailable(self._name, Failure.SLOW) from error
        except (httpx.DecodingError, httpx.TooManyRedirects) as error:
            raise ModelUnavailable(self._name, Failure.BROKEN) from error
        except httpx.HTTPError as error:
            raise ModelUnavailable(self._name, Failure.CUT) from error
        except BodyBroken as error:
            raise ModelUnavailable(
                self._name, Failure.CONTEXT_OVERFLOW if error.overflow else Failure.BROKEN
            ) from error

    async def _texts(self) -> AsyncGenerator[str, None]:
        """Yield the pieces of text without reasoning, from one request to the server."""
        settings, request = self._settings, self._request
        reasoning = ReasoningFilter(starts_inside=settings.is_reasoning and request.schema is None)
        characters, is_whole = 0, False
        async with self._endpoint.http.stream(
            "POST", f"{settings.url}/chat/completions", json=self._body(), headers=self._endpoint.headers,
            timeout=httpx.Timeout(settings.idle_seconds, connect=settings.connect_seconds),
        ) as answer:  # fmt: skip
            if answer.status_code != httpx.codes.OK:
                raise ModelUnavailable(self._name, await _failure_of(answer))
            async for chunk in read_chunks(answer.aiter_bytes()):
                characters += len(chunk.text)
                if characters > request.most_tokens * _MOST_CHARACTERS_OF_TOKEN:
                    raise ModelUnavailable(self._name, Failure.ENDLESS)
                self.usage = self._usage(chunk.usage) if chunk.usage else self.usage
                is_whole = is_whole or chunk.is_end
                if text := reasoning.feed(chunk.text):
                    yield text
        if not is_whole:
            raise ModelUnavailable(self._name, Failure.CUT)
        if text := reasoning.finish():
            yield text

    def _body(self) -> dict[str, Any]:
        settings, request = self._settings, self._request
        body: dict[str, Any] = {
            "model": settings.name,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "max_tokens": request.most_tokens + settings.reasoning_tokens, "temperature": settings.temperature,
            "stream": True, "stream_options": {"include_usage": True},
        }  # fmt: skip
        if request.schema is not None:
            schema = {"name": request.task.value, "schema": request.schema, "strict": True}
            body |= {"temperature": 0, "response_format": {"type": "json_schema", "json_schema": schema}}
        return body

    def _usage(self, found: dict[str, Any]) -> Usage:
        def count(value: Any) -> int:
            return value if isinstance(value, int) and 0 <= value < 10**9 else 0

        details = found.get("prompt_tokens_details")
        prompt, completion = count(found.get("prompt_tokens")), count(found.get("completion_tokens"))
        cached = min(prompt, count(details.get("cached_tokens")) if isinstance(details, dict) else 0)
        return Usage(prompt, completion, cached, self._settings.cost(prompt, cached, completion))


async def _failure_of(answer: httpx.Response) -> Failure:
    """Return what an answer with another status than 200 says."""
    status, body = answer.status_code, b""
    if status in {429, 503}:
        return Failure.BUSY
    if status >= 500:
        return Failure.FAILED
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > _MOST_ERROR_BYTES:
            break
    return Failure.CONTEXT_OVERFLOW if is_overflow(body.decode("utf-8", "replace")) else Failure.REFUSED
