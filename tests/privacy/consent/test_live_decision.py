"""LiveDecisions on a real store: new records count at once; records of another process count within a second."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from privacy.consent.errors import ConsentStoreReplaced
from privacy.consent.index import Denial
from privacy.consent.live_decision import CHECK_SECONDS, LiveDecisions
from privacy.consent.policy import built_in_policy
from privacy.consent.state import State
from privacy.consent.store import ConsentStore
from tests.privacy.consent.test_store import NOON, record

POLICY = built_in_policy()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ConsentStore]:
    opened = ConsentStore(tmp_path / "consent.db", POLICY.taxonomy)
    yield opened
    opened.close()


def test_a_withdrawal_denies_from_the_next_question_on_and_not_before_its_time(store: ConsentStore) -> None:
    store.append([record("s_1", State.GIVEN)])
    decisions = LiveDecisions(store, POLICY, "Shop")
    later = NOON + timedelta(hours=1)
    assert decisions.is_permitted("s_1", "marketing", later)
    decisions.append([record("s_1", State.WITHDRAWN, NOON + timedelta(minutes=1))])
    assert not decisions.is_permitted("s_1", "marketing", later)
    assert decisions.is_permitted("s_1", "marketing", NOON)


def test_a_withdrawal_by_another_process_denies_within_a_second(store: ConsentStore) -> None:
    store.append([record("s_1", State.GIVEN)])
    decisions = LiveDecisions(store, POLICY, "Shop")
    assert decisions.is_permitted("s_1", "marketing", NOON)
    withdrawn = record("s_1", State.WITHDRAWN).model_dump_json()
    code = (
        "import sys, pathlib; from privacy.consent.store import ConsentStore as S; "
        "from privacy.consent.record import ConsentRecord as R; "
        "from privacy.consent.policy import built_in_policy as p; "
        "S(pathlib.Path(sys.argv[1]), p().taxonomy).append([R.model_validate_json(sys.argv[2])])"
    )
    subprocess.run([sys.executable, "-c", code, str(store.path), withdrawn], check=True)
    started = time.monotonic()
    while decisions.is_permitted("s_1", "marketing", NOON):
        assert time.monotonic() - started < 1
    assert not decisions.is_permitted("s_1", "marketing", NOON)


def test_a_merge_denies_by_the_most_restrictive_and_a_split_permits_again(store: ConsentStore) -> None:
    store.append([record("s_1", State.GIVEN), record("s_2", State.REFUSED)])
    decisions = LiveDecisions(store, POLICY, "Shop")
    hours = [NOON + timedelta(hours=h) for h in range(4)]
    store.assign("s_1", "c_1", hours[0])
    store.assign("s_2", "c_1", hours[1])
    store.assign("s_2", "c_2", hours[2])
    decisions.rebuild()
    assert [decisions.is_permitted("c_1", "marketing", at) for at in hours] == [True, False, True, True]
    assert not decisions.is_permitted("c_2", "marketing", hours[3])


def test_a_merge_stored_by_another_connection_denies_both_customers(store: ConsentStore) -> None:
    store.append([record("c_1", State.GIVEN)])
    decisions = LiveDecisions(store, POLICY, "Shop")
    other = ConsentStore(store.path, POLICY.taxonomy)
    other.assign("c_1", "c_2", NOON + timedelta(hours=1))
    other.append([record("c_2", State.REFUSED)])
    other.close()
    time.sleep(0.06)
    assert not decisions.is_permitted("c_1", "marketing", NOON + timedelta(hours=2))
    assert not decisions.is_permitted("c_2", "marketing", NOON + timedelta(hours=2))


def test_what_another_object_stores_through_the_same_connection_denies_after_the_next_look(store: ConsentStore) -> None:
    clock = [0.0]
    store.append([record("s_1", State.GIVEN)])
    decisions = LiveDecisions(store, POLICY, "Shop", lambda: clock[0])
    store.append([record("s_1", State.WITHDRAWN)])
    assert decisions.is_permitted("s_1", "marketing", NOON)
    clock[0] += CHECK_SECONDS
    assert not decisions.is_permitted("s_1", "marketing", NOON)
    store.append([record("s_1", State.GIVEN, recorded_at=NOON + timedelta(minutes=1))])
    decisions.refresh()
    assert decisions.is_permitted("s_1", "marketing", NOON)


def test_a_failed_look_is_repeated_so_that_a_withdrawal_is_not_missed(
    store: ConsentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append([record("s_1", State.GIVEN)])
    decisions = LiveDecisions(store, POLICY, "Shop")
    store.append([record("s_1", State.WITHDRAWN)])
    with monkeypatch.context() as broken:
        broken.setattr(store, "changed_since", lambda _: (_ for _ in ()).throw(OSError("disk")))
        for _ in range(2):
            with pytest.raises(OSError, match="disk"):
                decisions.refresh()
    decisions.refresh()
    assert not decisions.is_permitted("s_1", "marketing", NOON)


def test_a_store_whose_file_was_replaced_is_refused(store: ConsentStore) -> None:
    decisions = LiveDecisions(store, POLICY, "Shop")
    store.path.rename(store.path.with_name("former.db"))
    with pytest.raises(ConsentStoreReplaced):
        decisions.refresh()
    ConsentStore(store.path, POLICY.taxonomy).close()
    with pytest.raises(ConsentStoreReplaced):
        decisions.refresh()


def test_denials_name_objection_and_restriction_also_where_only_the_night_is_denied(store: ConsentStore) -> None:
    night, later = NOON.replace(hour=23), NOON + timedelta(hours=1)
    store.append([record("s_1", State.GIVEN), record("s_2", State.GIVEN), record("s_4", State.GIVEN)])
    decisions = LiveDecisions(store, POLICY, "Shop")
    about = {"record_id": "o_1", "purpose": "night_advertising"}
    decisions.append([record("s_1", State.OBJECTED).model_copy(update=about)])
    decisions.append([record("s_2", State.OBJECTED), record("s_2", State.RESTRICTED), record("s_4", State.WITHDRAWN)])
    people = ("s_1", "s_2", "s_3", "s_4", "s_1\0", "s_" + "1" * 200)
    missing = [Denial.NO_CONSENT] * 4
    assert decisions.denials(people, "marketing", later) == [None, Denial.RESTRICTED, *missing]
    assert decisions.denials(people, "advertising_message", later) == [None, Denial.RESTRICTED, *missing]
    assert decisions.denials(people, "advertising_message", night) == [Denial.OBJECTED, Denial.RESTRICTED, *missing]
    assert decisions.denials(people, "service_delivery", later) == [None] * 6


def test_many_changes_are_joined_and_decided_like_a_rebuilt_index(store: ConsentStore) -> None:
    decisions = LiveDecisions(store, POLICY, "Shop")
    people = [f"s_{number}" for number in range(90)]
    for number, person in enumerate(people):
        decisions.append([record(person, State.GIVEN if number % 3 else State.OBJECTED)])
        if number % 5 == 0:
            store.assign(person, f"c_{number % 2}", NOON)
    decisions.refresh()
    asked, at = [*people, "c_0", "c_1"], NOON + timedelta(hours=1)
    found, former = decisions.denials(asked, "marketing", at), decisions.former_customers
    decisions.rebuild()
    assert decisions.denials(asked, "marketing", at) == found
    assert len(set(found)) == 3
    assert decisions.former_customers == former == set()


def test_a_customer_without_source_persons_is_former_until_one_returns(store: ConsentStore) -> None:
    store.assign_all([("s_1", "c_1", NOON), ("s_2", "c_2", NOON)])
    decisions = LiveDecisions(store, POLICY, "Shop")
    store.assign("s_1", "c_2", NOON + timedelta(hours=1))
    decisions.refresh()
    assert decisions.former_customers == {"c_1"}
    assert LiveDecisions(store, POLICY, "Shop").former_customers == {"c_1"}
    store.assign("s_2", "c_1", NOON + timedelta(hours=2))
    decisions.refresh()
    assert decisions.former_customers == set()


def test_names_are_compared_whole_however_often_they_are_asked(
    store: ConsentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("privacy.consent.index._MOST_KNOWN_ROWS", 3)
    store.append([record(name, State.GIVEN) for name in ("s_1", "s_10", "s_2")])
    decisions = LiveDecisions(store, POLICY, "Shop")
    for asked in (
        ["s_1"],
        ["s_1", "s_1\0"],
        ["s_10", "s_100"],
        ["s_2", "s_", ""],
        ["s_1", "s_2", "s_3", "s_10", "\ud800"],
    ):
        for _ in range(2):
            denied = [decisions.denials([name], "marketing", NOON)[0] for name in asked]
            assert decisions.denials(asked, "marketing", NOON) == denied
            assert [found is None for found in denied] == [name in ("s_1", "s_10", "s_2") for name in asked]
