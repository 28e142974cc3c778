"""Choice, consent, log, learning, verdicts and erasure of policies, on the real stores of an installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from features.policy.errors import (
    ContextError,
    DecisionLogError,
    PolicyDefinitionError,
    PolicyStateError,
    UnknownPolicyError,
)
from features.policy.judge import Answer
from features.policy.renewal import renew
from features.policy.service import PolicyService
from features.policy.store import LoggedDecision
from features.policy.subject_store import PolicySubjects
from pipelines.orchestration.rights_registry import subject_stores
from privacy.consent.state import State
from privacy.rights.subject import Subject
from privacy.rights.subject_store import SubjectStore
from tests.features.policy.policy_shop import EVERYBODY, PolicyShop, document
from tests.features.retrieval.feature_shop import NOON


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[PolicyShop]:
    with closing(PolicyShop(tmp_path)) as made:
        yield made


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
    halves = {entry.action: entry.subjects for _, entry in shop.installation.audit_log.entries()}
    assert halves["train"] == learned.card["customers"]
    assert verdict.customers == halves["judge"] == len(EVERYBODY) - int(str(learned.card["customers"]))
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


def test_another_process_serves_an_accepted_version_a_second_later(shop: PolicyShop) -> None:
    seconds = [0.0]
    with closing(PolicyService(shop.installation, monotonic=lambda: seconds[0])) as other:
        assert other.live("objective").number == 1
        shop.log(EVERYBODY, 0.6)
        shop.policies.learn("objective", "kim")
        assert other.live("objective/2").number == 2
        shop.policies.judge("objective", "kim")
        assert other.live("objective").number == 1
        seconds[0] = 1.0
        assert other.live("objective").number == 2


def test_a_policy_that_gains_nothing_is_not_served(shop: PolicyShop) -> None:
    shop.log(EVERYBODY, 0.0)
    shop.policies.learn("objective", "kim")
    assert shop.policies.judge("objective", "kim").answer is not Answer.BETTER
    assert shop.policies.live("objective").number == 1


def test_a_renewal_learns_and_judges_and_a_version_waits_for_its_verdict(shop: PolicyShop) -> None:
    (found,) = renew(shop.policies, "bojagi")
    assert (found.version, found.answer) == ("objective/1", "")
    assert "0 customers" in found.reason
    shop.log(EVERYBODY[:120], 0.6)
    (found,) = renew(shop.policies, "bojagi")
    assert (found.version, found.answer) == ("objective/2", "undecided")
    assert "effective sample too small" in found.reason
    shop.log(EVERYBODY, 0.6, seed=2)
    (found,) = renew(shop.policies, "bojagi")
    assert (found.version, found.answer) == ("objective/2", "better")


def test_decisions_that_may_still_be_rewarded_and_old_ones_are_not_learned_from(shop: PolicyShop) -> None:
    for customer in EVERYBODY[:100]:
        shop.policies.choose("objective", customer, [0.0])
    with pytest.raises(DecisionLogError, match="0 customers"):
        shop.policies.learn("objective", "kim")
    shop.moment = NOON + timedelta(days=200)
    with pytest.raises(DecisionLogError, match="0 customers"):
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
