"""Finds how many of a product are wanted: 세 개, 2팩, 두어 개, 라떼 하나."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent_serving.understanding.morphology import Token
from agent_serving.understanding.number import NATIVE, native_number, sino_number
from agent_serving.understanding.span import Span
from agent_serving.understanding.vocabulary import pattern

_COUNTERS = pattern("counter")
_AFTER = pattern("after_counter")
_COUNTED = re.compile(
    rf"(?<![가-힣\d.,])(?!백팩)(?P<number>\d{{1,4}}|{NATIVE}|[일이삼사오육칠팔구]?[백천십]|[일이삼사오육칠팔구])\s?(?P<counter>{_COUNTERS}){_AFTER}",
    re.IGNORECASE,
)
_BARE = re.compile(rf"(?<=[가-힣a-zA-Z\d])\s(?P<number>하나|둘|셋|넷|다섯|여섯|일곱|여덟|아홉|열){_AFTER}")
_PERSONS = re.compile(
    r"(?:조카|애|아이|애들|아들|딸|친구|사람|형제|자매|손님|가족|식구|어른|동생|부부|남매|손주|손자|손녀|쌍둥이|학생|직원|동료|언니|누나|형|오빠)(?:들)?$"
)
_TOGETHER = re.compile(r"이 |이서|다(?![가-힣])|은 |가 ")
"""After a bare number it counts people or options: "둘이 사는데", "둘 다"."""
_NO_QUANTITY = re.compile(r"\s?(?:국어|나라|회사|브랜드 ?중|층|중|다 비교|비교|가지|차이|중에|중에서|이상 ?사면|사면)")
_MEASURES = {"kg", "킬로", "킬로그램", "키로", "리터", "개입", "구", "입", "점"}
"""Units of size: "10kg 쌀" is the size of one bag."""
_AMBIGUOUS = {"대": "10단위"}


def find_quantities(text: str, tokens: Sequence[Token] = ()) -> list[Span]:
    """Return the numbers of products in a text as spans of `quantity`."""
    words = {token.start for token in tokens if token.tag[0] in "VE"}  # "사야 하나": an ending
    spans: list[Span] = []
    for form in (_COUNTED, _BARE):
        for found in form.finditer(text):
            counter = found.groupdict().get("counter")
            number = native_number(found["number"]) or sino_number(found["number"])
            if not number or counter in _MEASURES or _NO_QUANTITY.match(text, found.end()):
                continue
            if found.start("number") in words or (counter is None and _TOGETHER.match(text, found.end())):
                continue
            if counter is None and _PERSONS.search(text[: found.start("number")].rstrip()):
                continue
            if counter in _AMBIGUOUS and number % 10 == 0:  # 20대, 30대: an age
                continue
            if counter in ("다스", "더즌"):
                number *= 12
            span = Span(found.start("number"), found.end(), "quantity", number)
            if not any(span.overlaps(other) for other in spans):
                spans.append(span)
    sizes = [span for span in spans if re.match("짜리|들이", text[span.end :])]
    return [span for span in spans if span not in sizes] if len(sizes) < len(spans) else spans
