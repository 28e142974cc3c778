"""Merged customers get the most restrictive of their consents; after a split each has its own again."""

from __future__ import annotations

import pytest

from pipelines.consent.membership import take_in_memberships
from privacy.consent.view import MEMBERSHIP, ConsentView
from tests.pipelines.conftest import Built, agree
from tests.pipelines.consent.test_intake import SOURCES, TABLES, nobody
from tests.pipelines.unify.market import token

ONE, TWO = token("member_no", "M000000001"), token("member_no", "M000000002")


@pytest.fixture
def built(build_market) -> Built:
    return build_market("sail", TABLES, SOURCES, speak=nobody)


def view_after(built: Built) -> ConsentView:
    """The view of a run that finds silver/identifier as it is now."""
    old = built.context.agreed
    view = ConsentView(old.open, old.policy, old.controller, old.moment)
    take_in_memberships(built.lakehouse, built.context, view)
    return ConsentView(old.open, old.policy, old.controller, old.moment)


def owners(built: Built) -> dict[str, str]:
    frame = built.frame("silver/identifier")
    members = frame[frame["token_kind"] == "member_no"]
    return dict(zip(members["token"], members["customer_id"], strict=True))


def give(built: Built, key: str, customer: str) -> None:
    """Say in silver/identifier that a key belongs to a customer, as resolution would after a merge or a split."""
    frame = built.lakehouse.read("silver/identifier").toPandas()
    frame.loc[frame["token"] == key, "customer_id"] = customer
    built.lakehouse.overwrite("silver/identifier", built.context.spark.createDataFrame(
        frame, built.lakehouse.read("silver/identifier").schema))  # fmt: skip


def test_a_merge_takes_the_most_restrictive_and_a_split_gives_each_its_own_again(built: Built) -> None:
    of = owners(built)
    agree(built, ONE, "analytics")
    agree(built, TWO, "analytics", "refused")
    view = view_after(built)
    assert [view.is_permitted(of[key], "analytics") for key in (ONE, TWO)] == [True, False]
    give(built, TWO, of[ONE])
    view = view_after(built)
    assert not view.is_permitted(of[ONE], "analytics")
    give(built, TWO, of[TWO])
    view = view_after(built)
    assert [view.is_permitted(of[key], "analytics") for key in (ONE, TWO)] == [True, False]


def test_the_past_stays_as_it_was(built: Built) -> None:
    of = owners(built)
    agree(built, ONE, "analytics")
    agree(built, TWO, "analytics", "refused")
    give(built, TWO, of[ONE])
    view = view_after(built)
    before = view.moment.replace(year=view.moment.year - 1)
    assert view.index.is_permitted(of[ONE], "analytics", before)
    assert not view.is_permitted(of[ONE], "analytics")


def test_what_was_said_as_a_customer_goes_where_the_customer_goes(built: Built) -> None:
    of = owners(built)
    agree(built, ONE, "analytics")
    agree(built, of[TWO], "analytics", "refused")  # typed for the customer, not for a source person
    moves = built.context.spark.createDataFrame(
        [(of[TWO], of[ONE], built.context.agreed.moment)],
        "from_customer_id string, to_customer_id string, occurred_at timestamp_ntz",
    )
    built.lakehouse.overwrite("silver/identity_event", moves)
    frame = built.frame("silver/identifier")
    for key in frame.loc[frame["customer_id"] == of[TWO], "token"]:
        give(built, key, of[ONE])
    view = view_after(built)
    assert not view.is_permitted(of[ONE], "analytics")


def test_nothing_new_changes_nothing(built: Built) -> None:
    before = built.context.agreed.table(MEMBERSHIP)
    again = view_after(built)
    assert again.table(MEMBERSHIP).equals(before)
    assert take_in_memberships(built.lakehouse, built.context, again).was_current
