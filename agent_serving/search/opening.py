"""Opens the search engine, the vectors and the upkeep that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from agent_serving.search.content_queue import ContentQueue
from agent_serving.search.engine import SearchEngine, SearchIndex
from agent_serving.search.tantivy_engine import TantivyIndex
from agent_serving.search.upkeep import IndexUpkeep
from installation.installation import Installation
from privacy.storage.secret_file import read_secret

if TYPE_CHECKING:
    from agent_serving.search.encoder import Encoder
    from agent_serving.search.vector import Vectors


def open_engine(installation: Installation) -> SearchEngine:
    """Return the engine that answers searches, to be closed by the caller: words, and vectors if a model is set.

    Raises:
        SearchUnavailable: the engine is not installed, or its folder, server or model cannot be used.
    """
    index, vectors = open_index(installation), open_vectors(installation)
    if vectors is None:
        return index
    from agent_serving.search.hybrid import HybridEngine

    return HybridEngine(index, vectors)


def open_index(installation: Installation) -> SearchIndex:
    """Return the index of words of an installation, to be closed by the caller.

    Raises:
        SearchUnavailable: the engine is not installed, or its folder or server cannot be used.
        SecretError: the password file can be read by others.
    """
    settings = installation.settings.search
    if settings.opensearch_url is None:
        return TantivyIndex(installation.settings.search_dir)
    # Imported here and below, so that a start without a server and without vectors does not wait for them.
    import httpx

    from agent_serving.search.opensearch_engine import OpenSearchIndex

    credentials = None
    if settings.opensearch_password_file is not None:
        user, _, password = read_secret(settings.opensearch_password_file.expanduser()).strip().partition(":")
        credentials = (user, password)
    return OpenSearchIndex(httpx.Client(base_url=settings.opensearch_url, auth=credentials), settings.opensearch_index)


def open_vectors(installation: Installation) -> Vectors | None:
    """Return the vectors of an installation; None if its settings name no model.

    Raises:
        SearchUnavailable: the model cannot be loaded.
    """
    settings = installation.settings.search
    if settings.embedding_model is None:
        return None
    from agent_serving.search.encoder import EndpointEncoder, SentenceEncoder
    from agent_serving.search.vector import Vectors

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
        lock = settings.search_dir / "upkeep.lock"
        yield IndexUpkeep(settings.content_dir, index, queue, lock, open_vectors(installation))
