"""Finds allergies, faiths and diets."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent_serving.understanding.morphology import Token
from agent_serving.understanding.phrase import avoided_after, matches
from agent_serving.understanding.span import Span
from agent_serving.understanding.vocabulary import vocabulary

_LISTED = re.compile(r"\s?(?:이랑|랑|하고|과|와|,|나|이나|·|/|및|도)\s?")


def constraint_spans(text: str, tokens: Sequence[Token]) -> list[Span]:
    """Return the constraints of a text as spans of `allergy`, `faith` and `diet`.

    An ingredient is avoided only if a word of avoidance follows it or the list that it stands in: "우유랑 땅콩 알레르기".
    """
    words = vocabulary().constraints
    found = [span for _, _, span in matches(text, tokens, words)]
    spans: list[Span] = []
    avoided_from: int | None = None
    for span in reversed(found):
        meanings = words["".join(str(span.value).split()).casefold()]
        for kind, code in meanings:
            if kind != "allergy":
                spans.append(Span(span.start, span.end, kind, code))
                continue
            end = avoided_after(text, span.end)
            joined = _LISTED.match(text, span.end)
            in_list = avoided_from is not None and joined is not None and joined.end() == avoided_from
            if end is not None or in_list:
                spans.append(Span(span.start, span.end, kind, code))
                avoided_from = span.start
    return sorted(spans, key=lambda span: span.start)
