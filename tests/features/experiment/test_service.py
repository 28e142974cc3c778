"""Assignment, consent, refusals and erasure of experiments, on the real stores of an installation."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from features.experiment.assignment import draw_variant
from features.experiment.errors import ExperimentDefinitionError, ExperimentStateError, UnknownExperimentError
from features.experiment.service import Experiments
from features.experiment.store import FILE
from features.experiment.subject_store import ExperimentSubjects
from features.experiment.verdict import Answer
from features.retrieval.answer import Caller
from pipelines.orchestration.rights_registry import subject_stores
from privacy.access.errors import AccessRefused
from privacy.consent.state import State
from privacy.rights.subject import Subject
from privacy.rights.subject_store import SubjectStore
from tests.features.experiment.experiment_shop import (
    ANALYST,
    EVERYBODY,
    PURPOSE,
    TWO,
    ExperimentShop,
    document,
    figures,
)
from tests.features.retrieval.feature_shop import NOON


def test_a_new_variant_moves_nobody(shop: ExperimentShop) -> None:
    before = shop.experiments.assign("basket", EVERYBODY[:300])
    three = [TWO[0] | {"share": 0.25}, TWO[1] | {"share": 0.25}, {"name": "third", "version": "x", "share": 0.5}]
    shop.experiments.create(document(variants=three), ANALYST, replaces=True)
    after = shop.experiments.assign("basket", EVERYBODY)
    assert after[:300] == before
    drawn = [draw_variant(shop.experiments.running()[0], one) for one in EVERYBODY[:300]]
    assert drawn != before, "without the stored variants, customers would have moved"
    assert "third" in after[300:]
    report = shop.experiments.report("basket", ANALYST)
    assert [one.answer for one in report.verdicts] == [Answer.UNDECIDED, Answer.UNDECIDED]
    assert report.verdicts[1].reason.startswith("too few")


def test_only_customers_who_permit_take_part_and_a_withdrawal_ends_it(shop: ExperimentShop) -> None:
    stranger = f"c_{999:030d}"
    assert shop.experiments.assign("basket", [stranger]) == [None]
    assert shop.experiments.assign("basket", EVERYBODY[:1]) != [None]
    shop.state(EVERYBODY[:1], State.WITHDRAWN, NOON - timedelta(minutes=1))
    assert shop.experiments.report("basket", ANALYST).left_out == 1
    assert shop.experiments.assign("basket", EVERYBODY[:1]) == [None]
    assert shop.outcome({EVERYBODY[0]: 1.0, stranger: 1.0}) == 0
    report = shop.experiments.report("basket", ANALYST)
    assert (report.taking_part, report.left_out) == (0, 1)


def test_a_difference_is_found_and_none_is_not(shop: ExperimentShop) -> None:
    shop.outcome(figures(shop, 2.0))
    (verdict,) = shop.experiments.report("basket", ANALYST).verdicts
    assert verdict.answer is Answer.BETTER
    assert verdict.estimate == pytest.approx(2, abs=0.3)
    shop.outcome(figures(shop, 0.0))
    assert shop.experiments.report("basket", ANALYST).verdicts[0].answer is Answer.UNDECIDED


def test_a_broken_guardrail_outweighs_a_better_metric(shop: ExperimentShop) -> None:
    shop.outcome(figures(shop, 2.0))
    variants = dict(zip(EVERYBODY, shop.experiments.assign("basket", EVERYBODY), strict=True))
    shop.outcome({one: float(v == "new" and n % 2) for n, (one, v) in enumerate(variants.items())}, "error")
    (verdict,) = shop.experiments.report("basket", ANALYST).verdicts
    assert (verdict.answer, verdict.must_stop) == (Answer.WORSE, True)


def test_faults_leave_no_verdict(shop: ExperimentShop) -> None:
    shop.outcome(figures(shop, 2.0))
    early = datetime.combine(NOON.date() - timedelta(8), datetime.min.time(), UTC)
    shop.outcome(dict.fromkeys(EVERYBODY, 1.0), "spend_before", early)
    assert shop.experiments.report("basket", ANALYST).verdicts[0].answer is Answer.BETTER
    shop.outcome({EVERYBODY[0]: 1.0}, "spend_before")
    (verdict,) = shop.experiments.report("basket", ANALYST).verdicts
    assert (verdict.answer, verdict.estimate) == (Answer.NO_VERDICT, None)
    assert "pre-period" in verdict.reason
    shop.experiments.create(document(metric={"name": "orders"}), ANALYST, replaces=True)
    assert "metric" in shop.experiments.report("basket", ANALYST).verdicts[0].reason


def test_a_sample_ratio_fault_leaves_no_verdict(shop: ExperimentShop) -> None:
    variants = dict(zip(EVERYBODY, shop.experiments.assign("basket", EVERYBODY), strict=True))
    lost = [one for one, variant in variants.items() if variant == "new"][:80]
    with shop.experiments.store() as store:
        store.erase(lost)
    (verdict,) = shop.experiments.report("basket", ANALYST).verdicts
    assert verdict.answer is Answer.NO_VERDICT
    assert verdict.reason.startswith("sample-ratio fault")


def test_a_stopped_experiment_takes_nobody_and_keeps_its_report(shop: ExperimentShop) -> None:
    shop.outcome(figures(shop, 2.0))
    shop.experiments.stop("basket", "decided", ANALYST)
    assert shop.experiments.assign("basket", EVERYBODY[:1]) == [None]
    assert shop.outcome({EVERYBODY[0]: 99.0}) == 0
    assert shop.experiments.report("basket", ANALYST).verdicts[0].answer is Answer.BETTER
    with pytest.raises(ExperimentStateError, match="stopped"):
        shop.experiments.create(document(), ANALYST, replaces=True)
    with pytest.raises(UnknownExperimentError, match="basket"):
        shop.experiments.stop("baskets", "typo", ANALYST)


def test_a_service_finds_the_running_experiments_of_its_subject(shop: ExperimentShop) -> None:
    shop.experiments.create(document(name="list", subject="recommendation"), ANALYST)
    shop.experiments.create(document(name="later", subject="recommendation", start=date(2026, 6, 1)), ANALYST)
    with Experiments(shop.installation) as other:
        assert [one.name for one in other.running("recommendation")] == ["list"]
        assert other.running("search") == []
        assert [one.name for one in other.running()] == ["basket", "list"]


def test_another_process_knows_a_stop_after_a_second(shop: ExperimentShop) -> None:
    now = [100.0]
    with Experiments(shop.installation, lambda: now[0]) as other:
        assert other.assign("basket", EVERYBODY[:1]) != [None]
        shop.experiments.stop("basket", "decided", ANALYST)
        assert other.assign("basket", EVERYBODY[1:2]) == [None], "a new customer needs the store, which knows the stop"
        assert other.assign("basket", EVERYBODY[:1]) != [None], "the definition is a moment old"
        now[0] += 1.0
        assert other.assign("basket", EVERYBODY[:1]) == [None]
        with pytest.raises(UnknownExperimentError, match="basket"):
            other.assign("baskets", EVERYBODY[:1])


def test_creating_and_stopping_are_entries_of_the_audit_log(shop: ExperimentShop) -> None:
    shop.experiments.create(document(), ANALYST, replaces=True)
    with pytest.raises(AccessRefused, match="may not stop"):
        shop.experiments.stop("basket", "not mine", Caller("lee", "marketer"))
    shop.experiments.stop("basket", "decided", ANALYST)
    entries = [one for _, one in shop.installation.audit_log.entries() if one.table == "experiment/basket"]
    assert [(one.action, one.role, one.outcome) for one in entries] == [
        ("create", "analyst", "allowed"), ("replace", "analyst", "allowed"),
        ("stop", "marketer", "refused"), ("stop", "analyst", "allowed"),
    ]  # fmt: skip


def test_before_the_start_nobody_takes_part(shop: ExperimentShop) -> None:
    shop.experiments.create(document(name="later", start=date(2026, 6, 1)), ANALYST)
    assert shop.experiments.assign("later", EVERYBODY[:1]) == [None]


def test_a_role_without_the_purpose_sees_nothing(shop: ExperimentShop) -> None:
    with pytest.raises(AccessRefused, match="may not report"):
        shop.experiments.report("basket", Caller("lee", "agent"))
    assert [one.outcome for _, one in shop.installation.audit_log.entries()][-1] == "refused"


def test_an_erasure_removes_a_person_and_nobody_else(shop: ExperimentShop) -> None:
    shop.outcome(figures(shop, 0.0))
    rights = ExperimentSubjects(shop.installation)
    assert isinstance(rights, SubjectStore)
    assert rights.name in {one.name for one in subject_stores(shop.installation)}
    person = Subject("s_1", customer_ids=(EVERYBODY[0],))
    assert [(one.rows, one.purposes) for one in rights.find(person)] == [(1, (PURPOSE,)), (1, (PURPOSE,))]
    assert [len(one.rows) for one in rights.export(person)] == [1, 1]
    assert not rights.verify([person]).is_clean
    assert rights.erase([person]).counts == {"rows": 2}
    assert rights.verify([person]).is_clean
    content = (shop.installation.settings.data_dir / FILE).read_bytes()
    assert EVERYBODY[0].encode() not in content
    assert EVERYBODY[1].encode() in content


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [", "the file"),
        (document(variants=[TWO[0]]), "variants"),
        (document(variants=[TWO[0], TWO[1] | {"share": 0.4}]), "the document"),
        (document(purpose="nothing"), "purpose"),
        (document(alpha=float("nan")), "alpha"),
    ],
)
def test_a_faulty_document_is_refused_with_its_place(shop: ExperimentShop, text: str, place: str) -> None:
    with pytest.raises(ExperimentDefinitionError) as caught:
        shop.experiments.create(text, ANALYST)
    assert caught.value.place == place
