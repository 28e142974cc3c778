"""Finds all entities of a message, in the order in which one kind makes another impossible."""

from __future__ import annotations

from collections.abc import Sequence

from agent_serving.understanding.brand import brand_spans
from agent_serving.understanding.constraint import constraint_spans
from agent_serving.understanding.foreign import foreign_spans
from agent_serving.understanding.model import Language
from agent_serving.understanding.money import find_prices
from agent_serving.understanding.morphology import Token
from agent_serving.understanding.place import place_spans
from agent_serving.understanding.product import product_spans
from agent_serving.understanding.quantity import find_quantities
from agent_serving.understanding.span import Span, free_of
from agent_serving.understanding.time_expression import find_times
from agent_serving.understanding.vocabulary import compact, vocabulary


def entities_of(text: str, language: Language, tokens: Sequence[Token] = ()) -> list[Span]:
    """Return the entities of a text in their order, each (kind, value) once. `tokens` are those of a Korean text."""
    found = korean_spans(text, tokens) if language is Language.KOREAN else foreign_spans(text, language)
    found.sort(key=lambda span: (span.start, span.end))
    return list({(span.kind, span.value): span for span in reversed(found)}.values())[::-1]


def korean_spans(text: str, tokens: Sequence[Token]) -> list[Span]:
    """Return the entities of a Korean text."""
    spans = find_prices(text)
    for found in (constraint_spans(text, tokens), place_spans(text, tokens)):
        spans += free_of(found, spans)
    avoided = {str(span.value) for span in spans if span.kind == "allergy"}
    times = free_of(find_times(text, tokens), spans)
    brands = brand_spans(text, tokens, spans)
    spans += [*free_of(times, brands), *brands]
    spans += free_of(find_quantities(text, tokens), spans)
    sure, maybe = product_spans(text, tokens, spans)
    if not sure:
        sure = maybe
    # "땅콩 든 과자" after a peanut allergy: the ingredient is not wanted.
    ingredients = vocabulary().constraints
    return spans + [s for s in sure if not avoided & {code for _, code in ingredients.get(compact(str(s.value)), ())}]
