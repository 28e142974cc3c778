"""A shop whose customers' features are served over HTTP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta

import httpx
import uvicorn
from fastapi import FastAPI

from agent_serving.application import create_app
from agent_serving.services import open_api_keys
from features.retrieval.answer import Caller
from tests.features.retrieval.feature_shop import AGENT, NOON, PURPOSE, FeatureShop

PERMITS, SILENT, WITHDREW = "c_permits", "c_silent", "c_withdrew"


def fill(shop: FeatureShop, at: datetime = NOON) -> None:
    """Add three customers: one permits the purpose, one never said, one withdrew. All have features of that time."""
    shop.state(PERMITS, "given")
    shop.state(WITHDREW, "given")
    shop.state(WITHDREW, "withdrawn", at=NOON - timedelta(days=8))
    shop.store((PERMITS, SILENT, WITHDREW), at=at)


def key_of(shop: FeatureShop, caller: Caller = AGENT, *purposes: str, days: float | None = None) -> str:
    """Return a new API key of a caller for these purposes; without one, for `PURPOSE`."""
    until = None if days is None else shop.installation.clock() + timedelta(days=days)
    with closing(open_api_keys(shop.installation)) as keys:
        return keys.create(caller.name, caller.role, frozenset(purposes or {PURPOSE}), until)[1]


@contextmanager
def served(shop: FeatureShop, key: str | None = None, app: FastAPI | None = None) -> Iterator[httpx.Client]:
    """Serve the shop from a thread of this process; yield a client that sends the key, by default a new one."""
    headers = {"Authorization": f"Bearer {key_of(shop) if key is None else key}"}
    with (
        served_app(app or create_app(shop.installation)) as url,
        httpx.Client(base_url=url, headers=headers, timeout=30) as client,
    ):
        yield client


@contextmanager
def served_app(app: FastAPI) -> Iterator[str]:
    """Serve an application from a thread of this process; yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
