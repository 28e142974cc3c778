"""A rule that the form can show comes back from it as it was; a deeper one is left to text; both are said in words."""

from __future__ import annotations

from typing import Any

import pytest

from agent_serving.console.audience_form import MOST_ROWS, RuleForm, form_of, read_form
from agent_serving.console.audience_words import Clause, RuleWords
from features.insight.audience.rule import Audience, read_rule
from features.insight.audience.service import Audiences
from installation.contract.plain_name import read_plain_names
from installation.installation import Installation

ORDERS = "customer_purchase_window:order_count_90d"
CHANNEL = "customer_purchase_behaviour:preferred_channel"
LAST, LIKED = "customer_purchase_window:last_order_on", "customer_affinity:top_categories"
FLAT: list[Any] = [
    {"feature": ORDERS, "at_least": 3},
    {"all": [{"feature": ORDERS, "at_most": 7}, {"feature": CHANNEL, "one_of": ["online", "store"]}]},
    {"any": [{"not": {"feature": CHANNEL, "is": "store"}}, {"permits": "advertising_message"}]},
    {"all": [{"feature": LAST, "within_days": 30}, {"feature": ORDERS, "missing": True}]},
    {"all": [{"feature": LIKED, "contains": "Soft drinks"}, {"event": "search", "within_days": 9}]},
    {"all": [{"feature": "customer_location:is_urban", "is": True}, {"not": {"permits": "night_advertising"}}]},
]  # fmt: skip
DEEP: list[Any] = [
    {"all": [{"any": [{"feature": ORDERS, "at_least": 3}]}, {"permits": "marketing"}]},
    {"event": "search", "within_days": 9, "at_least": 2},
    {"not": {"feature": ORDERS, "at_least": 3, "at_most": 7}},
    {"all": []},
    {"any": [{"feature": ORDERS, "at_least": n} for n in range(MOST_ROWS + 1)]},
]


def audience(rule: Any) -> Audience:
    return Audience("a", "A test", "marketing", read_rule(rule, "rule"))


@pytest.mark.parametrize("rule", FLAT)
def test_a_rule_comes_back_from_the_form(installation: Installation, rule: Any) -> None:
    form = form_of(audience(rule))
    assert form is not None
    sent = read_form(
        [row.subject for row in form.rows], [row.operator for row in form.rows], [row.value for row in form.rows],
        ["not" if row.is_negated else "" for row in form.rows], is_all=form.is_all,
    )  # fmt: skip
    assert sent == form
    features = Audiences(installation).contracted.usable("marketer", "marketing")
    assert sent.rule(features) == audience(rule).rule


def test_a_range_becomes_two_conditions(installation: Installation) -> None:
    form = form_of(audience({"feature": ORDERS, "at_least": 3, "at_most": 7}))
    features = Audiences(installation).contracted.usable("marketer", "marketing")
    assert form is not None
    parts = [{"feature": ORDERS, "at_least": 3}, {"feature": ORDERS, "at_most": 7}]
    assert form.rule(features) == audience({"all": parts}).rule


@pytest.mark.parametrize("rule", DEEP)
def test_a_rule_beyond_the_form_is_left_to_text(rule: Any) -> None:
    assert form_of(audience(rule)) is None


def test_a_text_stays_a_text(installation: Installation) -> None:
    """Of a feature with texts, a value such as 1 or yes is no number and no truth value."""
    features = Audiences(installation).contracted.usable("marketer", "marketing")
    form = read_form(["customer_segment:segment_id"], ["is"], ["1"], [], is_all=True)
    assert form.rule(features).document() == {"feature": "customer_segment:segment_id", "is": "1"}
    assert len(read_form(["x"] * 99, [], [], [], is_all=True).rows) == MOST_ROWS
    assert RuleForm(()).is_all


@pytest.mark.parametrize("rule", [*FLAT, *DEEP[:3]])
def test_every_rule_is_said_in_words(installation: Installation, rule: Any) -> None:
    names = read_plain_names(installation.settings.contract_dirs)
    words = RuleWords(Audiences(installation).catalog, installation.contracts, names)
    said = list(lines(words.clause(audience(rule).rule)))
    assert all(len(one.en) > 3 and len(one.ko) > 3 for one in said)
    assert not any("_" in one.en or "True" in one.en for one in said)


def lines(clause: Clause) -> Any:
    yield clause.text
    for part in clause.parts:
        yield from lines(part)
