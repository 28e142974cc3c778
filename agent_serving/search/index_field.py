"""The fields by which every engine indexes a document, and what a search asks of them, in a form free of any engine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from agent_serving.search.document import EVERY_BRANCH, Document, Kind
from agent_serving.search.engine import Filters
from agent_serving.search.product_fact import allergens_of, diets_of, values_of
from agent_serving.search.text_form import QueryWord, query_words, squeeze, terms_of

# The fields of terms, and how much a match in them counts. Order of terms matters in pairs and joined pairs only.
WORDS: Final = {"title_word": 4.0, "key_word": 3.0, "text_word": 1.0}
PAIRS: Final = {"title_pair": 2.0, "key_pair": 1.5, "text_pair": 0.5}
JOINED: Final = {"title_joined": 1.0, "key_joined": 0.7}
EXACT: Final = ("id", "kind", "branch", "source", "brand", "category", "floor", "allergen", "diet")
NUMBERS: Final = ("price", "valid_from", "valid_until")
BODY: Final = "body"
"""Stored, not indexed: the document as JSON."""

_FIRST_DAY, _LAST_DAY, _UNSTATED = 0, 99_999_999, "?"
_NO_PRICE, _MOST_PRICE = 0, 2**53
_LESS_BY_FORM, _LESS_IF_LOOSE = 0.9, 0.2
_LEAST_LOOSE = 4
"""Pairs of a word that may be matched loosely. A word of four letters has three pairs: one less is another word."""


@dataclass(frozen=True)
class Match:
    """Terms that must be side by side in a field; `boost` is how much it counts."""

    field: str
    terms: tuple[str, ...]
    boost: float


@dataclass(frozen=True)
class AnyOf:
    """The field has one of the values, or none of them if `is_negated`."""

    field: str
    values: tuple[str, ...]
    is_negated: bool = False


@dataclass(frozen=True)
class Between:
    """The number of the field lies within the bounds, both included. None is no bound."""

    field: str
    least: int | None
    most: int | None


Condition = AnyOf | Between


def fields_of(source: str, document: Document) -> dict[str, Any]:
    """Return the value of each field of a document."""
    body = json.dumps(asdict(document), ensure_ascii=False)
    fields = {**exact_fields(document), "source": source, BODY: body}
    for name, texts in (("title", (document.title,)), ("key", document.keywords), ("text", (document.text,))):
        terms = terms_of(texts)
        fields[f"{name}_word"], fields[f"{name}_pair"] = " ".join(terms.words), " ".join(terms.pairs)
        if name != "text":
            fields[f"{name}_joined"] = " ".join(terms.joined)
    return fields


def exact_fields(document: Document) -> dict[str, Any]:
    """Return the fields of a document that conditions are about."""
    facts = document.facts
    return {
        "id": document.id, "kind": document.kind.value, "branch": document.branch,
        "brand": values_of(facts, "brand"), "category": values_of(facts, "category"), "floor": values_of(facts, "floor"),
        "allergen": _allergens(document), "diet": diets_of(facts),
        "price": int(facts.get("price_won", _NO_PRICE)),
        "valid_from": _day(facts.get("valid_from"), _FIRST_DAY),
        "valid_until": _day(facts.get("valid_until"), _LAST_DAY),
    }  # fmt: skip


def document_of(body: str | bytes) -> Document:
    """Return the document that `fields_of` has written as JSON."""
    row = json.loads(body)
    return Document(**row | {"kind": Kind(row["kind"]), "keywords": tuple(row["keywords"])})


@dataclass(frozen=True)
class Loose:
    """Pairs of letters in one field, of which `least` must be there, in any order."""

    pairs: tuple[Match, ...]
    least: int


@dataclass(frozen=True)
class Word:
    """A word of a query: one of `matches` suffices; in a loose attempt also one of `loose`."""

    matches: tuple[Match, ...]
    loose: tuple[Loose, ...]


@dataclass(frozen=True)
class Attempt:
    """What to look for: at least so many of the words."""

    words: tuple[Word, ...]
    least: int
    is_loose: bool = False


def attempts(query: str) -> Iterator[Attempt]:
    """Yield what to look for, in the order of strictness. The first attempt that finds a document decides.

    All words of the query; then half of them; then half of them, where a long word may have a letter wrong, or be a
    compound that the text has in another order ("메모리폼베개": "베개 메모리폼").
    """
    words = tuple(_word(forms) for forms in query_words(query))
    half = (len(words) + 1) // 2
    if words:
        yield Attempt(words, len(words))
        if half < len(words):
            yield Attempt(words, half)
        if any(word.loose for word in words):
            yield Attempt(words, half, is_loose=True)


def _word(forms: Sequence[QueryWord]) -> Word:
    matches = [match for place, form in enumerate(forms) for match in _matches(form, _LESS_BY_FORM**place)]
    loose = [
        Loose(tuple(Match(field, (pair,), boost * _LESS_IF_LOOSE) for pair in form.pairs), _most(len(form.pairs)))
        for form in forms
        for field, boost in JOINED.items()
        if len(form.pairs) >= _LEAST_LOOSE
    ]
    return Word(tuple(matches), tuple(loose))


def _most(pairs: int) -> int:
    """Return three quarters, rounded up."""
    return -(-pairs * 3 // 4)


def conditions(kinds: Sequence[Kind], branch: str | None, filters: Filters) -> list[Condition]:
    """Return what every found document meets."""
    known = [branch] if branch is not None and branch.isascii() else []
    found: list[Condition] = [AnyOf("branch", (EVERY_BRANCH, *known))]
    if kinds:
        found.append(AnyOf("kind", tuple(kind.value for kind in kinds)))
    exact = {name: getattr(filters, name) for name in ("brand", "category", "floor", "diet")}
    found += [AnyOf(name, (squeeze(value),)) for name, value in exact.items() if value is not None]
    if filters.price_min is not None or filters.price_max is not None:
        least, most = filters.price_min or 0, _MOST_PRICE if filters.price_max is None else filters.price_max
        found.append(Between("price", _bounded(max(least, _NO_PRICE + 1)), _bounded(most)))
    if filters.free_of:
        found.append(AnyOf("allergen", (_UNSTATED, *sorted(map(squeeze, filters.free_of))), is_negated=True))
    if filters.on is not None:
        day = _day(filters.on.isoformat(), _FIRST_DAY)
        found += [Between("valid_from", None, day), Between("valid_until", day, None)]
    return found


def is_met(wanted: Sequence[Condition], fields: Mapping[str, Any]) -> bool:
    """Return whether a document with these fields meets all conditions. Engines decide the same by their index."""
    return all(_is_met(condition, fields[condition.field]) for condition in wanted)


def _is_met(condition: Condition, value: Any) -> bool:
    if isinstance(condition, Between):
        least, most = condition.least, condition.most
        return (least is None or value >= least) and (most is None or value <= most)
    values = value if isinstance(value, list) else [value]
    return condition.is_negated != any(one in condition.values for one in values)


def is_encodable(text: str) -> bool:
    """Return whether a text has no lone surrogate, which no engine takes."""
    return text.encode("utf-8", "ignore").decode() == text


def _matches(form: QueryWord, weight: float) -> list[Match]:
    found = [Match(field, (form.word,), weight * boost) for field, boost in WORDS.items()]
    if form.pairs:
        fields = PAIRS | (JOINED if form.is_joinable else {})
        found += [Match(field, form.pairs, weight * boost) for field, boost in fields.items()]
    return found


def _allergens(document: Document) -> list[str]:
    unstated = [_UNSTATED] if document.kind is Kind.PRODUCT else []
    return allergens_of(document.facts) or unstated


def _bounded(price: int) -> int:
    """Return a price that engines can compare, also for the price of a foolish caller."""
    return min(max(price, _NO_PRICE), _MOST_PRICE)


def _day(value: Any, missing: int) -> int:
    """Return an ISO date as a number in the order of the days: 20171231."""
    return missing if value is None else int(date.fromisoformat(str(value)).strftime("%Y%m%d"))
