"""The form of an audience's rule: one row a condition, of which all or any must hold. Deeper rules are text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from features.definition import Feature, FeatureType
from features.insight.audience.errors import DefinitionError
from features.insight.audience.rule import (
    Audience,
    Condition,
    EventTest,
    FeatureTest,
    Group,
    Not,
    PermitTest,
    read_rule,
)

PERMITS, EVENT = "permits:", "event:"
"""Begin the subject of a row that is no feature."""
MOST_ROWS = 20
_NUMBER = ("at_least", "at_most", "is", "one_of", "missing", "known")
_TEXT = ("is", "one_of", "missing", "known")
_LIST = ("contains", "missing", "known")
OPERATORS: Mapping[FeatureType, Sequence[str]] = {
    FeatureType.INT64: _NUMBER, FeatureType.FLOAT64: _NUMBER, FeatureType.STRING: _TEXT,
    FeatureType.BOOL: ("is", "missing", "known"), FeatureType.STRING_LIST: _LIST, FeatureType.INT64_LIST: _LIST,
    FeatureType.TIMESTAMP: ("within_days", "at_least", "at_most", "missing", "known"),
}  # fmt: skip
"""Comparisons of the form by the type of the feature, the most usual first. Lists of fractions are for programs."""


@dataclass(frozen=True)
class Row:
    """A condition as it is entered: what it is about, the comparison, the value, and whether it must not hold."""

    subject: str = ""
    operator: str = ""
    value: str = ""
    is_negated: bool = False


@dataclass(frozen=True)
class RuleForm:
    """The rows and whether all of them must hold, or any."""

    rows: tuple[Row, ...]
    is_all: bool = True

    def rule(self, features: Mapping[str, Feature]) -> Condition:
        """Return the rule that the rows state; rows without a subject are left out.

        Raises:
            DefinitionError: a value does not fit, or a subject is none that may be used.
        """
        parts = [_document(row, features, f"condition {n}") for n, row in enumerate(self.rows, 1) if row.subject]
        if not parts:
            raise DefinitionError("rule", "no condition", "at least one; choose what a condition is about")
        return read_rule(parts[0] if len(parts) == 1 else {"all" if self.is_all else "any": parts}, "rule")


def form_of(audience: Audience) -> RuleForm | None:
    """Return the form of a stored rule; None if it is deeper than the form, or has a test that the form lacks."""
    rule = audience.rule
    group = rule if isinstance(rule, Group) else Group(True, (rule,))
    rows = [row for part in group.parts for row in _rows(part, splits=group.is_all)]
    whole = None if None in rows or len(rows) > MOST_ROWS else RuleForm(tuple(r for r in rows if r), group.is_all)
    return whole if whole is not None and whole.rows else None


def read_form(subjects: Sequence[str], operators: Sequence[str], values: Sequence[str], senses: Sequence[str],
              *, is_all: bool) -> RuleForm:  # fmt: skip
    """Return the form that was sent. A list that is too short counts as empty at its end."""
    count = min(len(subjects), MOST_ROWS)
    padded = (tuple(one[:count]) + ("",) * (count - len(one)) for one in (subjects, operators, values, senses))
    rows = (Row(s.strip()[:200], o.strip()[:20], v.strip()[:500], sense == "not")
            for s, o, v, sense in zip(*padded, strict=True))  # fmt: skip
    return RuleForm(tuple(rows), is_all)


def _document(row: Row, features: Mapping[str, Feature], place: str) -> dict[str, Any]:
    found = _test(row, features, place)
    return {"not": found} if row.is_negated else found


def _test(row: Row, features: Mapping[str, Feature], place: str) -> dict[str, Any]:
    if row.subject.startswith(PERMITS):
        return {"permits": row.subject.removeprefix(PERMITS)}
    if row.subject.startswith(EVENT):
        return {"event": row.subject.removeprefix(EVENT), "within_days": _whole(row.value, place)}
    feature = features.get(row.subject)
    if feature is None:
        raise DefinitionError(place, repr(row.subject), "one of the list")
    operator = row.operator or OPERATORS[feature.type][0]
    if operator in ("missing", "known"):
        return {"feature": row.subject, "missing": operator == "missing"}
    return {"feature": row.subject, operator: _value(row.value, operator, feature, place)}


def _value(text: str, operator: str, feature: Feature, place: str) -> Any:
    if not text:
        raise DefinitionError(place, "no value", "a value to compare with")
    if operator == "within_days":
        return _whole(text, place)
    if operator == "one_of":
        return [_scalar(one.strip(), feature, place) for one in text.split(",") if one.strip()]
    return _scalar(text, feature, place)


def _scalar(text: str, feature: Feature, place: str) -> Any:
    """Return a value in the type of the feature. A text stays as it is, also one that YAML takes for a number."""
    if feature.type in (FeatureType.STRING, FeatureType.STRING_LIST):
        return text
    try:
        return yaml.safe_load(text.replace(",", "")[:40])
    except yaml.YAMLError:
        raise DefinitionError(place, repr(text[:40]), f"a value of type {feature.type}") from None


def _whole(text: str, place: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 6:
        raise DefinitionError(place, repr(text[:40]), "a number of days, such as 30")
    return int(text)


def _rows(part: Condition, *, splits: bool) -> Iterable[Row | None]:
    """Yield the rows of a condition; None for one that the form cannot show. `splits`: bounds may stand apart."""
    inner = part.inner if isinstance(part, Not) else part
    is_negated = isinstance(part, Not)
    if isinstance(inner, PermitTest):
        return [Row(f"{PERMITS}{inner.purpose}", "", "", is_negated)]
    if isinstance(inner, EventTest):
        is_plain = (inner.channel, inner.at_least, inner.at_most) == (None, 1, None)
        return [Row(f"{EVENT}{inner.event}", "", str(inner.within_days), is_negated) if is_plain else None]
    if not isinstance(inner, FeatureTest) or (len(inner.bounds) > 1 and (is_negated or not splits)):
        return [None]
    return [_bound(inner.feature, name, value, is_negated=is_negated) for name, value in inner.bounds]


def _bound(feature: str, name: str, value: Any, *, is_negated: bool) -> Row:
    if name == "missing":
        return Row(feature, "missing" if value else "known", "", is_negated)
    texts = [
        str(one).lower() if isinstance(one, bool) else str(one) for one in (value if name == "one_of" else [value])
    ]
    return Row(feature, name, ", ".join(texts), is_negated)
