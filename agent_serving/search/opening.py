"""Opens the search engine that the settings name."""

from __future__ import annotations

from agent_serving.search.engine import SearchIndex
from agent_serving.search.tantivy_engine import TantivyIndex
from installation.installation import Installation


def open_index(installation: Installation) -> SearchIndex:
    """Return the index of words of an installation, to be closed by the caller.

    Raises:
        SearchUnavailable: the engine is not installed, or its folder or server cannot be used.
    """
    return TantivyIndex(installation.settings.search_dir)
