"""Finds brands. One that is an ordinary word as well counts only where a brand is expected."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from agent_serving.understanding.morphology import Token
from agent_serving.understanding.phrase import matches
from agent_serving.understanding.span import Span
from agent_serving.understanding.vocabulary import compact, vocabulary

_BRAND_NOUN = re.compile(r"\s?(?:매장|제품|꺼|거로|거랑|거가|브랜드|팝업|입점|화장품|공식|정품|세일|신상)")
_LIST_AFTER = re.compile(r"\s?(?:이?랑|하고|허고|과|와|vs|나|이나|냐|,|/)(?![가-힣])", re.IGNORECASE)
_CHOICE_AFTER = re.compile(r"\s?(?:중|가운데|둘 ?중|이 ?낫|가 ?낫|이 ?좋|가 ?좋)")
_LIST_BEFORE = re.compile(r"(?:이?랑|하고|허고|과|와|vs|나|이나|,|/)\s?$", re.IGNORECASE)
_ONE_SYLLABLE = re.compile(r"(?<![가-힣])[려후숨맥핑](?=(?:하고|이?랑|와|과|나) )")
_BETWEEN = re.compile(r"\s|(?:이?랑|하고|와|과|이나|나|,)\s?")
_UNKNOWN = re.compile(r"(?<![가-힣A-Za-z])(?P<name>[가-힣A-Za-z]{2,8}?)(?:꺼|이?꺼)(?=\s|$|[가-힣]?\s)")


def brand_spans(text: str, tokens: Sequence[Token], taken: Sequence[Span]) -> list[Span]:
    """Return the brands of a text as spans of `brand`."""
    brands = vocabulary().brands
    found = [
        span
        for span in matches(text, tokens, brands)
        if not any(span.overlaps(other) for other in taken) and _begins_word(text, tokens, span.start)
    ]
    sure = [s for s in found if brands[compact(str(s.value))] != "ambiguous"]
    for span in found:
        if brands[compact(str(span.value))] == "ambiguous" and _is_brand(text, tokens, span, sure):
            sure.append(span)
    for word in _ONE_SYLLABLE.finditer(text) if sure else ():
        # The analyser takes "려하고" for a verb.
        span = Span(word.start(), word.end(), "brand", word.group())
        if not any(span.overlaps(other) for other in [*sure, *taken]):
            sure.append(span)
    doubtful = [span for span in found if span not in sure]
    for one, other in pairwise(doubtful):
        if _BETWEEN.fullmatch(text[one.end : other.start]) and min(len(str(one.value)), len(str(other.value))) > 1:
            sure += [span for span in (one, other) if span not in sure]
    for name in _UNKNOWN.finditer(text):
        span = Span(name.start("name"), name.end("name"), "brand", name["name"])
        key = compact(name["name"])
        known = key in vocabulary().grammar("no_name") or key in vocabulary().modifiers or key in vocabulary().products
        is_name = all(token.is_noun for token in tokens if span.start <= token.start < span.end)
        if is_name and not known and not any(span.overlaps(other) for other in [*sure, *taken]):
            sure.append(span)
    return [Span(s.start, s.end, "brand", s.value) for s in sure]


def _begins_word(text: str, tokens: Sequence[Token], start: int) -> bool:
    """Whether a written word, or a noun after another noun, begins here: "나온" and "살라카는데" have no brand."""
    before = next((token for token in tokens if token.end == start), None)
    return start == 0 or not text[start - 1].isalnum() or (before is not None and before.is_noun)


def _is_brand(text: str, tokens: Sequence[Token], span: Span, sure: Sequence[Span]) -> bool:
    products = vocabulary().products
    following = next((t for t in tokens if t.start >= span.end), None)
    if following and following.start - span.end <= 1 and following.is_noun:
        rest = [t for t in tokens if t.start >= following.start][:2]
        joined = {compact(text[rest[0].start : t.end]) for t in rest}
        if joined & products.keys() and not (joined | {compact(str(span.value))}) <= products.keys():
            return True
    if _BRAND_NOUN.match(text, span.end):
        return True
    beside_brand = any(
        (s.end <= span.start and _LIST_BEFORE.search(text[s.end : span.start]))
        or (span.end <= s.start and _LIST_AFTER.match(text, span.end))
        for s in sure
    )
    if beside_brand:
        return True
    is_choice = _CHOICE_AFTER.match(text, span.end) or (len(str(span.value)) == 1 and _LIST_AFTER.match(text, span.end))
    return bool(is_choice and sure)
