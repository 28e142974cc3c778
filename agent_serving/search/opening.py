"""Opens the search engine, the vectors and the upkeep that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec

from agent_serving.search.content_queue import ContentQueue
from agent_serving.search.encoder import Encoder, EndpointEncoder, SentenceEncoder
from agent_serving.search.engine import SearchEngine, SearchIndex
from agent_serving.search.hybrid import HybridEngine
from agent_serving.search.tantivy_engine import TantivyIndex
from agent_serving.search.upkeep import IndexUpkeep
from agent_serving.search.vector import Vectors
from installation.installation import Installation
from installation.settings import Settings


def is_engine_installed(settings: Settings) -> bool:
    """Return whether the package of the engine that the settings name is installed."""
    return settings.search.opensearch_url is not None or find_spec("tantivy") is not None


def open_engine(installation: Installation) -> SearchEngine:
    """Return the engine that answers searches: words, and vectors too if the settings name a model.

    Raises:
        SearchUnavailable: the engine is not installed, or its folder, server or model cannot be used.
    """
    index, vectors = open_index(installation), open_vectors(installation)
    return index if vectors is None else HybridEngine(index, vectors)


def open_index(installation: Installation) -> SearchIndex:
    """Return the index of words of an installation, to be closed by the caller.

    Raises:
        SearchUnavailable: the engine is not installed, or its folder or server cannot be used.
    """
    return TantivyIndex(installation.settings.search_dir)


def open_vectors(installation: Installation) -> Vectors | None:
    """Return the vectors of an installation; None if its settings name no model.

    Raises:
        SearchUnavailable: the model cannot be loaded.
    """
    settings = installation.settings.search
    if settings.embedding_model is None:
        return None
    encoder: Encoder
    if settings.embedding_url is not None:
        encoder = EndpointEncoder(settings.embedding_url, settings.embedding_model)
    else:
        encoder = SentenceEncoder(settings.embedding_model)
    return Vectors(installation.settings.search_dir / "vector", encoder)


@contextmanager
def open_upkeep(installation: Installation) -> Iterator[IndexUpkeep]:
    """Yield the upkeep of the index from the content folder, and close its files at the end.

    Raises:
        SearchUnavailable: the engine is not installed, or its folder, server or model cannot be used.
    """
    settings = installation.settings
    with closing(open_index(installation)) as index, closing(ContentQueue(settings.search_dir / "queue.db")) as queue:
        yield IndexUpkeep(settings.content_dir, index, queue, open_vectors(installation))
