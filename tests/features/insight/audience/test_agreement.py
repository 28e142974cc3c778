"""The query that selects all members and the check of one customer agree, on random rules and real stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.insight.audience.rule import Audience, Condition, EventTest, FeatureTest, Group, Not, PermitTest
from tests.features.insight.audience.audience_shop import AudienceShop, at, days_ago
from tests.features.retrieval.feature_shop import FRESH, NOON, OFFICER

FEW = [f"d_{n}" for n in range(14)]
EVENTS = st.builds(EventTest, st.sampled_from(["search", "view"]), st.sampled_from([1, 3]),
                   st.sampled_from([None, "app"]), st.sampled_from([0, 1, 2]), st.sampled_from([None, 1]))  # fmt: skip
TESTS: st.SearchStrategy[Condition] = st.one_of(
    st.sampled_from([0, 1, 2, 5]).map(lambda n: FeatureTest("trade:order_count", (("at_least", n),))),
    st.sampled_from([0, 1.25, 7]).map(lambda n: FeatureTest("trade:basket", (("at_most", n),))),
    st.sampled_from(["d_1/taste:colour", "x"]).map(lambda v: FeatureTest("taste:colour", (("one_of", (v, "red")),))),
    st.sampled_from([1, 2, 9]).map(lambda n: FeatureTest("taste:last_visit", (("within_days", n),))),
    st.booleans().map(lambda is_so: FeatureTest("taste:top_shelf", (("missing", is_so),))),
    st.sampled_from(["personalisation", "advertising_message", "marketing"]).map(PermitTest),
    EVENTS,
)
RULES = st.recursive(
    TESTS,
    lambda inner: st.one_of(inner.map(Not), st.builds(Group, st.booleans(), st.lists(inner, max_size=3).map(tuple))),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AudienceShop]:
    """Customers with missing, stale, null and former values, events and consents of every kind."""
    with closing(AudienceShop(tmp_path_factory.mktemp("few"))) as shop:
        shop.open_with(FEW)
        trade: list[dict[str, Any]] = [
            {"customer": name, "order_count": n % 6 or None, "basket": None if n % 3 else Decimal(n) / 4}
            for n, name in enumerate(FEW[:11])
        ]
        taste = [
            # Every fourth is stale. The last one's visit is an instant that is already tomorrow in Seoul.
            {"customer": name, "at": NOON - FRESH * 2 if n % 4 == 1 else NOON, "last_visit": at(n % 5).astimezone(),
             "colour": ["red", None, f"{name}/taste:colour", "Baby foods"][n % 4],
             "top_shelf": None if n % 5 == 2 else "top"}
            for n, name in enumerate(FEW[3:])
        ]  # fmt: skip
        # Older rows of the same customers, which do not count.
        trade += [{"customer": name, "order_count": 5, "at": at(40)} for name in FEW[:4]]
        shop.write_views(trade, taste)
        kinds = [("search", "app"), ("view", "app"), ("search", "web")]
        shop.write_events({
            name: [(days_ago(d), *kinds[(n + d) % 3]) for d in range(-1, n % 5)] for n, name in enumerate(FEW[2:])
        })  # fmt: skip
        shop.permit(FEW[:12], "personalisation")
        shop.permit(FEW[4:], "marketing")
        shop.state("d_6", "withdrawn", "personalisation", NOON)
        shop.state("d_7", "objected", "marketing", NOON)
        shop.state("d_8", "restricted", "*", NOON)
        yield shop


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rule=RULES)
def test_the_query_of_all_customers_and_the_check_of_one_agree(few: AudienceShop, rule: Condition) -> None:
    asked = Audience("a", "A test", "personalisation", rule)
    few.audiences.store.write(asked, replaces=True)
    found, _ = few.audiences._select(few.audiences.contracted.bound(asked), ())
    expected = {name for name, is_member in zip(found.customers, found.members.tolist(), strict=True) if is_member}
    with few.open() as reader:
        assert {name for name in FEW if few.audiences.check("a", name, OFFICER, reader).is_member} == expected
