"""Recognises by its header which kind of personal data a column holds."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib import resources

from privacy.recognition.column_name import name_column

# A header with `name` or `address` and one of these words names a thing, not a person.
_THINGS = {
    "product", "item", "store", "shop", "brand", "category", "campaign", "file", "event", "screen", "page", "app",
    "region", "branch", "department", "column", "table", "coupon", "maker", "channel", "city", "dong",
    "sido", "company", "country", "county", "state", "school", "hospital", "disease", "drug", "job", "course", "model",
    "vendor",
}  # fmt: skip
# A header that ends with one of these words holds a property of the identifier, not the identifier.
_PROPERTIES = {
    "type", "kind", "flag", "count", "domain", "status", "provider", "carrier", "brand", "model", "os", "length",
    "verified", "consent", "preference", "method", "channel", "class", "tier", "grade", "category",
    # Those to whom data may be passed are organisations.
    "recipients", "receivers",
}  # fmt: skip
_BRACKETED = re.compile(r"[(\[{（].*?[)\]}）]")


@dataclass(frozen=True)
class Concept:
    """A kind of personal data, with the headers and words by which it is recognised."""

    concept: str
    category: str
    role: str
    headers: frozenset[str]
    words: frozenset[str]
    token: str | None = None
    standardise: str | None = None
    note: str = ""


@cache
def load_concepts() -> dict[str, Concept]:
    """Return the kinds of personal data in `concept.json`, by name. Order matters: the first match is used."""
    text = resources.files(__package__).joinpath("concept.json").read_text("utf-8")
    return {
        entry["concept"]: Concept(
            **{**entry, "headers": frozenset(entry["headers"]), "words": frozenset(entry["words"])}
        )
        for entry in json.loads(text)
    }


def find_concept(header: str) -> Concept | None:
    """Return the kind of personal data that a header names; None if it names none.

    Numbers at the end and notes in brackets do not count.

    >>> [find_concept(header).concept for header in ("고객 성명", "E-Mail 2", "phone_no", "이름(국문)")]
    ['name', 'email', 'phone', 'name']
    >>> find_concept("product_name"), find_concept("phone_type")
    (None, None)
    """
    header = _BRACKETED.sub("", unicodedata.normalize("NFKC", header)) or header
    plain = re.sub(r"[\s_()\-./]", "", header)
    shorter = plain.rstrip("0123456789")
    words = name_column(header).split("_")
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    last = words[-1].rstrip("0123456789")
    forms = [words, [*words[:-1], last], [*words[:-1], last.removesuffix("s")]]
    for concept in load_concepts().values():
        if plain in concept.headers or shorter in concept.headers:
            return concept
        if any(plain.endswith(known) for known in concept.headers if len(known) > 2):
            return concept
        found = any(_contains(form, known) for known in concept.words for form in forms)
        if found and last not in _PROPERTIES and not _is_of_a_thing(concept, words):
            return concept
    return None


def _contains(words: list[str], known: str) -> bool:
    """Return whether a name ends with the known words; one word longer than 4 letters may be anywhere in it."""
    wanted = known.split("_")
    return words[-len(wanted) :] == wanted or (len(wanted) == 1 and len(known) > 4 and known in words)


def _is_of_a_thing(concept: Concept, words: list[str]) -> bool:
    return concept.concept in ("name", "address") and bool(_THINGS & set(words))
