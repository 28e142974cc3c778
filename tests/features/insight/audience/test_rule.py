"""The language of rules: what is read is what was written, and each fault is named with its place."""

from __future__ import annotations

from datetime import datetime

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from features.insight.audience.errors import DefinitionError
from features.insight.audience.rule import (
    EventTest,
    FeatureTest,
    Group,
    Not,
    PermitTest,
    canonical,
    read_audience,
    read_rule,
)

TEXT = """
name: lapsed_regulars
description: Bought each month, but not lately
purpose: marketing
rule:
  all:
    - {feature: "trade:order_count", at_least: 12, at_most: 400}
    - any:
        - {feature: "taste:colour", one_of: [red, blue]}
        - {feature: "taste:last_visit", at_least: 2017-03-01}
    - not: {event: search, channel: app, within_days: 30}
    - permits: advertising_message
"""


def test_a_rule_is_read_and_written_back() -> None:
    found = read_audience(TEXT)
    assert (found.name, found.purpose) == ("lapsed_regulars", "marketing")
    assert found.rule == Group(True, (
        FeatureTest("trade:order_count", (("at_least", 12), ("at_most", 400))),
        Group(False, (
            FeatureTest("taste:colour", (("one_of", ("red", "blue")),)),
            FeatureTest("taste:last_visit", (("at_least", datetime(2017, 3, 1)),)),
        )),
        Not(EventTest("search", 30, "app", at_least=1)),
        PermitTest("advertising_message"),
    ))  # fmt: skip
    assert read_audience(found.text()) == found


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ({}, "rule"),
        ({"all": [], "any": []}, "rule"),
        ({"all": {}}, "rule.all"),
        ({"all": [{"permits": "marketing"}, {"feature": "a:b"}]}, "rule.all[2]"),
        ({"feature": "a:b", "is": None}, "rule.is"),
        ({"feature": "a:b", "is": float("nan")}, "rule.is"),
        ({"feature": "a:b", "at_last": 3}, "rule"),
        ({"feature": "a:b", "missing": True, "is": 3}, "rule"),
        ({"feature": "a:b", "one_of": []}, "rule.one_of"),
        ({"feature": "a:b", "within_days": 0}, "rule.within_days"),
        ({"event": "search"}, "rule"),
        ({"event": "search", "within_days": 3, "at_most": -1}, "rule.at_most"),
        ({"not": {"permits": 3}}, "rule.not.permits"),
        ("all", "rule"),
    ],
)
def test_a_fault_is_named_with_its_place(rule: object, place: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        read_rule(rule, "rule")
    assert raised.value.place == place


def test_what_is_no_definition_is_refused() -> None:
    deep = "{not: " * 30 + "{permits: marketing}" + "}" * 30
    wide = "[" + "{permits: marketing}, " * 101 + "]"
    for text in (
        "",
        "[",
        "a: 1",
        "name: X\npurpose: m\nrule: {all: []}",
        "x" * 60_000,
        "name: a\npurpose: m\nrule: 3",
        f"name: a\npurpose: m\nrule: {deep}",
        f"name: a\npurpose: m\nrule: {{all: {wide}}}",
        "? {a: 1}\n: b",
        # Short texts that stand for huge rules and values, and what cannot be stored or shown.
        f"name: a\npurpose: m\nrule: {{all: [&a {{all: []}}, {', '.join(['*a'] * 9)}]}}",
        "name: a\npurpose: m\nrule: &r {all: [*r]}",
        f"name: a\npurpose: m\nrule: {{feature: x, is: 0x{'f' * 9000}}}",
        f"name: a\npurpose: m\nrule: {{feature: x, within_days: 0x{'f' * 9000}}}",
        f"name: a\npurpose: m\nrule: {{event: x, within_days: 3, at_least: 0x{'f' * 9000}}}",
        f"name: a\npurpose: m\nrule: {{0x{'f' * 9000}: 1}}",
        f"name: a\npurpose: m\nrule: {{feature: x, is: {'y' * 501}}}",
        'name: a\npurpose: m\nrule: {feature: x, is: "\\ud800"}',
        'name: a\npurpose: m\ndescription: "\\e[2J"\nrule: {all: []}',
        "name: a\npurpose: m\npurpose: n\nrule: {all: []}",
    ):
        with pytest.raises(DefinitionError):
            read_audience(text)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.one_of(st.text(max_size=60), st.integers(), st.floats(), st.datetimes(), st.booleans()))
def test_what_is_read_can_be_written_and_read_again(description: str, value: object) -> None:
    head = {"name": "a", "description": description, "purpose": "m"}
    text = yaml.safe_dump(head | {"rule": {"feature": "a:b", "one_of": [value]}})
    try:
        found = read_audience(text)
    except DefinitionError:
        return
    assert read_audience(found.text()) == found
    found.text().encode()


def test_the_order_and_repetition_of_parts_make_no_other_rule() -> None:
    one, two = PermitTest("marketing"), EventTest("search", 3)
    both, other = Group(True, (one, two)), Group(True, (two, one, two))
    assert canonical(both) == canonical(other) != canonical(Group(False, (one, two)))
    assert canonical(Group(True, (one,))) == canonical(one) != canonical(Not(one))
