"""Choice, consent, log, learning, verdicts and erasure of policies, on the real stores of an installation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml

from features.policy.errors import (
    ContextError,
    LogError,
    PolicyDefinitionError,
    PolicyStateError,
    UnknownPolicyError,
)
from features.policy.judge import Answer
from features.policy.service import PolicyService
from features.policy.store import LoggedDecision
from features.policy.subject_store import PolicySubjects
from pipelines.orchestration.rights_registry import subject_stores
from privacy.consent.record import ConsentRecord
from privacy.consent.state import State
from privacy.rights.subject import Subject
from privacy.rights.subject_store import SubjectStore
from tests.features.retrieval.feature_shop import NOON, FeatureShop

PURPOSE = "personalisation"
EVERYBODY = [f"c_{number:030d}" for number in range(600)]


def document(**changes: object) -> str:
    """Return a definition of two arms and one number of context."""
    whole: dict[str, object] = {
        "name": "objective", "purpose": PURPOSE, "arms": ["relevance", "thrifty"], "context": ["price_sensitivity"],
        "least_propensity": 0.05,
    }  # fmt: skip
    return yaml.safe_dump(whole | changes)


class PolicyShop(FeatureShop):
    """A `FeatureShop` with policies."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.policies = PolicyService(self.installation, random=np.random.default_rng(3).random)

    def permit(self, customers: Iterable[str], state: State, purpose: str = PURPOSE, days_ago: float = 9) -> None:
        """Record a state of a purpose for customers."""
        at = NOON - timedelta(days=days_ago)
        self.consents.append([
            ConsentRecord(
                record_id=f"r_{one}_{state.value}_{purpose}", subject_id=one, controller="Bojagi Mart",
                purpose=purpose, notice_version="1", notice_language="ko", jurisdiction="KR", method="web_form",
                state=state, effective_at=at, recorded_at=at, age_years=40, evidence_hash="0" * 64, asked="separately",
            )
            for one in customers
        ])  # fmt: skip

    def log(self, customers: Iterable[str], gain: float, seed: int = 1, decisions: int = 4) -> None:
        """Log uniform decisions of two days ago; each arm sells better to one side of the context, by `gain`."""
        rng = np.random.default_rng(seed)
        at = self.installation.clock() - timedelta(days=2)
        with self.policies.store() as store, store.changing():
            for customer in customers:
                for number in range(decisions):
                    x, arm = float(rng.normal()), int(rng.integers(2))
                    chance = 0.4 + gain * np.sign(x) * (arm - 0.5)
                    store.log(LoggedDecision(
                        f"d_{seed}_{customer}_{number}", "objective", 1, customer, at + timedelta(minutes=number), [x],
                        ("relevance", "thrifty")[arm], [0.5, 0.5], float(rng.random() < chance),
                    ))  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[PolicyShop]:
    made = PolicyShop(tmp_path)
    made.permit(EVERYBODY, State.GIVEN)
    made.policies.create(document(), "kim")
    yield made
    made.policies.close()
    made.close()


def decisions(shop: PolicyShop) -> list[LoggedDecision]:
    """Return all logged decisions."""
    with shop.policies.store() as store:
        return list(store.decisions("objective", shop.installation.clock() + timedelta(days=1)))


def test_a_decision_is_logged_with_all_propensities_and_rewarded_once(shop: PolicyShop) -> None:
    found = shop.policies.choose("objective", EVERYBODY[0], [0.5])
    assert found.propensities == (0.5, 0.5)
    assert found.version == "objective/1"
    assert found.decision_id is not None
    assert shop.policies.reward(found.decision_id, 2.5)
    assert not shop.policies.reward(found.decision_id, 9.0)
    assert not shop.policies.reward("d_unknown", 1.0)
    (logged,) = decisions(shop)
    assert (logged.arm, logged.propensities, logged.context, logged.reward) == (found.arm, [0.5, 0.5], [0.5], 2.5)


def test_without_consent_nothing_is_used_or_logged(shop: PolicyShop) -> None:
    found = shop.policies.choose("objective", f"c_{999:030d}", [float("nan")])
    assert (found.arm, found.propensities, found.decision_id) == ("relevance", (1.0, 0.0), None)
    assert not decisions(shop)


