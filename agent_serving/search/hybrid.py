"""Joins the results of words and of vectors by reciprocal rank fusion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from agent_serving.search.document import Document, Kind
from agent_serving.search.engine import NO_FILTERS, Filters, SearchEngine
from agent_serving.search.index_field import conditions, exact_fields, is_met
from agent_serving.search.vector import Vectors

RANK_CONSTANT: Final = 60
"""k of Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet" (SIGIR 2009)."""
_DEPTH: Final = 200


@dataclass(frozen=True)
class HybridEngine:
    """Searches by words and by vectors; see `SearchEngine`.

    Attributes:
        words: the engine of words, which also decides which documents are visible.
        vectors: vectors of the same documents.
        least_similarity: cosine below which a document is not found by its vector. Depends on the model.
    """

    words: SearchEngine
    vectors: Vectors
    least_similarity: float = 0.35

    def search(
        self,
        query: str,
        kinds: Sequence[Kind] = (),
        branch: str | None = None,
        limit: int = 10,
        filters: Filters = NO_FILTERS,
    ) -> list[Document]:
        """Return the documents with the best fused ranks."""
        if not query.strip():
            return self.words.search(query, kinds, branch, limit, filters)
        wanted = conditions(kinds, branch, filters)
        near = self.words.get(self.vectors.nearest(query, _DEPTH, self.least_similarity))
        by_vector = [document for document in near if is_met(wanted, exact_fields(document))]
        by_words = self.words.search(query, kinds, branch, max(limit, _DEPTH // 4), filters)
        return fuse([by_words, by_vector])[:limit]

    def get(self, ids: Sequence[str]) -> list[Document]:
        """Return the documents with these ids, in this order."""
        return self.words.get(ids)

    def close(self) -> None:
        """Close the engine of words."""
        self.words.close()


def fuse(results: Iterable[Sequence[Document]]) -> list[Document]:
    """Return the documents of several results by their fused score, the best first.

    score(d) = Σ 1 / (60 + rank of d), over the results that have d; the first rank is 1.
    """
    score: dict[str, float] = defaultdict(float)
    found: dict[str, Document] = {}
    for result in results:
        for rank, document in enumerate(result, 1):
            score[document.id] += 1 / (RANK_CONSTANT + rank)
            found.setdefault(document.id, document)
    return sorted(found.values(), key=lambda document: -score[document.id])
