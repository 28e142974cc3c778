"""The interface of search engines: what a search takes, and how a source's documents are replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from agent_serving.search.document import Document, Kind


@dataclass(frozen=True)
class Filters:
    """Conditions that every found document meets. None sets no condition.

    Attributes:
        brand: the fact `brand`, compared without spaces and case.
        category: the fact `category`, compared likewise.
        floor: the fact `floor`, compared likewise.
        price_min, price_max: bounds of the fact `price_won`, both included. A document without a price has none.
        on: a day. A document whose `valid_from` is later or whose `valid_until` is earlier is left out; one without
            these facts is always valid.
    """

    brand: str | None = None
    category: str | None = None
    floor: str | None = None
    price_min: int | None = None
    price_max: int | None = None
    on: date | None = None


NO_FILTERS = Filters()


class SearchEngine(Protocol):
    """Finds documents by words. Safe to use from several threads."""

    def search(
        self,
        query: str,
        kinds: Sequence[Kind] = (),
        branch: str | None = None,
        limit: int = 10,
        filters: Filters = NO_FILTERS,
    ) -> list[Document]:
        """Return at most `limit` documents, the best first.

        Args:
            query: what the user wrote, or a part of it. Blank returns every document that meets the conditions, by id.
            kinds: only these kinds; empty for all.
            branch: only documents of this branch and of every branch; None only those of every branch.
            limit: how many documents are returned at most.
            filters: conditions on facts.

        Raises:
            SearchUnavailable: the index cannot be read now.
        """
        ...

    def get(self, ids: Sequence[str]) -> list[Document]:
        """Return the documents with these ids, in this order, without those that do not exist.

        Raises:
            SearchUnavailable: the index cannot be read now.
        """
        ...


class SearchIndex(SearchEngine, Protocol):
    """A search engine whose documents are written source by source. A source is one content file."""

    def versions(self) -> Mapping[str, str]:
        """Return the visible version of each source."""
        ...

    def replace(self, source: str, version: str, documents: Iterable[Document]) -> int:
        """Make the documents the only ones of the source, and return their number.

        A search sees either all documents of the former version or all of the new one. If `documents` raises, or the
        process dies, the former version stays visible.
        """
        ...

    def remove(self, source: str) -> None:
        """Remove the source with its documents."""
        ...

    def close(self) -> None:
        """Release the files of the index."""
        ...
