"""Documents, and the engines under test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent_serving.search.document import Document, Kind
from agent_serving.search.engine import SearchIndex
from agent_serving.search.opensearch_engine import OpenSearchIndex
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


@pytest.fixture(params=["tantivy", "opensearch"])
def index(request: pytest.FixtureRequest, tmp_path: Path, double: OpenSearchDouble) -> SearchIndex:
    """Return an empty index of each engine."""
    if request.param == "tantivy":
        return TantivyIndex(tmp_path / "search")
    return OpenSearchIndex(double.client(), "bench")
