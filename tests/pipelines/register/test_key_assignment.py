"""Customers by exact keys: which records are joined, which are not, and that customer ids stay."""

from __future__ import annotations

import random
from collections.abc import Callable

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.register.customer_id import opaque_ids
from pipelines.register.exact_linker import ExactLinker
from pipelines.register.key_assignment import resolve
from pipelines.register.record import KINDS, RecordError, Records

FIRST_RUN = pd.DataFrame(columns=["kind", "token", "customer_id", "method"])


def records(*rows: dict[str, object]) -> Records:
    base = dict.fromkeys(KINDS) | {"source": "s", "is_principal": False, "record_count": 1}
    return Records.of(pd.DataFrame([base | row for row in rows], columns=list(base)))


def ids(seed: int = 1) -> Callable[[], str]:
    return opaque_ids(random.Random(seed).randbytes)


def customers(found: pd.DataFrame) -> dict[tuple[str, str], str]:
    keys = zip(found["kind"], found["token"], strict=True)
    return dict(zip(keys, found["customer_id"], strict=True))


def test_members_with_one_email_get_one_customer() -> None:
    found = customers(
        resolve(records({"member_no": "a", "email": "e"}, {"member_no": "b", "email": "e"}), FIRST_RUN, ids())
    )
    assert found["member_no", "a"] == found["member_no", "b"] == found["email", "e"]


def test_a_family_with_one_phone_and_account_stays_two_customers() -> None:
    family = records(
        {"member_no": "she", "name_phone": "x", "phone": "p", "account_no": "1", "is_principal": True},
        {"member_no": "he", "name_phone": "y", "phone": "p", "account_no": "1"},
    )
    found = resolve(family, FIRST_RUN, ids())
    customer_of = customers(found)
    assert customer_of["member_no", "she"] != customer_of["member_no", "he"]
    assert customer_of["account_no", "1"] == customer_of["member_no", "she"]
    assert ("phone", "p") not in customer_of  # shared, so its events get neither customer


def test_name_and_phone_join_a_card_to_its_member() -> None:
    found = customers(
        resolve(records({"member_no": "a", "name_phone": "x"}, {"card_no": "c", "name_phone": "x"}), FIRST_RUN, ids())
    )
    assert found["card_no", "c"] == found["member_no", "a"]


def test_a_device_joins_no_people_and_gets_the_customer_of_its_only_user() -> None:
    rows = [{"member_no": "a", "device_id": "mine"}, {"member_no": "a", "device_id": "shared"},
            {"member_no": "b", "device_id": "shared"}]  # fmt: skip
    found = customers(resolve(records(*rows), FIRST_RUN, ids()))
    assert found["device_id", "mine"] == found["member_no", "a"] != found["member_no", "b"]
    assert ("device_id", "shared") not in found


def test_an_account_without_a_person_becomes_a_customer_and_a_parcel_receiver_does_not() -> None:
    found = resolve(records({"account_no": "7"}, {"name_phone": "x", "phone": "p"}), FIRST_RUN, ids())
    assert found[["kind", "token", "method"]].to_numpy().tolist() == [["account_no", "7", "account_only"]]


def test_a_name_and_phone_alone_cannot_be_the_principal_of_an_account() -> None:
    """The record states that it is the principal, but has no anchor key."""
    rows = records({"name_phone": "x", "account_no": "1", "is_principal": True})
    first = resolve(rows, FIRST_RUN, ids())
    assert first["method"].tolist() == ["account_only"]
    pd.testing.assert_frame_equal(resolve(rows, first, ids(9)), first)


def test_a_default_email_joins_no_members() -> None:
    rows = [{"member_no": f"m{n}", "email": "none"} for n in range(50)]
    clusters = ExactLinker().link(records(*rows))
    assert len(set(clusters.label.tolist())) == 50
    assert clusters.refused_keys == (("email", 50),)
    assert len(set(customers(resolve(records(*rows), FIRST_RUN, ids())).values())) == 50
    # Negative control: without the limit the e-mail joins all members.
    assert len(set(ExactLinker(max_members_per_key=50).link(records(*rows)).label.tolist())) == 1


