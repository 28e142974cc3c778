"""Limits: bodies are counted as they arrive, requests per caller, failed attempts per address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from agent_serving.request_limit import MOST_BODY_BYTES, BodyLimit, RateLimit


def send(body: bytes | AsyncIterator[bytes], headers: dict[str, str] | None = None) -> httpx.Response:
    async def size(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    app = BodyLimit(Starlette(routes=[Route("/", size, methods=["POST"])]))

    async def answered() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.post("/", content=body, headers=headers)

    return asyncio.run(answered())


def test_a_body_of_the_largest_size_reaches_the_route() -> None:
    answer = send(b"x" * MOST_BODY_BYTES)
    assert (answer.status_code, answer.text) == (200, str(MOST_BODY_BYTES))


def test_a_larger_body_is_refused_without_its_stated_size() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(MOST_BODY_BYTES // 65_536 + 1):
            yield b"x" * 65_536

    for answer in (send(b"x" * (MOST_BODY_BYTES + 1)), send(pieces())):
        assert answer.status_code == 413
        assert answer.json()["code"] == "body_too_large"


def test_each_caller_has_requests_of_its_own() -> None:
    limit = RateLimit(3)
    assert [limit.seconds_to_wait("one") for _ in range(3)] == [0, 0, 0]
    assert 1 <= limit.seconds_to_wait("one") <= 60
    assert limit.seconds_to_wait("two") == 0


def test_a_body_in_many_pieces_reaches_the_route_as_one() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(50_000):
            yield b"x"

    assert send(pieces()).text == "50000"


def test_a_body_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_serving.request_limit.MOST_BODY_SECONDS", 0.05)
    messages = [{"type": "http.request", "body": b"x", "more_body": True}]
    sent: list[Any] = []

    async def receive() -> Any:
        if not messages:
            await asyncio.sleep(30)
        return messages.pop()

    async def note(message: Any) -> None:
        sent.append(message)

    async def unreached(*_: Any) -> None:
        raise AssertionError("the route was reached")

    scope = {"type": "http", "method": "POST", "headers": []}
    asyncio.run(BodyLimit(unreached)(scope, receive, note))
    assert sent[0]["status"] == 408


def test_bodies_of_all_open_requests_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_serving.request_limit.MOST_HELD_BYTES", 2_500)
    gate, arrived = asyncio.Event(), list[bytes]()

    async def slow(request: Request) -> PlainTextResponse:
        arrived.append(await request.body())
        await gate.wait()
        return PlainTextResponse("done")

    app = BodyLimit(Starlette(routes=[Route("/", slow, methods=["POST"])]))

    async def answered() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            open_ones = [asyncio.create_task(client.post("/", content=b"x" * 1_000)) for _ in range(2)]
            while len(arrived) < 2:
                await asyncio.sleep(0)
            refused = await client.post("/", content=b"x" * 1_000)
            assert refused.headers["Retry-After"] == "1"
            gate.set()
            done = [await one for one in open_ones]
            return [*(one.status_code for one in done), refused.status_code, (await client.post("/")).status_code]

    assert asyncio.run(answered()) == [200, 200, 503, 200]
