"""SQL and the check of one customer give the same answer, for random rules over values of every type."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from features.insight.audience.check import CustomerFacts, holds
from features.insight.audience.plan import events_of
from features.insight.audience.rule import Audience, Condition, EventTest, FeatureTest, Group, Not, PermitTest
from features.insight.audience.sql import compile_audiences
from features.repo.view_rows import query

TODAY = date(2017, 12, 31)
NOON = datetime(2017, 12, 31, 12)
COLUMNS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "count": (pa.int64(), [None, 0, 1, -3, 2**53]),
    "share": (pa.float64(), [None, 0.0, -0.0, 0.5, 1e300]),
    "colour": (pa.string(), [None, "", "red", "빨강", "it's", "red "]),
    "is_new": (pa.bool_(), [None, True, False]),
    "seen": (pa.timestamp("us"), [None, NOON, NOON - timedelta(1), NOON + timedelta(1), datetime(2017, 12, 2)]),
    "tags": (pa.list_(pa.string()), [None, [], ["a"], ["a", "b"]]),
    "sizes": (pa.list_(pa.int64()), [None, [], [1], [1, 2]]),
}
TYPES, CHANNELS, PURPOSES = ["search", "view"], ["app", "web"], ["marketing", "analytics"]
DAYS = [TODAY, TODAY - timedelta(1), TODAY - timedelta(29), TODAY + timedelta(1)]


def bounds_of(name: str) -> st.SearchStrategy[tuple[str, Any]]:
    """One comparison that fits the type of a column."""
    kind, values = COLUMNS[name]
    known = st.sampled_from([one for one in values if one is not None])
    found = [st.tuples(st.just("missing"), st.booleans())]
    if pa.types.is_list(kind):
        entries = st.sampled_from(["a", "z"] if name == "tags" else [1, 9])
        return st.one_of(*found, st.tuples(st.just("contains"), entries))
    if name != "seen":
        found.append(st.tuples(st.just("is"), known))
    if name in ("count", "share", "seen"):
        found.append(st.tuples(st.sampled_from(["at_least", "at_most"]), known))
    if name in ("count", "share", "colour"):
        found.append(st.tuples(st.just("one_of"), st.lists(known, min_size=1, max_size=3).map(tuple)))
    if name == "seen":
        found.append(st.tuples(st.just("within_days"), st.sampled_from([1, 2, 30, 3660])))
    return st.one_of(*found)


def feature_tests() -> st.SearchStrategy[FeatureTest]:
    return st.sampled_from(sorted(COLUMNS)).flatmap(
        lambda name: st.lists(bounds_of(name), min_size=1, max_size=2).map(
            lambda bounds: FeatureTest(f"{'left' if name < 'is' else 'right'}:{name}", tuple(bounds))
        )
    )


LIMITS = st.one_of(st.none(), st.integers(0, 3))
EVENTS = st.builds(EventTest, st.sampled_from(TYPES), st.sampled_from([1, 2, 30]),
                   st.sampled_from([None, *CHANNELS]), LIMITS, LIMITS)  # fmt: skip
TESTS: st.SearchStrategy[Condition] = st.one_of(
    feature_tests(), EVENTS, st.builds(PermitTest, st.sampled_from(PURPOSES))
)
RULES = st.recursive(
    TESTS,
    lambda inner: st.one_of(inner.map(Not), st.builds(Group, st.booleans(), st.lists(inner, max_size=3).map(tuple))),
    max_leaves=6,
)
ROW = st.fixed_dictionaries({name: st.sampled_from(values) for name, (_, values) in COLUMNS.items()})
CUSTOMER = st.fixed_dictionaries({
    "values": ROW, "has_left": st.booleans(), "has_right": st.booleans(),
    "permits": st.fixed_dictionaries({name: st.booleans() for name in PURPOSES}),
    "events": st.lists(st.tuples(st.sampled_from(DAYS), st.sampled_from(TYPES), st.sampled_from(CHANNELS)), max_size=4),
})  # fmt: skip


def tables_of(customers: list[dict[str, Any]]) -> dict[str, pa.Table]:
    names = [f"c_{n}" for n in range(len(customers))]
    permits = {f"permits:{p}": pa.array([c["permits"][p] for c in customers], pa.bool_()) for p in PURPOSES}
    found = {"population": pa.table({"customer_id": pa.array(names, pa.string()), **permits})}
    for side in ("left", "right"):
        there = [n for n, one in enumerate(customers) if one[f"has_{side}"]]
        columns = {
            name: pa.array([customers[n]["values"][name] for n in there], kind)
            for name, (kind, _) in COLUMNS.items() if (name < "is") == (side == "left")
        }  # fmt: skip
        found[side] = pa.table({"customer_id": pa.array([names[n] for n in there], pa.string()), **columns})
    events = [(name, *event) for name, one in zip(names, customers, strict=True) for event in one["events"]]
    # An event of nobody known counts for nobody.
    by_column = list(zip(*[*events, (None, TODAY, "search", "app")], strict=True))
    kinds = (pa.string(), pa.date32(), pa.string(), pa.string())
    arrays = [pa.array(values, kind) for values, kind in zip(by_column, kinds, strict=True)]
    found["event"] = pa.table(arrays, ["customer_id", "event_date", "event_type", "channel"])
    return found


def facts_of(customer: dict[str, Any], rule: Condition) -> CustomerFacts:
    values = {
        f"{side}:{name}": customer["values"][name] if customer[f"has_{side}"] else None
        for name in COLUMNS for side in [("left" if name < "is" else "right")]
    }  # fmt: skip
    counts: Counter[tuple[str, str | None, int]] = Counter()
    for test in events_of(Audience("a", "", "marketing", rule).rule):
        for day, kind, channel in customer["events"]:
            is_in = TODAY - timedelta(test.within_days) < day <= TODAY
            counts[test.kind] += is_in and kind == test.event and test.channel in (None, channel)
    return CustomerFacts(values, counts, customer["permits"], TODAY)


@settings(max_examples=100, deadline=None)
@given(st.lists(RULES, min_size=1, max_size=3), st.lists(CUSTOMER, min_size=1, max_size=12))
def test_sql_selects_the_customers_for_whom_the_check_holds(
    rules: list[Condition], customers: list[dict[str, Any]]
) -> None:
    audiences = [Audience(f"a_{n}", "", PURPOSES[n % 2], rule) for n, rule in enumerate(rules)]
    compiled = compile_audiences(audiences, TODAY)
    rows = query(compiled.sql, tables_of(customers), compiled.values).to_pydict()
    assert sorted(rows["customer_id"]) == sorted(f"c_{n}" for n in range(len(customers)))
    for number, one in enumerate(audiences):
        found = dict(zip(rows["customer_id"], rows[f"member_{number}"], strict=True))
        expected = {
            f"c_{n}": customer["permits"][one.purpose] and holds(one.rule, facts_of(customer, one.rule))
            for n, customer in enumerate(customers)
        }
        assert found == expected


def test_a_test_of_a_missing_value_does_not_hold_and_not_turns_it_around() -> None:
    facts = CustomerFacts({"a:b": None}, {}, {}, TODAY)
    test = FeatureTest("a:b", (("at_most", 3),))
    assert (holds(test, facts), holds(Not(test), facts), holds(FeatureTest("a:b", (("missing", True),)), facts)) == (
        False, True, True,
    )  # fmt: skip


def test_a_value_of_a_rule_is_never_text_of_the_query() -> None:
    hostile = "'; DROP TABLE population; --"
    rule = Group(True, (FeatureTest("left:colour", (("is", hostile),)), EventTest(hostile, 3, hostile)))
    compiled = compile_audiences([Audience("a", "", "marketing", rule)], TODAY)
    assert "DROP" not in compiled.sql
    assert compiled.values.count(hostile) == 3
