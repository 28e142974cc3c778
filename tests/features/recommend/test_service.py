"""Lists by consent, version and objective, on the real stores of an installation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from features.experiment.assignment import point_of
from features.policy.errors import ContextError
from features.recommend.errors import PolicyMismatchError, UnknownContextError, UnknownObjectiveError
from features.recommend.service import NO_CUSTOMER, NO_DATA, POPULAR, RecommendationList, Recommendations, Wanted
from features.retrieval.answer import Caller, Reason
from features.retrieval.customer_consent import CustomerConsent
from features.retrieval.reader import FeatureReader
from features.rollout.definition import CALLS, DIFFERENCE, ERROR
from features.store.online_store import OnlineStore
from pipelines.orchestration.rights_registry import subject_stores
from privacy.access.errors import AccessRefused
from privacy.rights.subject import Subject
from tests.features.recommend.recommend_shop import (
    FORMER,
    ITEMS,
    NEWEST,
    OBJECTED,
    PERMITS,
    SILENT,
    WITHDREW,
    RecommendShop,
)
from tests.features.retrieval.feature_shop import AGENT, NOON

SERVICE = "service/recommended_list"
SHADOW, SWITCH = {"kind": "shadow", "hours": 2}, {"kind": "blue_green", "hours": 4}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[RecommendShop]:
    with closing(RecommendShop(tmp_path)) as opened:
        yield opened


@pytest.fixture
def reader(shop: RecommendShop) -> Iterator[FeatureReader]:
    with shop.open() as opened:
        yield opened


@pytest.fixture
def service(shop: RecommendShop, reader: FeatureReader) -> Iterator[Recommendations]:
    with closing(shop.recommendations(reader)) as opened:
        yield opened


def asked(service: Recommendations, customer: str | None = PERMITS, **fields: Any) -> RecommendationList:
    return service.recommend(Wanted(customer, **fields), AGENT)


def names(found: RecommendationList) -> list[str]:
    return [one.item for one in found.items]


def test_who_permits_it_gets_a_personal_list_and_the_read_is_logged(
    shop: RecommendShop, service: Recommendations
) -> None:
    found = asked(service)
    assert (found.is_personal, found.not_personal, found.version) == (True, None, NEWEST)
    assert (found.objective, found.decision, found.context) == ("relevance", None, "workday_midday")
    assert names(found) == ["milk", "tea", "cake", "salt", "own"]
    milk, *_, salt, own = found.items
    assert (milk.price, milk.product_type, milk.is_new) == (2.5, "MILK", False)
    assert milk.reasons == ("bought_lately", "is_due")
    assert (salt.price, salt.is_new) == (None, True)
    assert (own.product_type, own.price, own.reasons) == (None, None, ()), "few buy it: nothing of it is told"
    assert shop.audited() == [(SERVICE, 1)]


def test_objective_context_and_count_change_the_list(service: Recommendations) -> None:
    assert names(asked(service, count=2)) == ["milk", "tea"]
    assert names(asked(service, context="weekend_evening"))[0] == "tea"
    cheap = asked(service, objective="thrifty", count=2)
    assert (names(cheap), cheap.objective) == (["milk", "cake"], "thrifty")
    assert cheap.items[1].reasons == ("next_purchases", "low_price")
    assert names(asked(service, objective="discovery", count=3)) == ["milk", "cake", "salt"]
    assert "time_of_day" in asked(service, context="weekend_evening").items[0].reasons


def test_a_list_for_anybody_is_by_popularity_objective_and_context(
    shop: RecommendShop, service: Recommendations
) -> None:
    found = asked(service, None)
    assert (names(found), found.is_personal, found.not_personal) == (list(ITEMS), False, NO_CUSTOMER)
    assert (found.version, {one.is_new for one in found.items}) == (POPULAR, {None})
    assert names(asked(service, None, objective="thrifty", count=1)) == ["cake"]
    assert names(asked(service, None, context="weekend_evening", count=1)) == ["tea"]
    assert shop.audited() == []


class Traces:
    """What a list leaves behind: reads of the online store, entries, assignments, decisions, and what it says."""

    def __init__(self, shop: RecommendShop, service: Recommendations, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop, self.service, self.read = shop, service, set[str]()
        kind = type(service._features._store)
        select = kind.select

        def remember(store: OnlineStore, customers: Any, columns: Any) -> Any:
            self.read |= set(customers)
            return select(store, customers, columns)

        monkeypatch.setattr(kind, "select", remember)

    def of(self, customer: str) -> set[str]:
        """Return the kinds of traces of a customer."""
        before = len(self.shop.audited())
        found = asked(self.service, customer)
        everybody = asked(self.service, None)
        traces = {
            "personal": replace(found, not_personal=None) != replace(everybody, not_personal=None),
            "read": customer in self.read,
            "entry": len(self.shop.audited()) > before,
            "assignment": customer in {one.customer_id for one in self.shop.assignments()},
            "decision": customer in {one.customer_id for one in self.shop.decisions()},
        }
        return {name for name, is_left in traces.items() if is_left}


ALL_TRACES = {"personal", "read", "entry", "assignment", "decision"}
REFUSING = (SILENT, WITHDREW, OBJECTED, "c_unknown", "")


@pytest.fixture
def traces(shop: RecommendShop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traces]:
    shop.experiment()
    shop.policy()
    with shop.open() as reader, closing(shop.recommendations(reader)) as service:
        yield Traces(shop, service, monkeypatch)


def test_without_consent_a_list_leaves_no_trace_and_is_that_of_everybody(traces: Traces) -> None:
    assert [traces.of(one) for one in REFUSING] == [set()] * len(REFUSING)
    assert traces.of(PERMITS) == ALL_TRACES


def test_a_broken_check_of_consent_is_found(traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FeatureReader, "permits", lambda *_: True)
    assert traces.of(WITHDREW) == {"entry"}, "the retrieval asks once more"
    monkeypatch.setattr(CustomerConsent, "denials", lambda _, customers, *__: [None] * len(customers))
    assert traces.of(WITHDREW) == ALL_TRACES


def test_a_withdrawal_counts_in_the_next_list_and_ends_rewards(traces: Traces) -> None:
    shop = traces.shop
    found = asked(traces.service)
    assert found.is_personal
    assert found.decision is not None
    shop.state(PERMITS, "withdrawn", at=NOON)
    entries, decisions = len(shop.audited()), len(shop.decisions())
    later = asked(traces.service)
    assert (later.is_personal, later.not_personal) == (False, Reason.NO_CONSENT)
    assert (len(shop.audited()), len(shop.decisions())) == (entries, decisions)
    # As another process would: this one looks for withdrawals twenty times a second before it stores a reward.
    with shop.open() as reader, closing(shop.recommendations(reader)) as other:
        assert not other.reward(found.decision, 1.0, AGENT)


def test_a_customer_without_a_row_or_with_an_old_one_gets_the_list_of_everybody(
    shop: RecommendShop, service: Recommendations
) -> None:
    shop.state("c_without", "given")
    shop.state("c_old", "given")
    shop.candidates(["c_old"], at=NOON - timedelta(hours=73))
    for customer, why in (("c_without", NO_DATA), ("c_old", Reason.STALE)):
        found = asked(service, customer)
        assert (found.is_personal, found.not_personal, found.version) == (False, why, POPULAR)


def test_unknown_names_are_refused_with_a_near_one(shop: RecommendShop, service: Recommendations) -> None:
    with pytest.raises(UnknownObjectiveError, match="Did you mean thrifty"):
        asked(service, objective="trifty")
    with pytest.raises(UnknownContextError, match="Did you mean weekend_evening"):
        asked(service, context="weekend_evenin")
    assert shop.audited() == []


@pytest.mark.parametrize("caller", [Caller("kim", "support"), Caller("kim", "agent", frozenset({"service_delivery"}))])
def test_a_caller_without_the_purpose_is_refused_before_consent_is_looked_at(
    shop: RecommendShop, service: Recommendations, monkeypatch: pytest.MonkeyPatch, caller: Caller
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(FeatureReader, "permits", lambda _, customer, __: looked.append(customer) or True)
    for customer in (PERMITS, WITHDREW, "c_unknown"):
        with pytest.raises(AccessRefused):
            service.recommend(Wanted(customer), caller)
        with pytest.raises(AccessRefused):
            service.explain(Wanted(customer), caller)
    with pytest.raises(AccessRefused):
        service.reward("d_unknown", 1.0, caller)
    assert not looked
    assert shop.audited("refused") == [(SERVICE, None)] * 7
    assert shop.audited() == []


def test_an_experiment_chooses_the_version_and_each_customer_stays_with_it(shop: RecommendShop) -> None:
    customers = shop.permit(40)
    shop.experiment()
    found = []
    for _ in range(2):
        with shop.open() as reader, closing(shop.recommendations(reader)) as service:
            found.append([asked(service, one).version for one in customers])
    assert found[0] == found[1]
    assert set(found[0]) == {FORMER, NEWEST}
    stored = {one.customer_id: one.variant for one in shop.assignments()}
    assert [{"old": FORMER, "new": NEWEST}[stored[one]] for one in customers] == found[0]


def test_the_versions_score_differently(shop: RecommendShop) -> None:
    customers = shop.permit(20)
    shop.experiment()
    with shop.open() as reader, closing(shop.recommendations(reader)) as service:
        lists = {found.version: names(found)[:4] for one in customers if (found := asked(service, one))}
    assert lists == {NEWEST: ["milk", "tea", "cake", "salt"], FORMER: ["salt", "cake", "tea", "milk"]}


def test_popularity_can_be_a_variant(shop: RecommendShop) -> None:
    customers = shop.permit(20)
    variants = [
        {"name": "old", "version": POPULAR, "share": 0.5}, {"name": "new", "version": NEWEST, "share": 0.5}
    ]  # fmt: skip
    shop.experiment(variants=variants)
    shop.policy()
    with shop.open() as reader, closing(shop.recommendations(reader)) as service:
        found = {one: asked(service, one) for one in customers}
    popular = {one: answer for one, answer in found.items() if answer.version == POPULAR}
    assert 0 < len(popular) < len(found)
    for answer in popular.values():
        assert (names(answer), answer.is_personal, answer.not_personal) == (list(ITEMS), False, None)
        assert answer.decision is None, "the list is made without the customer's objective"
    assert {one.customer_id for one in shop.decisions()} == found.keys() - popular.keys()


def test_a_stopped_experiment_and_one_of_another_subject_choose_nothing(shop: RecommendShop) -> None:
    shop.experiment(subject="search")
    with shop.open() as reader, closing(shop.recommendations(reader)) as service:
        assert {asked(service, one).version for one in shop.permit(10)} == {NEWEST}
    assert not shop.assignments()


def test_in_shadow_the_old_version_serves_and_differences_are_counted(shop: RecommendShop) -> None:
    shop.rollout(SHADOW, SWITCH)
    *three, fourth = shop.permit(4)
    with shop.open() as reader, closing(shop.recommendations(reader)) as service:
        # A customer who asks again counts once.
        assert {asked(service, one).version for one in (*three, *three)} == {FORMER}
        assert asked(service, SILENT).version == POPULAR
        assert asked(service, fourth, count=5, objective="discovery").version == FORMER
        counts = shop.counts(service)
    assert counts[FORMER, False, CALLS] == counts[NEWEST, True, CALLS] == counts[NEWEST, True, DIFFERENCE] == 4
    assert (NEWEST, False, CALLS) not in counts
    assert (NEWEST, True, ERROR) not in counts


def test_equal_lists_in_shadow_are_no_difference(shop: RecommendShop) -> None:
    shop.rollout(SHADOW, SWITCH, new="hybrid/3")
    with shop.open() as reader, closing(shop.recommendations(reader)) as service:
        found = asked(service)
        counts = shop.counts(service)
    assert found.version == FORMER
    assert not any(is_shadow for _, is_shadow, _ in counts), "no candidate has a score of the new version yet"


def test_a_fault_in_shadow_is_counted_and_does_not_reach_the_customer(
    shop: RecommendShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.rollout(SHADOW, SWITCH)
    listed = Recommendations._listed

    def failing(self: Recommendations, wanted: Any, found: Any, version: str, *others: Any) -> Any:
        if version == NEWEST:
            raise ZeroDivisionError
        return listed(self, wanted, found, version, *others)

    monkeypatch.setattr(Recommendations, "_listed", failing)
    with shop.open() as reader, closing(shop.recommendations(reader)) as service:
        assert len(asked(service).items) == 5
        counts = shop.counts(service)
    assert counts[NEWEST, True, ERROR] == counts[NEWEST, True, CALLS] == 1


def test_a_canary_serves_its_share_of_the_customers(shop: RecommendShop) -> None:
    customers = shop.permit(30)
    shop.rollout({"kind": "canary", "share": 0.4, "hours": 2}, SWITCH)
    with shop.open() as reader, closing(shop.recommendations(reader)) as service:
        versions = [asked(service, one).version for one in customers]
        counts = shop.counts(service)
    assert versions == [NEWEST if point_of("hybrid", one) < 0.4 else FORMER for one in customers]
    assert {v: counts[v, False, CALLS] for v in (FORMER, NEWEST)} == dict(Counter(versions))


def test_an_unknown_version_falls_back_to_the_newest_and_counts_as_an_error(shop: RecommendShop) -> None:
    shop.rollout(SWITCH, new="hybrid/9")
    with shop.open() as reader, closing(shop.recommendations(reader)) as service:
        found = asked(service)
        counts = shop.counts(service)
    assert (found.version, found.is_personal) == (NEWEST, True)
    assert counts["hybrid/9", False, CALLS] == counts["hybrid/9", False, ERROR] == 1


def test_the_policy_chooses_the_objective_and_its_decision_is_rewarded_once(shop: RecommendShop) -> None:
    shop.policy()
    with shop.open() as reader, closing(shop.recommendations(reader)) as service:
        found = [asked(service) for _ in range(12)]
        assert {one.objective for one in found} == {"thrifty", "discovery"}
        (first, *_), chosen = found, asked(service, objective="quality")
        assert (chosen.objective, chosen.decision) == ("quality", None)
        assert first.decision is not None
        stored = [service.reward(one, 1.0, AGENT) for one in (first.decision, first.decision, "d_unknown")]
        assert stored == [True, False, False]
        with pytest.raises(ContextError):
            service.reward(first.decision, float("nan"), AGENT)
    logged = {one.decision_id: one for one in shop.decisions()}
    assert {one.decision: one.objective for one in found} == {key: one.arm for key, one in logged.items()}
    assert all((one.propensities, one.context) == ([0.5, 0.5], [12.0, 0.0, 12.0]) for one in logged.values())
    assert {key: one.reward for key, one in logged.items() if one.reward is not None} == {first.decision: 1.0}


@pytest.mark.parametrize("changes", [{"arms": ["thrifty", "luxury"]}, {"context": ["age"]}])
def test_a_policy_that_does_not_fit_is_named_and_logs_no_decision(shop: RecommendShop, changes: Any) -> None:
    shop.policy(**changes)
    with shop.open() as reader, closing(shop.recommendations(reader)) as service:
        with pytest.raises(PolicyMismatchError, match=r"'luxury'|'age'"):
            asked(service)
        assert asked(service, objective="thrifty").is_personal
    assert not shop.decisions()


def test_an_erasure_removes_the_persons_decisions_and_assignment(shop: RecommendShop) -> None:
    (other,) = shop.permit(1)
    shop.experiment()
    shop.policy()
    with shop.open() as reader, closing(shop.recommendations(reader)) as service:
        for one in (PERMITS, other):
            assert asked(service, one).decision is not None
    person = Subject("s_1", customer_ids=(PERMITS,))
    stores = [one for one in subject_stores(shop.installation) if one.name in ("experiments", "policies")]
    assert [len(list(one.find(person))) for one in stores] == [1, 1]
    for store in stores:
        store.erase([person])
        assert store.verify([person]).is_clean
    left = {one.customer_id for one in (*shop.decisions(), *shop.assignments())}
    assert left == {other}


def test_an_explanation_records_nothing_but_the_read(shop: RecommendShop) -> None:
    shop.experiment()
    shop.policy()
    with shop.open() as reader, closing(shop.recommendations(reader)) as service:
        found = service.explain(Wanted(PERMITS), AGENT)
        assert not service.explain(Wanted(SILENT), AGENT).is_personal
    assert (found.version, found.objective, found.decision) == (NEWEST, "relevance", None)
    assert (shop.assignments(), shop.decisions()) == ([], [])
    assert shop.audited() == [(SERVICE, 1)]


def test_an_explanation_is_not_counted_in_a_rollout(shop: RecommendShop) -> None:
    shop.rollout(SHADOW, SWITCH)
    with shop.open() as reader, closing(shop.recommendations(reader)) as service:
        assert service.explain(Wanted(PERMITS), AGENT).version == NEWEST
        assert shop.counts(service) == {}
