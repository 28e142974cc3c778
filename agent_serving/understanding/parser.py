"""Reads a message: `understand` returns its language, intent, items, time, place, constraints and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agent_serving.understanding.dialogue import continue_from, missing_slot_of, remember_limits
from agent_serving.understanding.entity import entities_of
from agent_serving.understanding.intent import intent_of
from agent_serving.understanding.language import language_of
from agent_serving.understanding.model import Constraints, Context, Intent, Language, Understanding, WantedItem
from agent_serving.understanding.morphology import morphology
from agent_serving.understanding.span import Span
from agent_serving.understanding.topic import order_number_of, topics_of

_LONGEST = 2000
"""Characters that are read. Nobody types more about what they want, and the time to read grows with the length."""
_COUNTED = frozenset({Intent.BUY_NOW, Intent.PLAN})
"""Intents in which a number is one of products that are wanted. Elsewhere it counts what was delivered or compared."""
_FIRST_WORDS = ("먼저", "우선", "일단", "꼭", "제일", "first", "most", "まず", "先", "首先")
_LAST_WORDS = ("나중에", "있으면", "되면", "여유", "혹시", "겸사겸사", "if possible", "できれば", "如果有")


def understand(text: str, context: Context | None = None) -> Understanding:
    """Return what a message says, read in the light of the turn before it."""
    context = context or Context()
    said = text[:_LONGEST]
    language = language_of(said, context.language)
    tokens = morphology().tokens(said) if language is Language.KOREAN else []
    spans = entities_of(said, language, tokens)
    intent, confidence = intent_of(said, spans, tokens)
    spans = _fitting(spans, intent)
    found = Understanding(
        language=language,
        intent=intent,
        confidence=round(confidence, 3),
        items=items_of(spans, said),
        time=_values(spans, "time"),
        place=_values(spans, "place"),
        constraints=Constraints(*(_values(spans, kind) for kind in ("allergy", "faith", "diet"))),
        topics=topics_of(said),
        order_number=order_number_of(said),
        text=said,
    )
    found = continue_from(found, context.previous)
    found = replace(found, missing_slot=missing_slot_of(found, context.previous))
    return remember_limits(found, context.previous)


def _fitting(spans: Sequence[Span], intent: Intent) -> list[Span]:
    """Return the spans without those that mean something else under an intent, and with unknown products named so."""
    is_wish = intent not in (Intent.FIND_INFORMATION, Intent.SERVICE)
    named = any(span.kind in ("product", "brand") for span in spans)
    kept = []
    for span in spans:
        if span.kind == "open_product":
            if is_wish:
                kept.append(replace(span, kind="product"))
        elif span.kind == "quantity":
            if intent in _COUNTED:
                kept.append(span)
        elif not span.kind.startswith("price") or is_wish or named:
            kept.append(span)
    return kept


def _values(spans: Sequence[Span], kind: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(span.value) for span in spans if span.kind == kind))


def items_of(spans: Sequence[Span], text: str = "") -> tuple[WantedItem, ...]:
    """Return the wanted items with their priorities.

    A brand belongs to the product after it, a quantity or a price to the product before it. Without one they belong to
    the nearest other product, and else they are an item of their own.
    """
    fields: list[dict[str, str | int]] = [{"product": s.value} for s in spans if s.kind == "product"]
    starts = [span.start for span in spans if span.kind == "product"]
    for span in spans:
        if span.kind not in ("brand", "quantity", "price_min", "price_max"):
            continue
        open_before = [i for i, start in enumerate(starts) if start < span.start and span.kind not in fields[i]]
        open_after = [i for i, start in enumerate(starts) if start > span.start and span.kind not in fields[i]]
        nearest = [*open_after[:1], *open_before[-1:]] if span.kind == "brand" else [*open_before[-1:], *open_after[:1]]
        if nearest:
            fields[nearest[0]][span.kind] = span.value
        else:
            fields.append({span.kind: span.value})
            starts.append(span.start)
    order = sorted(range(len(fields)), key=lambda i: (_urgency(text, starts[i]), starts[i]))
    return tuple(WantedItem(**fields[i], priority=rank) for rank, i in enumerate(order, 1))  # type: ignore[arg-type]


def _urgency(text: str, start: int) -> int:
    """Return 0 for a product that is wanted first, 2 for one that may be left out, else 1: by the words before it."""
    before = text[max(0, start - 8) : start].casefold()
    if any(word in before for word in _FIRST_WORDS):
        return 0
    return 2 if any(word in before for word in _LAST_WORDS) else 1
