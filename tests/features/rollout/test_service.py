"""Stages, rollback, hold and refusals of rollouts, on the real stores of an installation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import yaml

from features.experiment.service import Experiments
from features.retrieval.answer import Caller
from features.rollout.errors import RolloutDefinitionError, RolloutStateError, UnknownRolloutError
from features.rollout.judgement import Action
from features.rollout.report_text import render_report, report_lines
from features.rollout.service import FRESH_SECONDS, Serving
from features.rollout.store import State
from privacy.access.errors import AccessRefused
from privacy.audit import AuditEntry, AuditError, AuditLog
from tests.features.rollout.rollout_shop import (
    BLUE_GREEN,
    CANARY,
    CUSTOMERS,
    ERRORS,
    KIM,
    NEW,
    OLD,
    SHADOW,
    START,
    SUBJECT,
    RolloutShop,
    document,
)
from tests.store_place import StorePlace

SOUND = {OLD: 0.01, NEW: 0.01}
WORSE = {OLD: 0.01, NEW: 0.2}


@pytest.fixture
def shop(store_place: StorePlace) -> Iterator[RolloutShop]:
    made = RolloutShop(store_place)
    yield made
    made.close()


def state(shop: RolloutShop) -> State:
    return shop.rollouts.state()[-1][0].state


def test_a_sound_version_passes_all_stages(shop: RolloutShop) -> None:
    assert shop.rollouts.serving(SUBJECT, CUSTOMERS[0]) is None
    shop.rollouts.create(document(), KIM)
    shop.passes(timedelta(seconds=1))
    assert shop.rollouts.serving(SUBJECT, CUSTOMERS[0]) == Serving(OLD, NEW)
    shop.calls(2, SOUND)
    assert shop.served() == {OLD, NEW}
    assert shop.rollouts.serving(SUBJECT, None) == Serving(OLD)
    shop.calls(4, SOUND)
    assert shop.served() == {NEW}
    assert state(shop) is State.RUNNING
    shop.calls(4, SOUND)
    assert (shop.served(), state(shop)) == ({NEW}, State.FINISHED)
    automatic = ("bojagi rollout", "rollout.advance")
    assert shop.audited() == [("kim", "rollout.create"), automatic, automatic, automatic]
    shop.rollouts.stop("hybrid_3", "customers complain", KIM)
    assert shop.served() == {OLD}, "one command switches back"


@pytest.mark.parametrize("stage", [SHADOW, CANARY, BLUE_GREEN])
def test_a_worse_version_is_rolled_back_in_each_stage(shop: RolloutShop, stage: dict[str, Any]) -> None:
    shop.rollouts.create(document(stage | {"hours": 48}), KIM)
    shop.calls(2, WORSE)
    assert (shop.served(), state(shop)) == ({OLD}, State.ROLLED_BACK)
    report = shop.rollouts.report("hybrid_3", KIM)
    assert report.findings[0].is_broken or report.findings[1].is_broken
    assert "guardrail broken: error" in report_lines(report)[0]
    assert report_lines(report)[1] in render_report(report)
    assert shop.audited()[-1] == ("bojagi rollout", "rollout.roll_back")


def test_a_rollback_tells_the_shares_of_its_stage(shop: RolloutShop) -> None:
    shop.rollouts.create(document(), KIM)
    shop.calls(2, SOUND)
    shop.rollouts.record(SUBJECT, OLD, 800, 8)
    shop.rollouts.record(SUBJECT, NEW, 200, 100)
    shop.passes(timedelta(minutes=20))
    shop.rollouts.flush()
    reason = "guardrail broken: error 50.00% against the old version's 1.00%"
    assert shop.rollouts.state()[0][0].reason == reason
    assert reason.partition(": ")[2] in report_lines(shop.rollouts.report("hybrid_3", KIM))[2]


def test_a_canary_keeps_its_customers_when_its_share_grows(shop: RolloutShop) -> None:
    def canary() -> set[str]:
        shop.seconds += 1
        return {one for one in CUSTOMERS if shop.rollouts.serving(SUBJECT, one) == Serving(NEW)}

    shop.rollouts.create(document(CANARY | {"hours": 1}, CANARY | {"share": 0.5}), KIM)
    first = canary()
    shop.calls(1, SOUND)
    assert first < canary()
    assert 0.15 < len(first) / len(CUSTOMERS) < 0.25


def test_a_canary_without_data_is_held_with_the_reason(shop: RolloutShop) -> None:
    shop.rollouts.create(document(CANARY), KIM)
    shop.calls(4, {OLD: 0.01, NEW: 0.0}, a_look=2)
    ((_, judgement),) = shop.rollouts.judge()
    assert (judgement.action, state(shop)) == (Action.HOLD, State.RUNNING)
    assert judgement.reason.startswith("too few calls")
    shop.passes(timedelta(days=2))
    ((_, judgement),) = shop.rollouts.judge()
    assert judgement.reason == "canary without data: no call of hybrid/3 in the last 24 hours"
    assert NEW in shop.served(), "nothing changes without data"
    shop.rollouts.create(document(CANARY), KIM, replaces=True)
    shop.passes(timedelta(hours=5))
    ((_, judgement),) = shop.rollouts.judge()
    assert (judgement.action, judgement.reason[:20]) == (Action.HOLD, "canary without data:")
    shop.rollouts.record(SUBJECT, NEW, 500)
    shop.rollouts.flush()
    ((_, judgement),) = shop.rollouts.judge()
    assert "popularity/1 to compare with" in judgement.reason


def test_slow_calls_and_fewer_clicks_break_their_guardrails(shop: RolloutShop) -> None:
    slow, click = {"name": "slow", "above_seconds": 0.5}, {"name": "click", "direction": "fall"}
    for name, guardrail in (("one", slow), ("two", click)):
        shop.rollouts.create(document(CANARY, name=name, guardrails=[ERRORS, guardrail]), KIM)
        for _ in range(6):
            for version, calls in ((OLD, 800), (NEW, 200)):
                is_bad = version == NEW
                times = [0.1] * (calls - 20 * (1 + is_bad)) + [0.6] * 20 * (1 + is_bad)
                clicks = calls // (20 if is_bad else 10)
                shop.rollouts.record(SUBJECT, version, calls, calls // 100, times, counts={"click": clicks})
            shop.passes(timedelta(minutes=11))
            shop.rollouts.flush()
        assert shop.rollouts.state()[-1][0].reason.startswith(f"guardrail broken: {guardrail['name']}")
        shop.rollouts.stop(name, "seen", KIM)


def test_differences_in_shadow_break_a_limit(shop: RolloutShop) -> None:
    shop.rollouts.create(document(SHADOW, CANARY, guardrails=[{"name": "difference", "limit": 0.3}]), KIM)
    for version, shadow in ((OLD, False), (NEW, True)):
        shop.rollouts.record(SUBJECT, version, 200, is_shadow=shadow, counts={"difference": 90 * shadow})
    shop.passes(timedelta(minutes=11))
    shop.rollouts.flush()
    assert state(shop) is State.ROLLED_BACK


def test_an_outage_of_both_versions_is_no_fault_of_the_new_one(shop: RolloutShop) -> None:
    shop.rollouts.create(document(CANARY | {"hours": 48}), KIM)
    shop.calls(1, {OLD: 0.4, NEW: 0.4})
    assert state(shop) is State.RUNNING


def test_a_version_in_doubt_is_held(shop: RolloutShop) -> None:
    shop.rollouts.create(document(CANARY | {"hours": 1}, BLUE_GREEN), KIM)
    for version, calls, errors in ((OLD, 800, 8), (NEW, 200, 9)):
        shop.rollouts.record(SUBJECT, version, calls, errors)
    shop.passes(timedelta(hours=1))
    shop.rollouts.flush()
    ((step, judgement),) = shop.rollouts.state()
    assert judgement is not None
    assert (step.stage, judgement.action) == (0, Action.HOLD)
    assert judgement.reason == "in doubt: error 4.50% against the old version's 1.00%"
    shop.rollouts.record(SUBJECT, OLD, 4000, 40)
    shop.rollouts.record(SUBJECT, NEW, 1000, 8)
    shop.passes(timedelta(minutes=11))
    shop.rollouts.flush()
    assert shop.rollouts.state()[0][0].stage == 1


def test_another_process_serves_the_rolled_back_version_within_a_second(shop: RolloutShop) -> None:
    shop.rollouts.create(document(BLUE_GREEN), KIM)
    other = shop.process()
    assert other.serving(SUBJECT, None) == Serving(NEW)
    shop.rollouts.stop("hybrid_3", "broken", KIM)
    assert other.serving(SUBJECT, None) == Serving(NEW)
    shop.seconds += FRESH_SECONDS
    assert other.serving(SUBJECT, None) == Serving(OLD)


def test_one_rollout_of_a_subject_runs_and_begins_with_what_is_served(shop: RolloutShop) -> None:
    shop.rollouts.create(document(BLUE_GREEN), KIM)
    with pytest.raises(RolloutStateError, match="already"):
        shop.rollouts.create(document(), KIM)
    with pytest.raises(RolloutStateError, match="'hybrid_3' of recommendation runs"):
        shop.rollouts.create(document(name="other", old=NEW, new="hybrid/4"), KIM)
    with pytest.raises(RolloutDefinitionError, match="served by hybrid/3 now"):
        shop.rollouts.create(document(), KIM, replaces=True)
    shop.rollouts.stop("hybrid_3", "broken", KIM)
    with pytest.raises(RolloutStateError, match="stopped already"):
        shop.rollouts.stop("hybrid_3", "again", KIM)
    shop.rollouts.create(document(name="other", new="hybrid/4"), KIM)
    with pytest.raises(RolloutStateError, match="'hybrid_3' is of recommendation"):
        shop.rollouts.create(document(subject="search"), KIM, replaces=True)
    with pytest.raises(UnknownRolloutError, match="hybrid_3"):
        shop.rollouts.stop("hybrid_33", "typo", KIM)


def test_a_later_rollout_decides_what_is_served(shop: RolloutShop) -> None:
    shop.rollouts.create(document(BLUE_GREEN), KIM)
    shop.calls(4, SOUND)
    shop.rollouts.create(document(CANARY, name="other", old=NEW, new="hybrid/4"), KIM)
    with pytest.raises(RolloutStateError, match="stop that one"):
        shop.rollouts.stop("hybrid_3", "late", KIM)
    assert shop.served() == {NEW, "hybrid/4"}


def test_an_experiment_and_a_rollout_have_different_names(shop: RolloutShop) -> None:
    variants = [{"name": name, "version": name, "share": 0.5} for name in ("one", "two")]
    whole = {"name": "hybrid_3", "purpose": "analytics", "start": START.date(), "variants": variants}
    with Experiments(shop.installation) as experiments:
        experiments.create(yaml.safe_dump(whole | {"metric": {"name": "spend"}}), Caller("kim", "analyst"))
    with pytest.raises(RolloutStateError, match="experiment"):
        shop.rollouts.create(document(), KIM)


def test_a_role_without_the_purpose_is_refused(shop: RolloutShop) -> None:
    lee = Caller("lee", "analyst")
    with pytest.raises(AccessRefused, match="may not create"):
        shop.rollouts.create(document(), lee)
    shop.rollouts.create(document(), KIM)
    with pytest.raises(AccessRefused, match="may not stop"):
        shop.rollouts.stop("hybrid_3", "seen", lee)
    with pytest.raises(AccessRefused, match="its purposes are analytics"):
        shop.rollouts.report("hybrid_3", lee)
    outcomes = [one.outcome for _, one in shop.installation.audit_log.entries()]
    assert outcomes == ["refused", "allowed", "refused", "refused"]
    with pytest.raises(RolloutDefinitionError, match="no purpose"):
        shop.rollouts.create(document(purpose="nothing"), KIM)


def test_a_worse_version_is_rolled_back_also_without_an_audit_log(
    shop: RolloutShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.rollouts.create(document(CANARY), KIM)
    shop.rollouts.record(SUBJECT, OLD, 800, 8)
    shop.rollouts.record(SUBJECT, NEW, 200, 100)

    def broken(log: AuditLog, entry: AuditEntry) -> None:
        raise AuditError("the disk is full")

    monkeypatch.setattr(AuditLog, "append", broken)
    shop.passes(timedelta(minutes=11))
    with pytest.raises(AuditError):
        shop.rollouts.flush()
    assert shop.served() == {OLD}
    with pytest.raises(AuditError):
        shop.rollouts.stop("hybrid_3", "seen", KIM)
    assert state(shop) is State.ROLLED_BACK


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("kind: [", "the file"),
        (document(old=NEW), "the document"),
        (document({"kind": "canary", "hours": 1}), "stages.0"),
        (document({"kind": "shadow", "hours": 1, "share": 0.1}), "stages.0"),
        (document(BLUE_GREEN, CANARY), "the document"),
        (document(guardrails=[{"name": "error"}]), "the document"),
        (document(guardrails=[{"name": "slow"}]), "guardrails.0"),
        (document(guardrails=[{"name": "difference"}]), "guardrails.0"),
        (document(guardrails=[{"name": "click", "most_ratio": None}]), "guardrails.0"),
        (document(guardrails=[ERRORS, ERRORS]), "the document"),
        (document(alpha=float("nan")), "alpha"),
    ],
)
def test_a_faulty_document_is_refused_with_its_place(tmp_path: Any, text: str, place: str) -> None:
    shop = RolloutShop(StorePlace(tmp_path, None))
    with pytest.raises(RolloutDefinitionError) as caught:
        shop.rollouts.create(text, KIM)
    assert caught.value.place == place
    shop.close()
