"""A `FeatureShop` with items to recommend, and customers with candidates of two versions."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from features.experiment.service import Experiments
from features.experiment.store import Assigned
from features.policy.service import PolicyService
from features.policy.store import LoggedDecision
from features.recommend.context import CONTEXTS
from features.recommend.form import ITEM, ITEM_SCHEMA
from features.recommend.service import POLICY, SUBJECT, Recommendations
from features.retrieval.answer import Caller
from features.retrieval.reader import FeatureReader
from features.rollout.service import FILE as ROLLOUTS
from features.rollout.service import Rollouts
from features.rollout.store import RolloutStore
from features.store.online_store import ValueKind, ViewSchema, microseconds_of
from features.store.opening import open_online_store
from tests.features.retrieval.feature_shop import NOON, ZONE, FeatureShop

PERMITS, SILENT, WITHDREW, OBJECTED = "c_permits", "c_silent", "c_withdrew", "c_objected"
KIM = Caller("kim", "marketer")
NEWEST, FORMER = "hybrid/2", "hybrid/1"
ITEMS = ("milk", "bread", "tea", "cake", "salt")
CANDIDATES = ("milk", "tea", "cake", "salt", "own")
"""Candidates of each customer: of `own` only this customer knows, and `cake` and `salt` are new."""
SCORES = {NEWEST: (3.0, 2.0, 1.0, 0.0, -1.0), FORMER: (0.0, 1.0, 2.0, 3.0, -1.0)}
_CANDIDATE_VIEW = ViewSchema(
    "customer_recommendation",
    (
        ("versions", ValueKind.STRING_LIST), ("item_ids", ValueKind.STRING_LIST), ("is_new", ValueKind.INT64_LIST),
        ("scores", ValueKind.FLOAT64_LIST), ("reasons", ValueKind.STRING_LIST),
    ),
)  # fmt: skip
_PURCHASE_VIEW = ViewSchema(
    "customer_purchase_window",
    (
        ("order_count_90d", ValueKind.INT64), ("discount_share_90d", ValueKind.FLOAT64),
        ("new_product_share_90d", ValueKind.FLOAT64), ("mean_basket_value_90d", ValueKind.FLOAT64),
    ),
)  # fmt: skip


class RecommendShop(FeatureShop):
    """The shop; one customer permits personalisation, one never said, one withdrew, one objected. All have a row."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.installation.lakehouse.overwrite_rows(ITEM, _items())
        self.state(PERMITS, "given")
        self.state(WITHDREW, "given")
        self.state(WITHDREW, "withdrawn", at=NOON - timedelta(days=8))
        self.state(OBJECTED, "given")
        self.state(OBJECTED, "objected", "*", at=NOON - timedelta(days=8))
        self.candidates((PERMITS, SILENT, WITHDREW, OBJECTED))

    def recommendations(self, reader: FeatureReader) -> Recommendations:
        """Return the service."""
        return Recommendations(self.installation, reader)

    def candidates(self, customers: Iterable[str], at: datetime = NOON) -> None:
        """Store candidates of customers, as they were at a wall time."""
        names, at_us = list(customers), microseconds_of(at.replace(tzinfo=ZONE))
        scores = [one for version in (NEWEST, FORMER) for one in SCORES[version]]
        is_new = [int(one in ("cake", "salt")) for one in CANDIDATES]
        reasons = ["bought_lately,is_due", "bought_this_year", "next_purchases", "first_purchases", ""]
        row = [[NEWEST, FORMER], list(CANDIDATES), is_new, scores, reasons]
        with closing(open_online_store(self.installation, verify=False)) as online:
            online.write(_CANDIDATE_VIEW, names, [at_us] * len(names), [list(row) for _ in names])
            online.write(_PURCHASE_VIEW, names, [at_us] * len(names), [[12, 0.25, None, 30.5] for _ in names])

    def permit(self, count: int) -> list[str]:
        """Add customers who permit personalisation and have candidates; return their ids."""
        names = [f"c_{number:030d}" for number in range(count)]
        for one in names:
            self.state(one, "given")
        self.candidates(names)
        return names

    def experiment(self, **changes: Any) -> None:
        """Begin an experiment of two versions half and half."""
        variants = [{"name": "old", "version": FORMER, "share": 0.5}, {"name": "new", "version": NEWEST, "share": 0.5}]
        whole = {
            "name": "list", "purpose": "personalisation", "subject": SUBJECT, "start": NOON.date(),
            "variants": variants, "metric": {"name": "click"},
        }  # fmt: skip
        with closing(Experiments(self.installation)) as experiments:
            experiments.create(yaml.safe_dump(whole | changes), KIM)

    def rollout(self, *stages: dict[str, Any], new: str = NEWEST) -> None:
        """Begin a rollout from the former version to a new one."""
        whole = {
            "kind": "rollout", "name": "hybrid", "purpose": "personalisation", "subject": SUBJECT, "old": FORMER,
            "new": new, "guardrails": [{"name": "error", "limit": 0.05}], "stages": list(stages),
        }  # fmt: skip
        with closing(Rollouts(self.installation)) as rollouts:
            rollouts.create(yaml.safe_dump(whole), KIM)

    def policy(self, **changes: Any) -> None:
        """Create the policy that chooses between two objectives."""
        whole = {
            "name": POLICY, "purpose": "personalisation", "arms": ["thrifty", "discovery"],
            "context": ["order_count_90d", "new_product_share_90d", "hour"],
        }  # fmt: skip
        with closing(PolicyService(self.installation)) as policies:
            policies.create(yaml.safe_dump(whole | changes), "kim")

    def assignments(self) -> list[Assigned]:
        """Return the stored assignments of the experiment."""
        with closing(Experiments(self.installation)) as experiments, experiments.store() as store:
            return list(store.assignments("list")) if store.names() else []

    def decisions(self) -> list[LoggedDecision]:
        """Return the logged decisions of the policy."""
        with closing(PolicyService(self.installation)) as policies, policies.store() as store:
            return list(store.decisions(POLICY, self.installation.clock() + timedelta(days=1))) if store.names() else []

    def counts(self, service: Recommendations) -> dict[tuple[str, bool, str], int]:
        """Return what was counted of the rollout: by version, whether in shadow, and name."""
        service.close()
        with closing(RolloutStore(self.installation.settings.data_dir / ROLLOUTS)) as store:
            found: dict[tuple[str, bool, str], int] = {}
            for step in store.newest():
                for (_, version, is_shadow, name), number in store.counts(step.attempt).items():
                    found[version, is_shadow, name] = found.get((version, is_shadow, name), 0) + number
        return found

    def audited(self, outcome: str = "allowed") -> list[tuple[str, int | None]]:
        """Return table and number of customers of each retrieval in the audit log."""
        entries = (one for _, one in self.installation.audit_log.entries() if one.action == "retrieve")
        return [(one.table, one.subjects) for one in entries if one.outcome == outcome]


def _items() -> pa.Table:
    popularity = dict(zip(ITEMS, (0.5, 0.4, 0.3, 0.2, 0.1), strict=True))
    traits = {"cake": (4.0, 0.0), "salt": (0.0, 3.0)}
    evening = [0.0] * CONTEXTS.index("weekend_evening") + [9.0]
    return pa.Table.from_pylist([
        {
            "item_id": one, "product_type": one.upper(), "product_category": "FOOD",
            "price": None if one == "salt" else 2.499, "price_trait": traits.get(one, (0.0, 0.0))[0],
            "quality_trait": traits.get(one, (0.0, 0.0))[1], "convenience_trait": 0.0, "popularity": popularity[one],
            "context_lifts": evening if one == "tea" else None, "as_of": date(2026, 5, 3),
        }
        for one in ITEMS
    ], ITEM_SCHEMA)  # fmt: skip
