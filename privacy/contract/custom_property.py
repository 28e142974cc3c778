"""Reads and validates the custom properties with `vendor: bojagi` of a table, a column or a server."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from open_data_contract_standard.model import CustomProperty

from privacy.contract.spelling import spelling_key
from privacy.contract.vocabulary import PropertyPlace, PropertyRule, load_vocabulary
from privacy.contract.yaml_source import Source, YamlPath
from privacy.contract.zone import is_zone


def read_custom(
    entries: Iterable[CustomProperty] | None, place: YamlPath, kind: PropertyPlace, source: Source
) -> dict[str, Any]:
    """Return the values of Bojagi's properties by name. A wrong property is reported to `source` and left out."""
    rules = _rules(kind)
    vendor = load_vocabulary().vendor
    values: dict[str, Any] = {}
    for index, entry in enumerate(entries or ()):
        where = (*place, "customProperties", index)
        name = entry.property or ""
        if entry.vendor != vendor:
            if entry.vendor is None and name in rules:
                source.report(where, f"Property {name!r} has no vendor", hint=f"add vendor: {vendor}")
            continue
        if name not in rules:
            source.report(
                (*where, "property"),
                f"Unknown Bojagi property {name!r}",
                expected=f"one of {', '.join(rules)}",
                hint=suggest(name, rules),
            )
        elif name in values:
            source.report((*where, "property"), f"Property {name!r} is declared twice", hint="keep one of them")
        elif _TYPES[rules[name].type](entry.value, rules[name], (*where, "value"), source):
            values[name] = entry.value
    for rule in rules.values():
        if rule.required and not any(entry.property == rule.name for entry in entries or ()):
            source.report(place, f"Bojagi property {rule.name!r} is missing", hint=f"add it: {rule.meaning}")
    return values


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a hint with the most similar known word, or "" when none is similar."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.75)
    return f"did you mean {near[0]}?" if near else ""


@cache
def _rules(kind: PropertyPlace) -> dict[str, PropertyRule]:
    return load_vocabulary().rules(kind)


def _wrong(rule: PropertyRule, got: object, expected: str, place: YamlPath, source: Source, hint: str = "") -> bool:
    message = f"Property {rule.name!r} has an invalid value"
    source.report(place, message, got=repr(got), expected=expected, hint=hint)
    return False


def _is_term(value: Any, rule: PropertyRule, place: YamlPath, source: Source) -> bool:
    terms = load_vocabulary().terms(rule.terms or "")
    if isinstance(value, str) and value in terms:
        return True
    listed = f"a term of {rule.terms} (list: bojagi contracts vocabulary)"
    expected = f"one of {', '.join(terms)}" if len(terms) <= 15 else listed
    return _wrong(rule, value, expected, place, source, suggest(str(value), terms))


def _is_terms(value: Any, rule: PropertyRule, place: YamlPath, source: Source) -> bool:
    if not isinstance(value, list) or not value:
        return _wrong(rule, value, f"a list of {rule.terms}", place, source)
    # min over a list, not all() over a generator: every wrong term is reported, not only the first.
    return min([_is_term(item, rule, (*place, index), source) for index, item in enumerate(value)])


def _is_basis(value: Any, rule: PropertyRule, place: YamlPath, source: Source) -> bool:
    if not isinstance(value, dict):
        return _is_term(value, rule, place, source)
    known = _has_known_keys(value, list(load_vocabulary().terms("purposes")), rule, place, source)
    return min([known, *(_is_term(item, rule, (*place, key), source) for key, item in value.items())])


def _is_text(value: Any, rule: PropertyRule, place: YamlPath, source: Source) -> bool:
    return (isinstance(value, str) and value != "") or _wrong(rule, value, "a text", place, source)


def _is_texts(value: Any, rule: PropertyRule, place: YamlPath, source: Source) -> bool:
    is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
    hint = "put values in quotes that YAML reads as numbers or dates"
    return is_list or _wrong(rule, value, "a list of texts", place, source, hint)


def _is_boolean(value: Any, rule: PropertyRule, place: YamlPath, source: Source) -> bool:
    return isinstance(value, bool) or _wrong(rule, value, "true or false", place, source)


def _is_number(value: Any, rule: PropertyRule, place: YamlPath, source: Source) -> bool:
    kinds = (int,) if rule.type == "integer" else (int, float)
    low = -math.inf if rule.minimum is None else rule.minimum
    high = math.inf if rule.maximum is None else rule.maximum
    if isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high:
        return True
    kind = "an integer" if rule.type == "integer" else "a number"
    limits = f" of at least {low:g}" if math.isinf(high) else f" from {low:g} to {high:g}"
    return _wrong(rule, value, kind + limits, place, source)


