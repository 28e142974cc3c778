"""A merged customer gets the most restrictive of its consents; after a split each part has its own again."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from installation.lakehouse.lakehouse import Lakehouse
from pipelines.consent.customer_assignment import assign_source_persons, new_assignments
from privacy.consent.policy import built_in_policy
from privacy.consent.state import State
from privacy.consent.store import ConsentStore
from privacy.consent.view import MEMBERSHIP, ConsentView
from tests.pipelines.conftest import Built, agree
from tests.pipelines.consent.test_intake import SOURCES, TABLES, record_nothing
from tests.pipelines.unify.market import token
from tests.privacy.consent.test_store import record

ONE, TWO = token("member_no", "M000000001"), token("member_no", "M000000002")


@pytest.fixture
def built(build_market) -> Built:
    return build_market("sail", TABLES, SOURCES, speak=record_nothing)


def view_after(built: Built) -> ConsentView:
    """Return the view of a run that reads silver/identifier as it is now."""
    old = built.context.agreed
    view = ConsentView(old.open, old.policy, old.controller, old.moment)
    assign_source_persons(built.lakehouse, built.context, view)
    return ConsentView(old.open, old.policy, old.controller, old.moment)


def owners(built: Built) -> dict[str, str]:
    frame = built.frame("silver/identifier")
    members = frame[frame["token_kind"] == "member_no"]
    return dict(zip(members["token"], members["customer_id"], strict=True))


def give(built: Built, key: str, customer: str) -> None:
    """Assign a key to a customer in silver/identifier, as resolution would after a merge or a split."""
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


def test_a_merge_denies_from_its_moment_on_and_not_before(built: Built) -> None:
    of = owners(built)
    agree(built, ONE, "analytics")
    agree(built, TWO, "analytics", "refused")
    give(built, TWO, of[ONE])
    view = view_after(built)
    before = view.moment.replace(year=view.moment.year - 1)
    assert view.index.is_permitted(of[ONE], "analytics", before)
    assert not view.is_permitted(of[ONE], "analytics")


def test_a_refusal_under_a_customers_own_identifier_denies_the_customer_it_is_merged_into(built: Built) -> None:
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


def test_unchanged_inputs_add_no_membership(built: Built) -> None:
    before = built.context.agreed.table(MEMBERSHIP)
    again = view_after(built)
    assert again.table(MEMBERSHIP).equals(before)
    assert assign_source_persons(built.lakehouse, built.context, again).was_current


# The comparison in Arrow against a plain loop, without an engine.
NOON = datetime(2026, 1, 1, 12)
BEGINNING = datetime(1, 1, 1)


def by_loop(keys: list[tuple[str, str, str]], merged: dict[str, str], store: ConsentStore) -> set[tuple[object, ...]]:
    memberships = store.membership_table().to_pylist()
    stored = {row["subject_id"]: row["customer_id"] for row in sorted(memberships, key=lambda row: row["from_at"])}
    said = {row["subject_id"] for row in store.record_table().to_pylist()}
    owners = {key: customer for kind, key, customer in keys if kind == "member_no" or key in said}
    living = {customer for _, _, customer in keys}
    added: set[tuple[object, ...]] = set()
    for subject in {row["subject_id"] for row in store.record_table().to_pylist()} - owners.keys():
        if subject in merged and subject not in stored:
            added.add((subject, subject, BEGINNING))
            stored[subject] = subject
        if subject in stored:
            # A key that has left the table keeps its customer; a customer's own identifier follows its own merges.
            end = subject if subject.startswith("c_") else stored[subject] or subject
            while end not in living and end in merged:
                end = merged[end]
            owners[subject] = end
    for subject, customer in owners.items():
        if stored.get(subject) != customer:
            added.add((subject, customer, NOON if subject in stored else BEGINNING))
    return added


@pytest.mark.parametrize("seed", range(10))
def test_new_memberships_are_those_that_a_loop_finds(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lakehouse = Lakehouse(str(tmp_path))
    with closing(ConsentStore(tmp_path / "consent.db", built_in_policy().taxonomy)) as store:
        store.append([record(f"c_{i}", State.GIVEN) for i in range(0, 30, 2)])
        store.append([record(f"m_{i}", State.GIVEN) for i in range(0, 30, 3)])
        merged: dict[str, str] = {}
        for turn in range(3):
            kinds = rng.choice(["member_no", "email"], 40)
            keys = [
                (str(kind), f"m_{i}", f"c_{rng.integers(30)}") for i, kind in enumerate(kinds) if rng.random() < 0.8
            ]
            living = {customer for _, _, customer in keys}
            merged |= {f"c_{i}": f"c_{rng.integers(i)}" for i in range(1, 30) if f"c_{i}" not in living}
            for name, columns, rows in (
                ("silver/identifier", ("token_kind", "token", "customer_id"), keys),
                ("silver/identity_event", ("from_customer_id", "to_customer_id", "occurred_at"),
                 [(one, other, NOON) for one, other in merged.items()]),
            ):  # fmt: skip
                table = pa.table(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)))
                lakehouse.overwrite_rows(name, table)
            moment = NOON + timedelta(days=turn)
            added = new_assignments(lakehouse, store, moment)
            expected = {(s, c, moment if at == NOON else at) for s, c, at in by_loop(keys, merged, store)}
            assert (set(added), len(added)) == (expected, len(expected))
            assert added
            store.assign_all(added)
            if rng.random() < 0.5:
                store.assign("m_0", None, moment + timedelta(hours=1))
