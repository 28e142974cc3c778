"""Fusion of ranks, vectors, and encoders behind an endpoint."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from agent_serving.search.document import Document, Kind
from agent_serving.search.encoder import EndpointEncoder, LetterPairEncoder
from agent_serving.search.engine import Change, Filters
from agent_serving.search.errors import SearchUnavailable
from agent_serving.search.hybrid import HybridEngine, fuse
from agent_serving.search.tantivy_engine import TantivyIndex
from agent_serving.search.vector import Vectors
from tests.agent_serving.search.conftest import Make


def test_fused_ranks_are_sums_of_reciprocal_ranks() -> None:
    a, b, c = (Document(name, Kind.PRODUCT, "x", name) for name in "abc")
    # a: 1/61, b: 1/62 + 1/61, c: 1/62
    assert fuse([[a, b], [b, c]]) == [b, a, c]
    assert fuse([[], []]) == []


def test_vectors_add_what_words_do_not_find_within_the_same_conditions(tmp_path: Path, make: Make) -> None:
    words, vectors = TantivyIndex(tmp_path / "index"), Vectors(tmp_path / "vector", LetterPairEncoder())
    documents = [
        make("무선 이어폰", price_won=9),
        make("무선 이어폰 비쌈", price_won=99),
        make("무선 이어폰", branch="main"),
    ]
    for engine in (vectors, words):
        engine.write([Change("a", "1", documents)])
    hybrid = HybridEngine(words, vectors, least_similarity=0.2)
    assert words.search("유무선이어셋", branch="gangnam") == []
    found = hybrid.search("유무선이어셋", (Kind.PRODUCT,), "gangnam", 10, Filters(price_max=50))
    assert [document.id for document in found] == [documents[0].id]
    assert HybridEngine(words, vectors, least_similarity=0.99).search("유무선이어셋", branch="gangnam") == []
    assert [one.id for one in hybrid.search("", branch="main")] == [documents[2].id]


def test_a_vector_without_a_visible_document_is_ignored(tmp_path: Path, make: Make) -> None:
    words, vectors = TantivyIndex(tmp_path / "index"), Vectors(tmp_path / "vector", LetterPairEncoder())
    vectors.write([Change("a", "1", [make("무선 이어폰")])])
    assert vectors.nearest("무선 이어폰", 5, 0.5)
    assert HybridEngine(words, vectors).search("무선 이어폰", branch="gangnam") == []


def _endpoint(answer: httpx.Response) -> EndpointEncoder:
    client = httpx.Client(transport=httpx.MockTransport(lambda _: answer))
    return EndpointEncoder("http://gpu.example/v1/", "bge-m3", client)


def test_an_endpoint_gives_unit_vectors_in_the_order_of_the_texts() -> None:
    rows = [{"index": 1, "embedding": [0.0, 2.0]}, {"index": 0, "embedding": [3.0, 4.0]}]
    found = _endpoint(httpx.Response(200, json={"data": rows})).encode(["a", "b"])
    np.testing.assert_allclose(found, [[0.6, 0.8], [0.0, 1.0]], rtol=1e-6)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(200, text="no JSON"),
        httpx.Response(200, content=json.dumps({"data": []})),
        httpx.Response(200, json={"data": [{"index": 0, "embedding": "x"}]}),
        httpx.Response(200, json={}),
    ],
)
def test_an_endpoint_without_usable_vectors_is_an_error(answer: httpx.Response) -> None:
    with pytest.raises(SearchUnavailable, match=r"gpu\.example"):
        _endpoint(answer).encode(["a"])
