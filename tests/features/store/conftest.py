"""Fixtures of the online stores: one store a kind, with a real Redis server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from features.store.lmdb_store import LmdbStore
from features.store.online_store import OnlineStore
from features.store.redis_store import RedisStore
from tests.database_server import redis_server

Opening = Callable[[str], OnlineStore]


@pytest.fixture(scope="session")
def redis() -> Iterator[tuple[str, Path]]:
    """A running server: its URL, and the folder of its files."""
    with redis_server() as server:
        yield server


@pytest.fixture(params=["lmdb", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Opening, Path]]:
    """What opens a store of a project, and the folder with the store's files. Ends with empty stores."""
    with ExitStack() as stack:
        if request.param == "lmdb":
            folder = tmp_path / "online"
            yield lambda name: stack.enter_context(closing(LmdbStore(folder, name, verify=False))), folder
            return
        url, folder = request.getfixturevalue("redis")

        def connect(name: str) -> RedisStore:
            store = stack.enter_context(closing(RedisStore(url, name)))
            stack.callback(store.destroy)
            return store

        yield connect, folder


@pytest.fixture
def opening(place: tuple[Opening, Path]) -> Opening:
    """What opens a store of a project."""
    return place[0]


@pytest.fixture
def store(opening: Opening) -> OnlineStore:
    """An empty store."""
    return opening("shop")
