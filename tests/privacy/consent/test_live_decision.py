"""LiveDecisions on a real store: new records count at once; records of another process count within a second."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

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
