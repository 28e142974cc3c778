"""The language of audiences: a YAML document with a name, a purpose and a rule over features, events and consents.

A rule is one condition. `all`, `any` and `not` join conditions; the others test one fact of a customer:

    rule:
      all:
        - {feature: customer_purchase_window:order_count_365d, at_least: 12}
        - not: {event: search, channel: app, within_days: 30}
        - permits: advertising_message

A test of a value that is missing does not hold, and `not` of it holds: there is no third answer besides true and false.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

import yaml

from features.insight.audience.errors import DefinitionError

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
MOST_CONDITIONS, DEEPEST = 100, 20
MOST_CHARACTERS, LONGEST_TEXT = 50_000, 500
_LARGEST = 1e300
Scalar: TypeAlias = bool | int | float | str | datetime


@dataclass(frozen=True)
class FeatureTest:
    """Tests the newest value of a feature, `view:feature`. All bounds that are given must hold.

    Attributes:
        feature: `view:feature`.
        bounds: pairs of operator and value, in alphabetical order.
            is, at_least, at_most: compares the value. A date means its midnight, in the shop's wall time.
            one_of: the value is one of a list.
            contains: the list has this entry.
            within_days: the time is on one of the last days, today included.
            missing: true where there is no value, or a stale one.
    """

    feature: str
    bounds: tuple[tuple[str, Any], ...]

    def document(self) -> dict[str, Any]:
        """Return the test as it is written in YAML."""
        return {"feature": self.feature, **{name: _plain(value) for name, value in self.bounds}}


@dataclass(frozen=True)
class EventTest:
    """Tests how many events of a type the customer had on the last days, today included.

    `channel` None counts all channels. The count is between `at_least` and `at_most`; None sets no limit.
    """

    event: str
    within_days: int
    channel: str | None = None
    at_least: int | None = None
    at_most: int | None = None

    @property
    def kind(self) -> tuple[str, str | None, int]:
        """What is counted."""
        return self.event, self.channel, self.within_days

    def document(self) -> dict[str, Any]:
        """Return the test as it is written in YAML."""
        found = {"event": self.event, "channel": self.channel, "within_days": self.within_days}
        limits = {"at_least": self.at_least, "at_most": self.at_most}
        return {name: value for name, value in (found | limits).items() if value is not None}


@dataclass(frozen=True)
class PermitTest:
    """Tests whether the customer permits a purpose now."""

    purpose: str

    def document(self) -> dict[str, Any]:
        """Return the test as it is written in YAML."""
        return {"permits": self.purpose}


@dataclass(frozen=True)
class Not:
    """Holds where the inner condition does not."""

    inner: Condition

    def document(self) -> dict[str, Any]:
        """Return the condition as it is written in YAML."""
        return {"not": self.inner.document()}


@dataclass(frozen=True)
class Group:
    """Holds where all (`is_all`) or any of the parts hold. Of no parts, all hold and none holds."""

    is_all: bool
    parts: tuple[Condition, ...]

    def document(self) -> dict[str, Any]:
        """Return the condition as it is written in YAML."""
        return {"all" if self.is_all else "any": [part.document() for part in self.parts]}


Test: TypeAlias = FeatureTest | EventTest | PermitTest
Condition: TypeAlias = Test | Not | Group


@dataclass(frozen=True)
class Audience:
    """A definition. `purpose` is what its members are selected for: only customers who permit it are members."""

    name: str
    description: str
    purpose: str
    rule: Condition

    @property
    def digest(self) -> str:
        """A hash of purpose and rule: two audiences with the same one have the same members."""
        return hashlib.sha256(json.dumps([self.purpose, canonical(self.rule)]).encode()).hexdigest()

    def text(self) -> str:
        """Return the YAML document."""
        head = {"name": self.name, "description": self.description, "purpose": self.purpose}
        return yaml.safe_dump(head | {"rule": self.rule.document()}, sort_keys=False, allow_unicode=True)


def canonical(rule: Condition) -> Any:
    """Return the rule as a document in which the order of parts and repeated parts make no difference."""
    if isinstance(rule, Not):
        return {"not": canonical(rule.inner)}
    if isinstance(rule, Group):
        parts = {json.dumps(canonical(part), sort_keys=True) for part in rule.parts}
        return json.loads(next(iter(parts))) if len(parts) == 1 else {"all" if rule.is_all else "any": sorted(parts)}
    return {name: repr(value) for name, value in sorted(rule.document().items())}


def tests_of(rule: Condition) -> Iterator[Test]:
    """Yield every test of a rule, from left to right."""
    if isinstance(rule, Not):
        yield from tests_of(rule.inner)
    elif isinstance(rule, Group):
        for part in rule.parts:
            yield from tests_of(part)
    else:
        yield rule


class _Loader(yaml.SafeLoader):
    """Refuses aliases, by which a short text stands for a huge one, and keys that are there twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="an alias", problem_mark=self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(names)) < len(names):
            raise yaml.MarkedYAMLError(problem="a repeated key", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def read_audience(text: str) -> Audience:
    """Return the audience of a YAML document. `Audience.text` of it can be read again.

    Raises:
        DefinitionError: the document is no definition; the message names the place.
    """
    _require_length(text, "the file")
    try:
        found = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        raise DefinitionError(
            "the file" if mark is None else f"line {mark.line + 1}", problem or "no YAML", "a definition in plain YAML"
        ) from None
    fields = _mapping(found, "the file", {"name", "description", "purpose", "rule"}, {"name", "purpose", "rule"})
    name, purpose = _text(fields["name"], "name"), _text(fields["purpose"], "purpose")
    if not NAME.fullmatch(name):
        raise DefinitionError("name", _shown(name), "small letters, digits and _, such as lapsed_regulars")
    rule = read_rule(fields["rule"], "rule")
    if (count := sum(1 for _ in tests_of(rule))) > MOST_CONDITIONS:
        raise DefinitionError("rule", f"{count} tests", f"at most {MOST_CONDITIONS}")
    audience = Audience(name, _text(fields.get("description", name), "description"), purpose, rule)
    # Written with a condition a line, a nested rule is longer than what was read.
    _require_length(audience.text(), "the file, written out")
    return audience


def read_rule(node: Any, place: str, depth: int = 0) -> Condition:
    """Return the condition of a node of the document. `place` is where the node is, for messages.

    Raises:
        DefinitionError: the node is no condition.
    """
    if depth > DEEPEST:
        raise DefinitionError(place, "a deeper condition", f"at most {DEEPEST} levels")
    kinds = [
        name for name in ("all", "any", "not", "feature", "event", "permits") if isinstance(node, dict) and name in node
    ]
    if len(kinds) != 1:
        got = "none of them" if not kinds else " and ".join(kinds)
        raise DefinitionError(place, got, "one of the keys all, any, not, feature, event, permits")
    kind = kinds[0]
    if kind == "feature":
        return _feature_test(node, place)
    if kind == "event":
        return _event_test(node, place)
    inner = _mapping(node, place, {kind}, {kind})[kind]
    if kind == "permits":
        return PermitTest(_text(inner, f"{place}.permits"))
    if kind == "not":
        return Not(read_rule(inner, f"{place}.not", depth + 1))
    if not isinstance(inner, list):
        raise DefinitionError(f"{place}.{kind}", type(inner).__name__, "a list of conditions")
    parts = (read_rule(part, f"{place}.{kind}[{n}]", depth + 1) for n, part in enumerate(inner, 1))
    return Group(kind == "all", tuple(parts))


_OPERATORS = ("at_least", "at_most", "contains", "is", "missing", "one_of", "within_days")


def _feature_test(node: Mapping[str, Any], place: str) -> FeatureTest:
    fields = _mapping(node, place, {"feature", *_OPERATORS}, {"feature"})
    feature = _text(fields["feature"], f"{place}.feature")
    bounds = []
    for name in _OPERATORS:
        if name not in fields:
            continue
        value, where = fields[name], f"{place}.{name}"
        if name == "one_of":
            if not isinstance(value, list) or not value:
                raise DefinitionError(where, type(value).__name__, "a list of values")
            value = tuple(_scalar(one, where) for one in value)
        elif name == "missing":
            if not isinstance(value, bool):
                raise DefinitionError(where, _shown(value), "true or false")
        else:
            value = _days(value, where) if name == "within_days" else _scalar(value, where)
        bounds.append((name, value))
    if not bounds:
        raise DefinitionError(place, "no comparison", f"one of {', '.join(_OPERATORS)}")
    if len(bounds) > 1 and any(name == "missing" for name, _ in bounds):
        raise DefinitionError(place, "missing and another comparison", "missing by itself")
    return FeatureTest(feature, tuple(bounds))


def _event_test(node: Mapping[str, Any], place: str) -> EventTest:
    known = {"event", "channel", "within_days", "at_least", "at_most"}
    fields = _mapping(node, place, known, {"event", "within_days"})
    limits: dict[str, int] = {}
    for name in ("at_least", "at_most"):
        if name in fields:
            value = fields[name]
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
                raise DefinitionError(f"{place}.{name}", _shown(value), "a number of events, 0 or more")
            limits[name] = value
    channel = _text(fields["channel"], f"{place}.channel") if "channel" in fields else None
    days = _days(fields["within_days"], f"{place}.within_days")
    return EventTest(_text(fields["event"], f"{place}.event"), days, channel, **(limits or {"at_least": 1}))


def _mapping(node: Any, place: str, known: set[str], needed: set[str]) -> Mapping[str, Any]:
    if not isinstance(node, dict):
        raise DefinitionError(place, type(node).__name__, f"a mapping with the keys {', '.join(sorted(needed))}")
    if unknown := [name for name in node if name not in known]:
        raise DefinitionError(place, f"the key {_shown(unknown[0])}", f"only {', '.join(sorted(known))}")
    if absent := sorted(needed - node.keys()):
        raise DefinitionError(place, f"no {', '.join(absent)}", f"the keys {', '.join(sorted(needed))}")
    return node


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value.strip() or not _is_plain(value):
        raise DefinitionError(place, _shown(value), f"text of at most {LONGEST_TEXT} characters, none a control one")
    return value


def _days(value: Any, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 3660:
        raise DefinitionError(place, _shown(value), "days, from 1 to 3660")
    return value


def _scalar(value: Any, place: str) -> Scalar:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    is_fit = (
        isinstance(value, bool)
        or (isinstance(value, int | float) and abs(value) < _LARGEST)
        or (isinstance(value, str) and _is_plain(value))
        or (isinstance(value, datetime) and value.tzinfo is None)
    )
    if not is_fit:
        raise DefinitionError(place, _shown(value), "a number, short text, true, false, or a local date or time")
    return value  # type: ignore[no-any-return]


def _is_plain(text: str) -> bool:
    """Return whether a text is short, and has no control characters and no halves of a character."""
    is_odd = any(unicodedata.category(one) in ("Cc", "Cs") and one not in "\n\t" for one in text)
    return len(text) <= LONGEST_TEXT and not is_odd


def _require_length(text: str, place: str) -> None:
    if len(text) > MOST_CHARACTERS:
        raise DefinitionError(place, f"{len(text):,} characters", f"at most {MOST_CHARACTERS:,}")


def _shown(value: Any) -> str:
    """Return a value as a message shows it. Python writes no integer of thousands of digits."""
    is_huge = isinstance(value, int) and abs(value) >= _LARGEST
    return "a huge number" if is_huge else f"{type(value).__name__} {value!r}"[:60]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
