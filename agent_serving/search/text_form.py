"""Cuts Korean and other text into the terms by which it is found, and keeps the written form of every word.

Morphological analysis cuts a word that its dictionary lacks: "에어팟" becomes "에어" and "팟", and finds Pad Thai. Here
nothing is cut by meaning. A word gives itself and its pairs of neighbouring letters. A query wants all pairs of a word
side by side, so a word is found inside a compound ("케이스" in "아이폰케이스"). The pairs also run over the spaces of
the text, so "아이폰케이스" finds "아이폰 케이스".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

GAP = "|"
"""Stands between words whose pairs are not side by side."""

MAX_LETTERS, MAX_WORDS = 300, 16
"""What is read of a query, so that a message of a megabyte costs no more than a long sentence."""

_WORD = re.compile(r"[^\W_]+(?:\.\d+[^\W_]*)*")
_LETTERS = "가-힣ぁ-ヿ一-鿿"
# A run of Hangul, kana or Han, of digits, or of other letters: "아이폰15pro" has three.
_RUN = re.compile(rf"[{_LETTERS}]+|\d+(?:\.\d+)?|[^\W\d_{_LETTERS}]+")
_IS_PAIRED = re.compile(rf"[{_LETTERS}]")
# A shorter word is seldom written with a space in it, and would be found across unrelated words ("회사 과장": 사과).
_LEAST_JOINED = 4

# Particles after a noun, the longest first. The form without them is an alternative beside the written one, so a name
# that ends like a particle ("바나나", "오이") is found as written.
_PARTICLES = tuple(
    ("에서는 에게서 이에요 이랑 에서 에게 한테 부터 까지 보다 처럼 마다 으로 하고 이나 이요 예요 " +
     "은 는 이 가 을 를 에 의 도 만 로 와 과 랑 나 요").split()
)  # fmt: skip
# Words of a request that name nothing.
_REQUEST = frozenset(
    ("있어 있나 있나요 있어요 있습니까 있을까 어디 어디야 어디예요 어디에 어딨어 뭐 뭐야 무슨 어떤 좀 거 것 " +
     "얼마 얼마야 파나요 팔아 팔아요 파는 주세요 줘 추천 추천해 추천해줘 추천해주세요 찾아줘 찾아 " +
     "알려줘 알려주세요 보여줘 살래 사고 싶어 싶은데 " +
     "the a an is are there where what how do you have any for of in to i want need please show me").split()
)  # fmt: skip


@dataclass(frozen=True)
class Terms:
    """The terms of a text. `pairs` and `joined` are in order, so that neighbours in a query are neighbours in a text.

    Attributes:
        words: each word, and its parts where the script changes.
        pairs: pairs of neighbouring letters within a word, with `GAP` between words.
        joined: the same over the whole text as if it had no spaces.
    """

    words: tuple[str, ...]
    pairs: tuple[str, ...]
    joined: tuple[str, ...]


def normalise(text: str) -> str:
    """Return the text with compatible letters unified (NFKC) and without case.

    >>> normalise("ＬＧ 그램")
    'lg 그램'
    """
    # A lone surrogate, which JSON can carry, is no letter and cannot be encoded.
    whole = text.encode("utf-8", "ignore").decode()
    return unicodedata.normalize("NFKC", whole).casefold()


def squeeze(text: str) -> str:
    """Return the normalised text without spaces, the form in which brands, categories and floors are compared."""
    return "".join(normalise(text).split())


def terms_of(texts: Iterable[str]) -> Terms:
    """Return the terms of texts that do not run into each other, such as a title and keywords.

    >>> terms_of(["아이폰 케이스"]).joined
    ('아이', '이폰', '폰케', '케이', '이스')
    """
    words: list[str] = []
    pairs: list[str] = []
    joined: list[str] = []
    for text in texts:
        letters = ""
        for word in _WORD.findall(normalise(text)):
            runs = _RUN.findall(word)
            words += _forms(word)
            if len(runs) > 1:
                words += [form for run in runs for form in _forms(run)]
            for run in runs:
                if _IS_PAIRED.match(run):
                    pairs += [*_pairs(run), GAP]
                    letters += run
                elif letters:
                    joined += [*_pairs(letters), GAP]
                    letters = ""
        if letters:
            joined += [*_pairs(letters), GAP]
    return Terms(tuple(words), tuple(pairs[:-1]), tuple(joined[:-1]))


@dataclass(frozen=True)
class QueryWord:
    """One word of a query, in one of its forms.

    Attributes:
        word: what a word of the text must equal.
        pairs: what must be side by side within a word of the text; empty if the word has no letters to pair.
        is_joinable: whether the pairs may also run over spaces of the text.
    """

    word: str
    pairs: tuple[str, ...]
    is_joinable: bool


def query_words(query: str) -> list[tuple[QueryWord, ...]]:
    """Return the words of a query, each with its alternative forms.

    The forms are: as written, without a particle, and joined to its neighbours ("에어 팟": 에어팟). Words that only ask
    are left out, unless the query has no other.

    >>> [[form.word for form in forms] for forms in query_words("에어팟이 어디 있어?")]
    [['에어팟이', '에어팟']]
    """
    found = [run for word in _WORD.findall(normalise(query[:MAX_LETTERS])) for run in _query_runs(word)]
    words = ([word for word in found if word not in _REQUEST] or found)[:MAX_WORDS]
    couples = ["".join(pair) for pair in pairwise(words)]
    forms = {
        word: (*_query_forms(word), *couples[max(place - 1, 0) : place + 1])
        for place, word in reversed(list(enumerate(words)))
    }
    return [tuple(_query_word(form) for form in forms[word]) for word in dict.fromkeys(words)]


def _query_runs(word: str) -> list[str]:
    """Return the parts of a word of a query. A short Latin or numeric part of a mixed word ("sk2") is no word alone."""
    runs = _RUN.findall(word)
    return runs if all(_IS_PAIRED.match(run) or len(run) > 1 for run in runs) else [word]


def _query_forms(word: str) -> Iterator[str]:
    yield word
    if _IS_PAIRED.match(word):
        for particle in _PARTICLES:
            if word.endswith(particle) and len(word) > len(particle):
                yield word.removesuffix(particle)
                return
    else:
        yield from _forms(word)[1:]


def _query_word(word: str) -> QueryWord:
    pairs = tuple(_pairs(word)) if _IS_PAIRED.match(word) and len(word) > 1 else ()
    return QueryWord(word, pairs, is_joinable=len(word) >= _LEAST_JOINED)


def _forms(word: str) -> tuple[str, ...]:
    """Return the word, and the singular of a word in Latin letters."""
    if word.isascii() and word.isalpha() and len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word, word[:-1]
    return (word,)


def _pairs(letters: str) -> list[str]:
    return ["".join(pair) for pair in pairwise(letters)] or [letters]
