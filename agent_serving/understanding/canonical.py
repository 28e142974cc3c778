"""Replaces short forms and words of other languages by the words of a Korean catalogue: 스벅 → 스타벅스."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from agent_serving.understanding.foreign import korean_word
from agent_serving.understanding.vocabulary import compact, read_lexicon


@lru_cache(maxsize=1)
def _aliases() -> Mapping[str, str]:
    return {compact(str(word)): str(full) for word, full in read_lexicon("alias").items()}


def search_words(word: str) -> str:
    """Return a product or brand in the words by which it is searched.

    >>> search_words("스벅"), search_words("갤탭 케이스"), search_words("Apples")
    ('스타벅스', '갤럭시탭 케이스', '사과')
    """
    return korean_word(word) or " ".join(_aliases().get(compact(part), part) for part in word.split())
