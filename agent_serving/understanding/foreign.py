"""Finds the entities of English, Japanese and Chinese messages by words of the lexicons."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from agent_serving.understanding.model import Language
from agent_serving.understanding.number import MOST
from agent_serving.understanding.span import Span, free_of
from agent_serving.understanding.vocabulary import pattern, read_lexicon, vocabulary, words_of

_AMOUNT = re.compile(pattern("foreign_price"), re.IGNORECASE)
_SCALES = {"k": 1000, "thousand": 1000, "千": 1000, "万": 10_000, "萬": 10_000}
_MORE = re.compile(r"over|above|more|at least|from|以上|から", re.IGNORECASE)
_FLOOR = re.compile(pattern("foreign_floor"), re.IGNORECASE)
_PLACE = re.compile(pattern("foreign_place"))
_TIME = re.compile(pattern("foreign_time"), re.IGNORECASE)
_NUMBERS = {
    "a pair of": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "dozen": 12, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5,
}  # fmt: skip
_QUANTITY = re.compile(pattern("foreign_quantity"), re.IGNORECASE)
_AVOIDED = re.compile(pattern("foreign_avoided"), re.IGNORECASE)


@lru_cache(maxsize=1)
def _products() -> Mapping[str, str]:
    return {str(word).casefold(): korean for korean, words in read_lexicon("foreign").items() for word in words}


@lru_cache(maxsize=1)
def _spaced_brands() -> set[str]:
    return {word.casefold() for word in words_of(vocabulary().block("foreign_brand"))}


@lru_cache(maxsize=2)
def _word_pattern(kind: str) -> re.Pattern[str]:
    if kind == "product":
        words = set(_products())
    else:
        words = {w for w in vocabulary().brands if w.isascii() and len(w) > 1} | _spaced_brands()
    ascii_words = sorted((re.escape(w) for w in words if w.isascii()), key=len, reverse=True)
    others = sorted((re.escape(w) for w in words if not w.isascii()), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(ascii_words)})\b" + (f"|{'|'.join(others)}" if others else ""), re.IGNORECASE)


def foreign_spans(text: str, language: Language) -> list[Span]:
    """Return the entities of a text that is not Korean. A product or brand keeps the word of the text."""
    spans = list(_prices(text))
    for kind, form in (("place", _FLOOR), ("place", _PLACE), ("time", _TIME)):
        spans += free_of([Span(m.start(), m.end(), kind, m.group().strip()) for m in form.finditer(text)], spans)
    spans += free_of(_constraints(text), spans)
    for kind in ("brand", "product"):
        words = [Span(m.start(), m.end(), kind, m.group()) for m in _word_pattern(kind).finditer(text)]
        spans += free_of(words, spans)
    quantities = []
    for found in _QUANTITY.finditer(text):
        word = (found["english"] or found["asian"]).casefold()
        quantities.append(Span(found.start(), found.end(), "quantity", _NUMBERS.get(word) or int(word)))
    return spans + free_of(quantities, spans)


def korean_word(word: str) -> str | None:
    """Return the Korean word for a product of another language; None if the lexicon has none."""
    return _products().get(word.casefold())


def _prices(text: str) -> Iterator[Span]:
    for found in _AMOUNT.finditer(text):
        scale = _SCALES.get((found["scale"] or "").casefold(), 1)
        amount = float(found["number"].replace(",", "")) * scale
        if amount > MOST:
            continue
        won = round(amount)
        is_least = _MORE.search(f"{found['before'] or ''} {found['after'] or ''}")
        yield Span(found.start(), found.end(), "price_min" if is_least else "price_max", won)


def _constraints(text: str) -> list[Span]:
    found = []
    is_avoiding = _AVOIDED.search(text) is not None
    for word, meanings in vocabulary().constraints.items():
        border = r"\b" if word.isascii() else ""
        if re.search("[가-힣]", word):
            continue
        for match in re.finditer(border + re.escape(word).replace("\\-", "[- ]?") + border, text, re.IGNORECASE):
            for kind, code in meanings:
                if kind != "allergy" or (is_avoiding and _is_near(text, match)):
                    found.append(Span(match.start(), match.end(), kind, code))
    return found


def _is_near(text: str, match: re.Match[str]) -> bool:
    return _AVOIDED.search(text[max(0, match.start() - 30) : match.end() + 25]) is not None