def _is_zone(value: Any, rule: PropertyRule, place: YamlPath, source: Source) -> bool:
    expected = "an IANA zone such as Asia/Seoul, or an offset such as '+09:00'"
    hint = "put an offset in quotes, because YAML reads it as a number"
    return is_zone(value) or _wrong(rule, value, expected, place, source, hint)


def _is_number_format(value: Any, rule: PropertyRule, place: YamlPath, source: Source) -> bool:
    if not _is_mapping(value, rule, place, source):
        return False
    decimal, thousands = value.get("decimal", "."), value.get("thousands", "")
    if decimal not in (".", ","):
        return _wrong(rule, decimal, "'.' or ','", (*place, "decimal"), source)
    if thousands not in ("", ".", ",", " ", "'", "’") or thousands == decimal:
        expected = "one of . , ' or a space, and not the decimal separator"
        return _wrong(rule, thousands, expected, (*place, "thousands"), source)
    negative = value.get("negative", [])
    if not isinstance(negative, list) or not {"parentheses", "trailing"}.issuperset(negative):
        return _wrong(rule, negative, "a list of parentheses, trailing", (*place, "negative"), source)
    if not isinstance(value.get("percent", False), bool):
        return _wrong(rule, value["percent"], "true or false", (*place, "percent"), source)
    return "currency" not in value or _is_texts(value["currency"], rule, (*place, "currency"), source)


def _is_mapping(value: Any, rule: PropertyRule, place: YamlPath, source: Source) -> bool:
    if not isinstance(value, dict):
        return _wrong(rule, value, "a mapping", place, source)
    known = rule.keys is None or _has_known_keys(value, rule.keys, rule, place, source)
    if rule.terms is None or not known:
        return known
    return _is_term(value.get("method"), rule, (*place, "method"), source)


def _is_spellings(value: Any, rule: PropertyRule, place: YamlPath, source: Source) -> bool:
    if not isinstance(value, dict):
        return _wrong(rule, value, "a mapping from value to its other spellings", place, source)
    taken: dict[str, str] = {}
    for meant, others in value.items():
        if not isinstance(meant, str) or not _is_texts(others, rule, (*place, meant), source):
            return _wrong(rule, meant, "a text with a list of texts", place, source)
        for text in (meant, *others):
            if taken.setdefault(spelling_key(text), meant) != meant:
                return _wrong(rule, text, "each spelling for one value only", (*place, meant), source)
    return True


def _is_rule(value: Any, rule: PropertyRule, place: YamlPath, source: Source) -> bool:
    if not isinstance(value, dict):
        if value == "unit":
            return _wrong(rule, value, "a mapping {rule: unit, from, to, factor, above}", place, source)
        return _is_term(value, rule, place, source)
    options = load_vocabulary().terms("unitOptions") if value.get("rule") == "unit" else {}
    if not _has_known_keys(value, ["rule", *options], rule, place, source):
        return False
    return _is_term(value.get("rule"), rule, (*place, "rule"), source) and _has_unit(value, rule, place, source)


def _has_unit(value: dict[str, Any], rule: PropertyRule, place: YamlPath, source: Source) -> bool:
    if value["rule"] != "unit":
        return True
    missing = [key for key in ("from", "to", "factor") if key not in value]
    numbers = [key for key in ("factor", "offset", "above", "below") if key in value]
    if missing or not {"above", "below"} & set(value):
        expected = "from, to, factor, and above or below (which values are in the other unit)"
        return _wrong(rule, ", ".join(value), expected, place, source)
    wrong = [key for key in numbers if not isinstance(value[key], int | float) or isinstance(value[key], bool)]
    return not wrong or _wrong(rule, value[wrong[0]], "a number", (*place, wrong[0]), source)


def _has_known_keys(
    value: dict[str, Any], known: Iterable[str], rule: PropertyRule, place: YamlPath, source: Source
) -> bool:
    known = list(known)
    unknown = [key for key in value if key not in known]
    for key in unknown:
        source.report(
            (*place, key),
            f"Unknown key {key!r} in property {rule.name!r}",
            expected=f"one of {', '.join(known)}",
            hint=suggest(key, known),
        )
    return not unknown


_TYPES: dict[str, Callable[[Any, PropertyRule, YamlPath, Source], bool]] = {
    "term": _is_term,
    "terms": _is_terms,
    "basis": _is_basis,
    "text": _is_text,
    "texts": _is_texts,
    "boolean": _is_boolean,
    "integer": _is_number,
    "number": _is_number,
    "zone": _is_zone,
    "numberFormat": _is_number_format,
    "spellings": _is_spellings,
    "mapping": _is_mapping,
    "rule": _is_rule,
    "column": _is_text,
    "columns": _is_texts,
}
