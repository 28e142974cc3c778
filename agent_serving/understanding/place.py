"""Finds places: branches (강남점), floors (지하 1층), areas (식품관) and facilities (화장실)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent_serving.understanding.morphology import Token
from agent_serving.understanding.number import native_number, sino_number
from agent_serving.understanding.phrase import matches
from agent_serving.understanding.span import Span, free_of
from agent_serving.understanding.vocabulary import compact, pattern, vocabulary

_FLOORS = re.compile(pattern("floor"), re.IGNORECASE)
_BRANCH = re.compile(pattern("branch"))
_NO_BRANCH = re.compile(pattern("no_branch"))
_UNDERGROUND = re.compile(r"지하(?=\s|$|에|로|는|도)")


_FLOOR_CODE = re.compile(
    r"(?P<below>지하|地下)?\s?(?P<b>B)?(?P<number>\d{1,2}|[일이삼사오육칠팔구십한두세]{1,2})"
    r"(?:F|\s?층|(?:st|nd|rd|th) floor|階|楼|层)?",
    re.IGNORECASE,
)
_CORNER = re.compile(r"(?<![가-힣])(?!어느|무슨|몇|어떤|이|그|저)[가-힣]{2,7}\s?코너")
_MAIN = re.compile(r"(?<![가-힣])본점(?=$|\s|[은는이가에을를도로의으이랑하고까부만])")


def place_spans(text: str, tokens: Sequence[Token]) -> list[Span]:
    """Return the places of a text as spans of `place`."""
    spans = [_span(text, found) for found in _FLOORS.finditer(text)]
    for found in (*_BRANCH.finditer(text), *_MAIN.finditer(text), *_CORNER.finditer(text)):
        if not _NO_BRANCH.fullmatch(found.group()) and compact(found.group()) not in vocabulary().products:
            spans += free_of([_span(text, found)], spans)
    known = {word for word, kind in vocabulary().places.items() if kind != "branch_stem"}
    words = [
        Span(span.start, span.end, "place", span.value)
        for span in matches(text, tokens, known)
        if span.start == 0 or not text[span.start - 1].isalpha()
    ]
    return [*spans, *free_of(words, spans)]


def _span(text: str, found: re.Match[str]) -> Span:
    return Span(found.start(), found.end(), "place", text[found.start() : found.end()].strip())


def floor_code(place: str) -> str | None:
    """Return the code of a floor, such as B1 or 3F; None if the place is no floor.

    >>> floor_code("지하 1층"), floor_code("3층"), floor_code("이층"), floor_code("2nd floor"), floor_code("화장실")
    ('B1', '3F', '2F', '2F', None)
    """
    found = _FLOOR_CODE.fullmatch(place.strip())
    if found is None:
        return None
    number = sino_number(found["number"]) or native_number(found["number"])
    below = found["below"] or found["b"]
    return None if not number else f"B{number}" if below else f"{number}F"


def is_branch(place: str) -> bool:
    """Return whether a place is a branch of the store."""
    return bool(_BRANCH.fullmatch(place)) or place.casefold().endswith("branch")