def test_a_withdrawal_ends_choices_rewards_and_learning(shop: PolicyShop) -> None:
    found = shop.policies.choose("objective", EVERYBODY[0], [0.5])
    shop.log(EVERYBODY, 0.6)
    shop.permit(EVERYBODY[:1], State.WITHDRAWN, days_ago=0.01)
    shop.permit(EVERYBODY[1:300], State.WITHDRAWN, "model_training", days_ago=0.01)
    shop.policies.close()
    assert shop.policies.choose("objective", EVERYBODY[0], [0.5]).decision_id is None
    assert found.decision_id is not None
    assert not shop.policies.reward(found.decision_id, 1.0)
    shop.policies.learn("objective", "kim")
    last = [entry for _, entry in shop.installation.audit_log.entries()][-1]
    assert last.action == "train"
    assert last.subjects is not None
    assert 100 < last.subjects <= 200


def test_a_version_serves_once_it_is_judged_better_and_what_judged_it_is_spent(shop: PolicyShop) -> None:
    shop.log(EVERYBODY, 0.6)
    learned = shop.policies.learn("objective", "kim")
    assert (learned.name, shop.policies.live("objective").number) == ("objective/2", 1)
    verdict = shop.policies.judge("objective", "kim")
    assert (verdict.answer, shop.policies.live("objective").number) == (Answer.BETTER, 2)
    likely = shop.policies.choose("objective", EVERYBODY[0], [2.0]).propensities
    assert likely[1] > 0.9
    with pytest.raises(PolicyStateError, match="judged already"):
        shop.policies.judge("objective", "kim")
    shop.policies.learn("objective", "kim")
    again = shop.policies.judge("objective", "kim")
    assert (again.answer, again.reason) == (Answer.UNDECIDED, "no decisions to judge")
    shop.moment = NOON + timedelta(days=3)
    shop.log(EVERYBODY, 0.6, seed=2)
    assert shop.policies.judge("objective", "kim").answer is Answer.BETTER


def test_a_policy_that_gains_nothing_is_not_served(shop: PolicyShop) -> None:
    shop.log(EVERYBODY, 0.0)
    shop.policies.learn("objective", "kim")
    assert shop.policies.judge("objective", "kim").answer is not Answer.BETTER
    assert shop.policies.live("objective").number == 1


def test_decisions_that_may_still_be_rewarded_and_old_ones_are_not_learned_from(shop: PolicyShop) -> None:
    for customer in EVERYBODY[:100]:
        shop.policies.choose("objective", customer, [0.0])
    with pytest.raises(LogError, match="0 customers"):
        shop.policies.learn("objective", "kim")
    shop.moment = NOON + timedelta(days=200)
    with pytest.raises(LogError, match="0 customers"):
        shop.policies.learn("objective", "kim")
    assert not decisions(shop)


def test_an_erasure_removes_a_person_and_nobody_else(shop: PolicyShop) -> None:
    shop.log(EVERYBODY[:2], 0.0)
    rights = PolicySubjects(shop.installation)
    assert isinstance(rights, SubjectStore)
    assert rights.name in {one.name for one in subject_stores(shop.installation)}
    person = Subject("s_1", customer_ids=(EVERYBODY[0],))
    assert [one.rows for one in rights.find(person)] == [4]
    (table,) = rights.export(person)
    assert table.rows[0]["policy"] == "objective/1"
    assert "price_sensitivity=" in table.rows[0]["context"]
    assert not rights.verify([person]).is_clean
    assert rights.erase([person]).counts == {"decisions": 4}
    assert rights.verify([person]).is_clean
    files = b"".join(one.read_bytes() for one in (shop.installation.settings.data_dir / "policy").iterdir())
    assert EVERYBODY[0].encode() not in files
    assert EVERYBODY[1].encode() in files


def test_faulty_calls_are_refused(shop: PolicyShop) -> None:
    for context in ([], [1.0, 2.0], [float("inf")]):
        with pytest.raises(ContextError, match="1 finite numbers"):
            shop.policies.choose("objective", EVERYBODY[0], context)
    for name in ("objectives", "objective/7"):
        with pytest.raises(UnknownPolicyError, match="objective"):
            shop.policies.choose(name, EVERYBODY[0], [1.0])
    with pytest.raises(PolicyStateError, match="already"):
        shop.policies.create(document(), "kim")
    with pytest.raises(PolicyStateError, match="no version"):
        shop.policies.judge("objective", "kim")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [", "the file"),
        (document(arms=["one"]), "arms"),
        (document(arms=["one", "one"]), "the document"),
        (document(learner="fitted_q"), "the document"),
        (document(purpose="nothing"), "purpose"),
        (document(least_propensity=0.0), "least_propensity"),
        (document(least_propensity=0.4), "the document"),
    ],
)
def test_a_faulty_document_is_refused_with_its_place(shop: PolicyShop, text: str, place: str) -> None:
    with pytest.raises(PolicyDefinitionError) as caught:
        shop.policies.create(text, "kim")
    assert caught.value.place == place
