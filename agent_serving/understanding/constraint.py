"""Finds allergies, faiths and diets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from agent_serving.understanding.morphology import Token
from agent_serving.understanding.phrase import matches
from agent_serving.understanding.span import Span
from agent_serving.understanding.vocabulary import compact, pattern, vocabulary

_LISTED = re.compile(r"\s?(?:이랑|랑|하고|과|와|,|나|이나|·|/|및|도)\s?")
_AFTER_INGREDIENT = frozenset(["류", "단백", "가루", "알레르기", "알러지", "알레르지", "성분", "쪽", "프리"])
_PARTICLE = re.compile(r"\s?(?:류|쪽|성분|단백|가루|들|맛)?(?:은|는|이|가|을|를|도|만|에|에는|엔|이라면|라면|라)?")
_AVOIDED = re.compile(pattern("avoided"))
_TOUCHED = re.compile(pattern("touched"))
_REACTION = re.compile(pattern("reaction"))
_ALLERGY_NEAR = re.compile(r"^[^,.!?]{0,12}?(?:알레르|알러지|알러쥐|앨러지)")


def constraint_spans(text: str, tokens: Sequence[Token]) -> list[Span]:
    """Return the constraints of a text as spans of `allergy`, `faith` and `diet`.

    An ingredient is avoided only if a word of avoidance or of a reaction follows it, or the list that it stands in:
    "우유랑 땅콩 알레르기", "복숭아 만지기만 해도 뒤집어져요".
    """
    words = vocabulary().constraints
    spans: list[Span] = []
    avoided_from: int | None = None
    compounds = {
        a.end for a, b in pairwise(tokens) if a.end == b.start and b.is_noun and b.form not in _AFTER_INGREDIENT
    }
    for span in reversed(list(matches(text, tokens, words))):
        for kind, code in words[compact(str(span.value))]:
            if kind == "allergy" and span.end in compounds:  # 참깨드레싱
                continue
            if kind != "allergy":
                spans.append(Span(span.start, span.end, kind, code))
                continue
            joined = _LISTED.match(text, span.end)
            in_list = avoided_from is not None and joined is not None and joined.end() == avoided_from
            if in_list or _is_avoided(text, span.end):
                spans.append(Span(span.start, span.end, kind, code))
                avoided_from = span.start
    return sorted(spans, key=lambda span: span.start)


def _is_avoided(text: str, end: int) -> bool:
    particle = _PARTICLE.match(text, end)
    if any(_AVOIDED.match(text, at) for at in {end, particle.end() if particle else end}):
        return True
    touched = _TOUCHED.match(text, end)
    if touched and _REACTION.search(text[touched.end() : touched.end() + 20]):
        return True
    return bool(_ALLERGY_NEAR.match(text[end:]))