def test_a_merge_keeps_the_customer_id_that_had_more_keys() -> None:
    apart = records({"member_no": "a", "email": "e"}, {"member_no": "b"})
    before = resolve(apart, FIRST_RUN, ids())
    joined = records({"member_no": "a", "email": "e"}, {"member_no": "b", "email": "e"})
    after = customers(resolve(joined, before, ids(2)))
    assert set(after.values()) == {customers(before)["member_no", "a"]}


def test_a_split_leaves_the_customer_id_with_the_part_that_has_more_keys() -> None:
    whole = records({"member_no": "a", "email": "e", "card_no": "c"}, {"member_no": "b", "email": "e"})
    before = resolve(whole, FIRST_RUN, ids())
    parts = records({"member_no": "a", "email": "e", "card_no": "c"}, {"member_no": "b"})
    after = customers(resolve(parts, before, ids(2)))
    former = customers(before)["member_no", "b"]
    assert after["member_no", "a"] == former != after["member_no", "b"]


def test_an_account_passes_its_customer_id_to_its_first_principal_but_not_to_the_next() -> None:
    alone = resolve(records({"account_no": "1"}), FIRST_RUN, ids())
    claimed = resolve(records({"account_no": "1", "member_no": "a", "is_principal": True}), alone, ids(2))
    assert set(customers(claimed).values()) == set(customers(alone).values())
    passed_on = records(
        {"account_no": "1", "member_no": "a"}, {"account_no": "1", "member_no": "b", "is_principal": True}
    )
    after = customers(resolve(passed_on, claimed, ids(3)))
    assert after["member_no", "a"] == customers(claimed)["member_no", "a"]
    assert after["account_no", "1"] == after["member_no", "b"] != after["member_no", "a"]


def test_no_usable_key_gives_no_customer() -> None:
    assert resolve(records({}, {}), FIRST_RUN, ids()).empty


def test_records_without_a_required_column_raise_an_error_that_names_it() -> None:
    with pytest.raises(RecordError, match="records lack member_no"):
        Records.of(pd.DataFrame({"source": ["s"]}))


PRINCIPAL = {"is_principal": st.booleans()}
ROWS = st.lists(
    st.fixed_dictionaries({kind: st.sampled_from([None, "1", "2", "3", "4"]) for kind in KINDS} | PRINCIPAL),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40)
@given(ROWS, st.randoms(use_true_random=False))
def test_order_of_records_and_reruns_change_no_customer_id(
    rows: list[dict[str, object]], shuffled: random.Random
) -> None:
    first = resolve(records(*rows), FIRST_RUN, ids())
    mixed = list(rows)
    shuffled.shuffle(mixed)
    pd.testing.assert_frame_equal(resolve(records(*mixed), FIRST_RUN, ids()), first)
    pd.testing.assert_frame_equal(resolve(records(*mixed), first, ids(99)), first)


@settings(max_examples=100)
@given(ROWS)
def test_exact_clusters_equal_those_of_a_brute_force_search(rows: list[dict[str, object]]) -> None:
    """The oracle joins groups of records that share a linking key until nothing changes."""
    found = records(*rows)
    label = ExactLinker().link(found).label
    keys = [{(k, row[k]) for k in ("member_no", "card_no", "email", "name_phone") if row[k] is not None}
            for row in found.frame.to_dict("records")]  # fmt: skip
    groups = [{n} for n, own in enumerate(keys) if own]
    changed = True
    while changed:
        changed = False
        for one in groups:
            mine = set().union(*(keys[n] for n in one))
            other = next((g for g in groups if g is not one and mine & set().union(*(keys[n] for n in g))), None)
            if other:
                one |= other
                groups.remove(other)
                changed = True
                break
    expected = {frozenset(group) for group in groups}
    got: dict[int, set[int]] = {}
    for n, number in enumerate(label.tolist()):
        if number >= 0:
            got.setdefault(number, set()).add(n)
    assert {frozenset(group) for group in got.values()} == expected
