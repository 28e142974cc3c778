"""The interface of search engines: what a search takes, and how a source's documents are replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        free_of: allergens, such as `milk`. A product whose fact `allergens` names one of them, or that states no
            allergens, is left out. `none` states that there are none.
        diet: a diet or faith that the fact `diets` names, such as `vegan` or `halal`.
        on: a day. A document whose `valid_from` is later or whose `valid_until` is earlier is left out; one without
            these facts is always valid.
    """

    brand: str | None = None
    category: str | None = None
    floor: str | None = None
    price_min: int | None = None
    price_max: int | None = None
    free_of: frozenset[str] = frozenset()
    diet: str | None = None
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
            query: what the user wrote, or a part of it. Blank returns documents that meet the conditions, by id.
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

    def close(self) -> None:
        """Release what is open."""
        ...


@dataclass(frozen=True)
class Change:
    """The new documents of a source, which is one content file.

    Attributes:
        source: name of the source.
        version: digest of the file; None removes the source, which then has no documents.
        documents: all documents of the source.
    """

    source: str
    version: str | None
    documents: Sequence[Document] = ()


class SearchIndex(SearchEngine, Protocol):
    """A search engine whose documents are written source by source."""

    def versions(self) -> Mapping[str, str]:
        """Return the visible version of each source."""
        ...

    def write(self, changes: Sequence[Change]) -> None:
        """Make the documents of each change the only ones of its source.

        A search sees all documents of the former version of a source or all of the new one. The former version is
        deleted only after the new one is complete. If the process dies, the former version stays visible.

        Raises:
            SearchUnavailable: the index cannot be written now. No change is visible.
        """
        ...
