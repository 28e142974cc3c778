"""Errors of search. Messages name files, lines and settings; content files have no personal data."""

from agent_serving.errors import ServingError


class SearchError(ServingError):
    """Base of the errors of search."""


class SearchUnavailable(SearchError):
    """The index cannot be read or written now."""


class ContentError(SearchError):
    """A content file cannot be read as documents: which file, which line, and what was expected."""
