"""Finds names that are registered with the shop, but that no item of the turn has: real brands and shops."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agent_serving.grounding.source import folded
from agent_serving.grounding.word import is_common_english
from agent_serving.search.document import Kind
from agent_serving.search.engine import SearchEngine
from agent_serving.search.errors import SearchUnavailable

_LEAST_NAME = 2
_MOST_DOCUMENTS = 50_000
REREAD_SECONDS = 3600.0


class OtherNames:
    """The registered names, found in one pass over a text. Made once for a branch."""

    def __init__(self, names: Iterable[str]) -> None:
        from ahocorasick_rs import AhoCorasick, MatchKind

        names = [name for name in names if not is_common_english(name)]
        forms = {form for name in names for form in (folded(name), folded(name).replace(" ", ""))}
        self._forms = sorted(form for form in forms if len(form) >= _LEAST_NAME)
        self._finder = AhoCorasick(self._forms, matchkind=MatchKind.LeftmostLongest)

    def __call__(self, text: str) -> bool:
        """Return whether a text, in which the names of the turn's items are blank, has another registered name."""
        plain = folded(text)
        return any(_is_word(plain, start, end) for _, start, end in self._finder.find_matches_as_indexes(plain))


@dataclass(frozen=True)
class BranchNames:
    """The names of a branch: its own, which every answer may state, and all that are registered in it."""

    own: tuple[str, ...] = ()
    other: OtherNames | None = None


class NameBook:
    """The names of each branch, read from the index at the first answer, then every `REREAD_SECONDS`. Thread-safe."""

    def __init__(self, search: SearchEngine | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._search, self._monotonic = search, monotonic
        self._read: dict[str, tuple[float, BranchNames]] = {}

    def of_branch(self, branch: str) -> BranchNames:
        """Return the names of a branch; none while the index cannot be read."""
        read_at, names = self._read.get(branch, (-REREAD_SECONDS, BranchNames()))
        if self._search is None or self._monotonic() - read_at < REREAD_SECONDS:
            return names
        try:
            names = _names(self._search, branch)
        except SearchUnavailable:
            return names
        self._read[branch] = (self._monotonic(), names)
        return names


def _names(search: SearchEngine, branch: str) -> BranchNames:
    def facts(kinds: Sequence[Kind], *names: str) -> set[str]:
        found = search.search("", kinds, branch, _MOST_DOCUMENTS)
        return {str(document.facts[name]) for document in found for name in names if document.facts.get(name)}

    own = facts((Kind.BRANCH,), "name", "name_en")
    words = {word for name in own for word in (name, *name.split()) if len(word) >= _LEAST_NAME}
    return BranchNames(tuple(sorted(words)), OtherNames(facts((Kind.STORE, Kind.PRODUCT), "brand", "name_en") - own))


def _is_word(text: str, start: int, end: int) -> bool:
    if start and text[start - 1].isalnum():
        return False
    return not (text[end - 1].isascii() and text[end : end + 1].isascii() and text[end : end + 1].isalnum())
