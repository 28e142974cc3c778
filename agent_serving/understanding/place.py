"""Finds places: branches (강남점), floors (지하 1층), areas (식품관) and facilities (화장실)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent_serving.understanding.morphology import Token
from agent_serving.understanding.number import native_number, sino_number
from agent_serving.understanding.phrase import matches
from agent_serving.understanding.span import Span, free_of
from agent_serving.understanding.vocabulary import compact, vocabulary

_FLOOR = r"(?:(?:지하|지상)\s?)?(?:\d{1,2}|일|이|삼|사|오|육|칠|팔|구|십|십일|십이|한)\s?층|B\d\s?F?\b(?:\s?층)?|\b\d{1,2}F\b|꼭대기\s?층|맨\s?위\s?층|맨\s?아래\s?층|1층\s?로비"
_FLOORS = re.compile(rf"(?<![가-힣\d])(?:{_FLOOR})", re.IGNORECASE)
_BRANCH = re.compile(r"(?<![가-힣A-Za-z])(?:[가-힣]{2,8}|[A-Za-z]{2,10}|[가-힣]{1,6}\s?[A-Za-z]{1,6})점(?=$|[\s,.?!]|[은는이가에을를도로의으과와]|까지|부터|에서|이랑|하고|이나|만|말고|보다|인데|이야|요)")
_NO_BRANCH = re.compile(
    r"(?:장단|백화|편의|전문|할인|음식|면세|서|매|지|장|단|시|관|요|초|공통|차이|문제|이|허|약|강|만|학|평|득|별|정|상|제과|대리|분|총판|커피전문|상|반|가맹|체인|입|폐|휴|개|식료품|양복|꽃|양판|영업|타|다른지|본지|몇|무|원|가까운지|근처지|어느지)점$"
)
_UNDERGROUND = re.compile(r"지하(?=\s|$|에|로|는|도)")


_FLOOR_CODE = re.compile(
    r"(?P<below>지하|地下)?\s?(?P<b>B)?(?P<number>\d{1,2}|[일이삼사오육칠팔구십한두세]{1,2})(?:F|\s?층|st floor|nd floor|rd floor|th floor|階|楼|层)?", re.IGNORECASE
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
