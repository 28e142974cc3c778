"""Finds products: a head noun of the lexicon with the words before it that name its kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from agent_serving.understanding.morphology import Token
from agent_serving.understanding.phrase import Unit, noun_runs
from agent_serving.understanding.span import Span
from agent_serving.understanding.vocabulary import compact, vocabulary

_LIST = re.compile(r"\s?(?:이?랑|하고|허고|과|와|,|나|이나|·|/|및|도|vs|말고|에다)(?![가-힣])")
_MOST_MODIFIERS = 3
_MOST_DESCRIBING = 2
_SHORTEST_NAME, _LONGEST_NAME = 2, 5
_PREFIX = re.compile(r"(?<![가-힣])[가-힣]{1,2}$")
_NO_NOUN = re.compile(r"(?:요|다|까|서|고|면|지|네|죠|는데|니|라고|랑가)$")
"""Endings of verbs, which the analyser sometimes takes for nouns. Such a word describes no product."""
_OF_KIND = re.compile(r"(?:용|산|제|식|형|맛|향|급|표|색)$")
"""Endings of words that name a kind: 여성용, 호주산, 초음파식."""
_MODEL = re.compile(
    r"\s?[A-Z]?\d{1,2}(?!\d|\s?(?:개|대|원|만|천|층|시|월|일|명|번))(?:\s?(?:프로\s?맥스|프로|울트라|플러스|미니|에어|맥스))?|\s(?:프로\s?맥스|울트라|플러스)",
    re.IGNORECASE,
)
"""The number and grade of a model after a device: 아이폰 17 프로."""
_ADJECTIVE_OF_KIND = re.compile(
    r"(?<![가-힣])(?:매운|안\s?매운|따뜻한|차가운|두꺼운|얇은|달콤한|달달한|마른|말린|구운|볶은|삶은|데친|찐|튀긴|무가당|생)\s$"
)


def product_spans(text: str, tokens: Sequence[Token], taken: Sequence[Span]) -> tuple[list[Span], list[Span]]:
    """Return the spans of products, and those of nouns outside the lexicon that may be products."""
    sure: list[Span] = []
    maybe: list[Span] = []
    for run in noun_runs(text, tokens, taken):
        found, open_units = _split(run)
        phrases = [_phrase(text, units, taken, len(found) > 1) for units in found]
        sure += filter(None, phrases)
        named = {units[0].start for units, phrase in zip(found, phrases, strict=True) if phrase}
        sure += [_brand(text, a) for a, b in pairwise(run) if b.start in named and _is_name(a)]
        maybe += [Span(u.start, u.end, "open_product", text[u.start : u.end]) for u in open_units]
    return sure, [span for span in maybe if len(compact(str(span.value))) > 1 and _is_wanted(text, span, taken)]


def _split(run: Sequence[Unit]) -> tuple[list[list[Unit]], list[Unit]]:
    """Return the products of a run as their units, and the units that are part of none."""
    grammar = vocabulary().grammar
    found: list[list[Unit]] = []
    rest: list[Unit] = []
    pending: list[Unit] = []
    run = _joined(run)
    heads = sum(unit.is_head for unit in run)
    for at, unit in enumerate(run):
        before = run[at - 1] if at else None
        extends = bool(found) and before is found[-1][-1]
        if (
            extends
            and (
                unit.key in grammar("container")
                or ((unit.key in grammar("model") or unit.key.isdigit()) and unit.key != "세트")
            )
        ) or (extends and unit.is_head and _describes(before, unit, heads)):
            found[-1].append(unit)
        elif unit.is_head:
            found.append([*_kept(pending), unit])
            pending = []
        elif unit.role == "never":
            rest += [u for u in pending if not u.role]
            pending = []
        else:
            pending.append(unit)
    return found, [*rest, *(u for u in pending if not u.role)]


def _joined(run: Sequence[Unit]) -> list[Unit]:
    """Return the run with two words as one where the lexicon has them as one: "선물 세트"."""
    found: list[Unit] = []
    for unit in run:
        if found and found[-1].key + unit.key in vocabulary().products:
            found[-1] = Unit(found[-1].start, unit.end, found[-1].key + unit.key, True, "")
        else:
            found.append(unit)
    return found


def _kept(pending: Sequence[Unit]) -> list[Unit]:
    """Return the units at the end of `pending` that describe the head after them: modifiers, and one unknown noun."""
    kept: list[Unit] = []
    unknown = 0
    for unit in reversed(pending):
        is_odd = not unit.role and (unit.is_unknown or _NO_NOUN.search(unit.key))
        unknown += not unit.role and not _OF_KIND.search(unit.key)
        if is_odd or unknown > 1 or len(kept) == _MOST_MODIFIERS:
            break
        kept.insert(0, unit)
    return kept


def _describes(before: Unit | None, unit: Unit, heads: int) -> bool:
    assert before is not None
    if before.key + unit.key in vocabulary().products:
        return True
    if before.role == "kind" and not (before.is_head and heads > _MOST_DESCRIBING):
        return True
    return heads == _MOST_DESCRIBING and any(unit.key.endswith(word) for word in vocabulary().grammar("joining"))


def _is_name(unit: Unit) -> bool:
    """Whether a word before a product is the name of a maker that no lexicon has: the analyser does not know it."""
    is_short = _SHORTEST_NAME <= len(unit.key) <= _LONGEST_NAME
    is_hangul = re.fullmatch("[가-힣]+", unit.key) is not None
    return (
        unit.is_unknown
        and is_hangul
        and not unit.role
        and not unit.is_head
        and is_short
        and not _NO_NOUN.search(unit.key)
    )


def _brand(text: str, unit: Unit) -> Span:
    return Span(unit.start, unit.end, "brand", text[unit.start : unit.end])


def _phrase(text: str, units: Sequence[Unit], taken: Sequence[Span], is_list: bool) -> Span | None:
    start, end = units[0].start, units[-1].end
    named = len(units) > 1 and (
        units[-2].role or units[-2].is_head or units[-1].key in vocabulary().grammar("container")
    )
    is_weak = units[-1].key in vocabulary().grammar("weak")
    if is_weak and not named and not is_list and not _has_support(text, start, end, taken):
        return None
    if _pattern("making").match(text, end) or _pattern("eating").match(text, end):
        return None
    if adjective := _ADJECTIVE_OF_KIND.search(text[:start]):
        start = adjective.start()
    if prefix := _PREFIX.search(text[:start]):
        # 튼살크림: a form of a verb within the written word.
        start = (
            prefix.start() if not any(span.overlaps(Span(prefix.start(), start, "", "")) for span in taken) else start
        )
    if units[-1].key in vocabulary().grammar("device") and (model := _MODEL.match(text, end)):
        end = model.end()
    return Span(start, end, "product", text[start:end])


def _has_support(text: str, start: int, end: int, taken: Sequence[Span]) -> bool:
    """Whether a number, a list, a brand or a wish to buy stands beside a word of two meanings."""
    beside = any(
        s.kind in ("quantity", "price_max", "price_min", "brand")
        and (0 <= s.start - end <= 2 or 0 <= start - s.end <= 1)
        for s in taken
    )
    return (
        beside
        or bool(_LIST.match(text, end))
        or bool(_pattern("buying").match(text, end))
        or bool(re.search(r"(?:랑|하고|과|와|,)\s$", text[:start]))
    )


def _is_wanted(text: str, span: Span, taken: Sequence[Span]) -> bool:
    after_brand = any(s.kind == "brand" and 0 <= span.start - s.end <= 1 for s in taken)
    if after_brand and _LIST.match(text, span.end):
        return True
    beside = any(s.kind == "quantity" and 0 <= s.start - span.end <= 2 for s in taken)
    return beside or bool(_pattern("buying").match(text, span.end))


@lru_cache(maxsize=8)
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(vocabulary().block(name))
