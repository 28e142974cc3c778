"""Limits of a request: the size of its body, and how many requests a caller may send.

The body is counted as it arrives, because a client may state a smaller size or none.
"""

from __future__ import annotations

import asyncio
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_serving.problem import problem

MOST_BODY_BYTES = 1024 * 1024
"""A request for the most customers of one call is a tenth of this."""
MOST_BODY_SECONDS = 10
MOST_HELD_BYTES = 256 * 1024 * 1024
"""Bodies of all open requests: many slow senders together must not fill the memory."""
_CLOSES = {"Connection": "close"}
_BUSY = {**_CLOSES, "Retry-After": "1"}


class BodyLimit:
    """Refuses a body of more than `MOST_BODY_BYTES` with 413, and one that takes too long with 408.

    When the bodies of all open requests have more than `MOST_HELD_BYTES`, the one that grows is refused with 503.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection as the ASGI specification says."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        body = bytearray()
        try:
            await self._handle(body, scope, receive, send)
        finally:
            self._held -= len(body)

    async def _handle(self, body: bytearray, scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        try:
            async with asyncio.timeout(MOST_BODY_SECONDS):
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        return
                    part = message.get("body", b"")
                    body += part
                    self._held += len(part)
                    more = bool(message.get("more_body", False))
                    if len(body) > MOST_BODY_BYTES:
                        detail = f"The body is larger than {MOST_BODY_BYTES} bytes. Send less in one request."
                        await problem(413, "body_too_large", detail, _CLOSES)(scope, receive, send)
                        return
                    if self._held > MOST_HELD_BYTES:
                        detail = "Too many bodies are being received. Send the request again later."
                        await problem(503, "unavailable", detail, _BUSY)(scope, receive, send)
                        return
        except TimeoutError:
            detail = f"The body took longer than {MOST_BODY_SECONDS} s to arrive. Send the request again."
            await problem(408, "body_too_slow", detail, _CLOSES)(scope, receive, send)
            return
        whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def replay() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, replay, send)


class RateLimit:
    """Counts the requests of each caller in this process.

    Failed keys are not counted: nobody can guess 256 random bits, and callers behind one proxy share an address.
    """

    def __init__(self, requests_per_minute: int) -> None:
        # A counter of two windows: constant memory and time a caller, off by at most the unevenness of one minute.
        self._requests, self._item = (
            SlidingWindowCounterRateLimiter(MemoryStorage()),
            RateLimitItemPerMinute(requests_per_minute),
        )

    def seconds_to_wait(self, caller: str) -> int:
        """Count a request. Returns 0 if it may proceed, otherwise in how many seconds the next one may."""
        if self._requests.hit(self._item, caller):
            return 0
        return _wait(self._requests.get_window_stats(self._item, caller).reset_time)


def _wait(reset_time: float) -> int:
    return max(1, round(reset_time - time.time()))
