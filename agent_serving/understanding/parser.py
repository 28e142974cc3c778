"""Reads a message: `understand` returns its language, intent, items, time, place, constraints and what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from agent_serving.understanding.brand import brand_spans
from agent_serving.understanding.constraint import constraint_spans
from agent_serving.understanding.intent import intent_of
from agent_serving.understanding.language import language_of
from agent_serving.understanding.model import Constraints, Context, Understanding, WantedItem
from agent_serving.understanding.money import find_prices
from agent_serving.understanding.morphology import morphology
from agent_serving.understanding.place import place_spans
from agent_serving.understanding.product import product_spans
from agent_serving.understanding.quantity import find_quantities
from agent_serving.understanding.span import Span, free_of
from agent_serving.understanding.time_expression import find_times
from agent_serving.understanding.vocabulary import compact, vocabulary


def understand(text: str, context: Context | None = None) -> Understanding:
    """Return what a message says."""
    context = context or Context()
    language = language_of(text, context.language)
    spans = find_entities(text)
    intent, confidence = intent_of(text, spans)
    return Understanding(
        language,
        intent,
        round(confidence, 3),
        items=items_of(spans),
        time=tuple(str(s.value) for s in spans if s.kind == "time"),
        place=tuple(str(s.value) for s in spans if s.kind == "place"),
        constraints=Constraints(*(tuple(dict.fromkeys(str(s.value) for s in spans if s.kind == kind)) for kind in ("allergy", "faith", "diet"))),
        text=text,
    )


def find_entities(text: str) -> list[Span]:
    """Return the entities of a text in their order, each (kind, value) once."""
    tokens = morphology().tokens(text)
    spans = find_prices(text)
    for found in (constraint_spans(text, tokens), place_spans(text, tokens)):
        spans += free_of(found, spans)
    avoided = {str(s.value) for s in spans if s.kind == "allergy"}
    times = free_of(find_times(text), spans)
    brands = brand_spans(text, tokens, spans)
    spans += [*free_of(times, brands), *brands]
    spans += free_of(find_quantities(text), spans)
    sure, maybe = product_spans(text, tokens, spans)
    if not sure and not any(s.kind == "brand" for s in spans):
        sure = maybe
    # "땅콩 든 과자" after a peanut allergy: the ingredient is not wanted.
    spans += [s for s in sure if not avoided & {code for _, code in vocabulary().constraints.get(compact(str(s.value)), ())}]
    spans.sort(key=lambda span: (span.start, span.end))
    return list({(s.kind, s.value): s for s in reversed(spans)}.values())[::-1]


def items_of(spans: Sequence[Span]) -> tuple[WantedItem, ...]:
    """Return the wanted items: a quantity or a price belongs to the nearest product before it, or else after it."""
    anchors = [span for span in spans if span.kind == "product"]
    brands = [span for span in spans if span.kind == "brand"]
    if not anchors and not brands and not any(s.kind in ("quantity", "price_min", "price_max") for s in spans):
        return ()
    fields: list[dict[str, str | int]] = [{"product": span.value} for span in anchors]
    starts = [span.start for span in anchors]
    for span in spans:
        if span.kind not in ("brand", "quantity", "price_min", "price_max"):
            continue
        before = [i for i, start in enumerate(starts) if start < span.start and span.kind not in fields[i]]
        after = [i for i, start in enumerate(starts) if start > span.start and span.kind not in fields[i]]
        order = [*after[:1], *before[-1:]] if span.kind == "brand" else [*before[-1:], *after[:1]]
        if order:
            fields[order[0]][span.kind] = span.value
        else:
            fields.append({span.kind: span.value})
            starts.append(10**9)
    return tuple(WantedItem(**fields[i], priority=i + 1) for i in range(len(fields)))  # type: ignore[arg-type]
