"""A connection without a whole header is closed after a while; one with a slow answer or a next request is not."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from agent_serving import connection_limit
from agent_serving.connection_limit import LimitedProtocol

SECONDS = 0.5


async def answer_late(_: Request) -> PlainTextResponse:
    await asyncio.sleep(3 * SECONDS)
    return PlainTextResponse("late")


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    monkeypatch.setattr(connection_limit, "MOST_HEADER_SECONDS", SECONDS)
    app = Starlette(routes=[Route("/", answer_late)])
    server = uvicorn.Server(uvicorn.Config(app, http=LimitedProtocol, log_config=None, lifespan="off", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: shop"])
def test_a_connection_without_a_whole_header_is_closed(address: tuple[str, int], sent: bytes) -> None:
    with closing(socket.create_connection(address, timeout=60)) as client:
        client.sendall(sent)
        assert client.recv(100) == b""


def test_a_half_header_after_an_answer_is_closed_too(address: tuple[str, int]) -> None:
    with closing(socket.create_connection(address, timeout=60)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
        answer = b""
        while not answer.endswith(b"late"):
            answer += client.recv(1_000)
        client.sendall(b"GET / HTTP/1.1\r\nHost: shop")
        assert client.recv(100) == b""


def test_a_slow_answer_and_the_next_request_are_served(address: tuple[str, int]) -> None:
    with httpx.Client(base_url=f"http://{address[0]}:{address[1]}", timeout=60) as client:
        assert [client.get("/").text for _ in range(2)] == ["late", "late"]
