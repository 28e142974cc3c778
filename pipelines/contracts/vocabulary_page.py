"""Renders the vocabulary of custom properties as Markdown, for docs/contracts.md and `contracts vocabulary`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from privacy.contract.vocabulary import PropertyPlace, PropertyRule, Vocabulary, load_vocabulary

_PLACES: dict[PropertyPlace, str] = {
    "objectProperties": "On the table",
    "columnProperties": "On a column",
    "serverProperties": "On the server",
}
_TERMS = {
    "timeUnits": "Units of time numbers",
    "avroHeaders": "Headers of Avro messages",
    "driftRules": "Rules of schema drift",
    "deletionRules": "Rules for deleted rows",
    "layers": "Layers",
    "purposes": "Purposes",
    "legalBases": "Legal bases",
    "identifierRoles": "Identifier roles",
    "tokens": "Kinds of token",
    "standardiseRules": "Standard forms",
    "unitOptions": "Options of the standard form `unit`",
    "imputeMethods": "Imputation methods",
    "touchpointRoles": "Touchpoint roles",
    "categories": "Data categories",
}
_VALUES = {
    "term": "one of {terms}",
    "terms": "list of {terms}",
    "basis": "one of {terms}, or a mapping from purpose to one",
    "rule": "one of {terms}, or a mapping with `rule`",
    "text": "text",
    "texts": "list of texts",
    "boolean": "true or false",
    "mapping": "mapping",
    "integer": "integer",
    "number": "number",
    "zone": "time zone",
    "numberFormat": "mapping",
    "spellings": "mapping from value to a list of texts",
    "column": "a column",
    "columns": "list of columns",
}


def render_vocabulary() -> str:
    """Return the whole vocabulary as Markdown tables, each under a level-3 heading."""
    vocabulary = load_vocabulary()
    blocks = [_render_properties(vocabulary, place, title) for place, title in _PLACES.items()]
    blocks += [_render_terms(vocabulary, name, title) for name, title in _TERMS.items()]
    return "\n\n".join(blocks) + "\n"


def _render_properties(vocabulary: Vocabulary, place: PropertyPlace, title: str) -> str:
    rows = [
        (f"`{rule.name}`{' (required)' if rule.required else ''}", _describe_value(rule), rule.meaning)
        for rule in vocabulary.rules(place).values()
    ]
    return _table(title, ("Property", "Value", "Meaning"), rows)


def _describe_value(rule: PropertyRule) -> str:
    text = _VALUES[rule.type].format(terms=_TERMS.get(rule.terms or "", "").lower())
    keys = f" with {', '.join(f'`{key}`' for key in rule.keys)}" if rule.keys else ""
    return text + keys


def _render_terms(vocabulary: Vocabulary, name: str, title: str) -> str:
    rows = [(f"`{term}`", *_describe_term(entry)) for term, entry in vocabulary.terms(name).items()]
    headers = {"purposes": ("Term", "Meaning", "Default legal basis"), "categories": ("Term", "Meaning", "Kind")}
    return _table(title, headers.get(name, ("Term", "Meaning")), rows)


def _describe_term(entry: str | Mapping[str, Any]) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
        return
    yield str(entry["meaning"])
    if "legalBasis" in entry:
        yield str(entry["legalBasis"])
        return
    kinds = {"identifies": "identifying", "special": "special category"}
    found = [title for key, title in kinds.items() if entry.get(key)]
    yield ", ".join(found or ["personal" if entry.get("personal", True) else "not personal"])


def _table(title: str, headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"### {title}", "", f"| {' | '.join(headers)} |", f"| {' | '.join('---' for _ in headers)} |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
