"""Documents, and the engines under test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from agent_serving.search.document import Document, Kind
from agent_serving.search.engine import SearchIndex
from agent_serving.search.opensearch_engine import FORMAT, OpenSearchIndex
from agent_serving.search.tantivy_engine import TantivyIndex
from tests.agent_serving.search.opensearch_double import OpenSearchDouble

Make = Callable[..., Document]


@pytest.fixture
def make() -> Make:
    """Return a maker of documents with few arguments."""

    def document(
        title: str, *, branch: str = "gangnam", kind: Kind = Kind.PRODUCT, id: str = "", text: str = "",
        keywords: tuple[str, ...] = (), **facts: str | int,
    ) -> Document:  # fmt: skip
        return Document(id or f"{kind}:{branch}-{title}", kind, branch, title, text, facts, {}, keywords)

    return document


@pytest.fixture
def double() -> OpenSearchDouble:
    return OpenSearchDouble()


@pytest.fixture(params=["tantivy", "double", "server"])
def index(request: pytest.FixtureRequest, tmp_path: Path, double: OpenSearchDouble) -> Iterator[SearchIndex]:
    """Yield an empty index of each engine; of a real OpenSearch server if OPENSEARCH_URL names one."""
    if request.param == "tantivy":
        yield TantivyIndex(tmp_path / "search")
    elif request.param == "double":
        yield OpenSearchIndex(double.client(), "bench")
    elif (url := os.environ.get("OPENSEARCH_URL")) is None:
        pytest.skip("OPENSEARCH_URL names no server")
    else:
        name = f"test-{uuid4().hex}"
        with closing(OpenSearchIndex(httpx.Client(base_url=url), name)) as index:
            yield index
            httpx.delete(f"{url}/{name}-{FORMAT}")
