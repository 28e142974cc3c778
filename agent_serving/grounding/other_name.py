"""Finds names that are registered with the shop, but that no item of the turn has: real brands and shops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent_serving.grounding.source import folded
from agent_serving.search.document import Kind
from agent_serving.search.engine import SearchEngine

_LEAST_NAME = 2
_MOST_DOCUMENTS = 50_000


class OtherNames:
    """The registered names, found in one pass over a text. Made once for a branch."""

    def __init__(self, names: Iterable[str]) -> None:
        from ahocorasick_rs import AhoCorasick, MatchKind

        forms = {form for name in names for form in (folded(name), folded(name).replace(" ", ""))}
        self._forms = sorted(form for form in forms if len(form) >= _LEAST_NAME)
        self._finder = AhoCorasick(self._forms, matchkind=MatchKind.LeftmostLongest)

    def __call__(self, text: str) -> bool:
        """Return whether a text, in which the names of the turn's items are blank, has another registered name."""
        plain = folded(text)
        return any(_is_word(plain, start, end) for _, start, end in self._finder.find_matches_as_indexes(plain))


def registered_names(search: SearchEngine, branch: str, kinds: Sequence[Kind] = (Kind.STORE, Kind.PRODUCT)) -> set[str]:
    """Return the brands and shops of a branch.

    Raises:
        SearchUnavailable: the index cannot be read.
    """
    found = search.search("", kinds, branch, _MOST_DOCUMENTS)
    facts = (document.facts.get(name) for document in found for name in ("brand", "name_en"))
    return {str(fact) for fact in facts if fact}


def _is_word(text: str, start: int, end: int) -> bool:
    if start and text[start - 1].isalnum():
        return False
    return not (text[end - 1].isascii() and text[end : end + 1].isascii() and text[end : end + 1].isalnum())
