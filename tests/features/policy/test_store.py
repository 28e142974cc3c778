"""The store of policies on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from features.policy.definition import read_policy_definition
from features.policy.errors import UnknownPolicyError
from features.policy.policy import Policy, Rule
from features.policy.store import KeptVerdict, LoggedDecision, PolicyStore, Version
from privacy.storage.database import CONFLICTS
from tests.features.policy.policy_shop import document
from tests.store_place import StorePlace

AT = datetime(2026, 5, 4, 3, tzinfo=UTC)
UNIFORM = Policy(Rule.UNIFORM, 2, 0.05)


@pytest.fixture
def store(store_place: StorePlace) -> Iterator[PolicyStore]:
    with closing(PolicyStore(store_place.of("policy.db"))) as opened:
        yield opened


def decision(number: int, customer: str, at: datetime = AT) -> LoggedDecision:
    """Return a decision without a reward."""
    return LoggedDecision(f"d_{number}", "objective", 1, customer, at, [0.25], "thrifty", [0.5, 0.5])


def test_versions_and_verdicts_are_kept(store: PolicyStore) -> None:
    version = Version(read_policy_definition(document()), 1, UNIFORM, UNIFORM, {"learner": "uniform"}, AT)
    with pytest.raises(UnknownPolicyError, match="none"):
        store.versions("objective")
    with store.changing():
        store.add(version)
    assert store.names() == ["objective"]
    assert store.versions("objective") == [version]
    verdict = KeptVerdict(1, "better", {"reason": "worth more"}, AT.isoformat(timespec="microseconds"), AT)
    with store.changing():
        store.add_verdict("objective", 1, verdict)
    assert store.verdicts("objective") == [verdict]
    with pytest.raises(CONFLICTS), store.changing():
        store.add_verdict("objective", 1, verdict)


def test_decisions_are_rewarded_once_read_in_order_and_deleted(store: PolicyStore) -> None:
    for number, (customer, minute) in enumerate([("c_2", 0), ("c_1", 5), ("c_1", 1)]):
        store.log(decision(number, customer, AT + timedelta(minutes=minute)))
    assert store.reward("d_1", 2.5)
    assert not store.reward("d_1", 3.5)
    assert not store.reward("d_9", 1.0)
    found = store.decision("d_1")
    assert found is not None
    assert (found.reward, found.at, found.propensities) == (2.5, AT + timedelta(minutes=5), [0.5, 0.5])
    everything = AT + timedelta(days=1)
    assert [one.decision_id for one in store.decisions("objective", everything)] == ["d_2", "d_1", "d_0"]
    assert [one.decision_id for one in store.decisions("objective", AT + timedelta(minutes=5))] == ["d_2", "d_0"]
    assert store.forget("objective", AT) == 0
    assert store.forget("objective", AT + timedelta(minutes=1)) == 1
    assert (store.count(["c_1", "c_2"]), len(store.decisions_about(["c_1"]))) == (2, 2)
    assert store.erase(["c_1"]) == 2
    assert not list(store.decisions("objective", everything))


def test_another_process_sees_what_is_written(store_place: StorePlace) -> None:
    with (
        closing(PolicyStore(store_place.of("policy.db"))) as one,
        closing(PolicyStore(store_place.of("policy.db"))) as two,
    ):
        one.log(decision(1, "c_1"))
        assert two.reward("d_1", 1.0)
        found = one.decision("d_1")
    assert found is not None
    assert found.reward == 1.0
