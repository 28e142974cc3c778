"""A shop with an experiment and four hundred customers who permit it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import yaml

from features.experiment.service import Experiments
from features.experiment.store import Outcome
from features.retrieval.answer import Caller
from privacy.consent.record import ConsentRecord
from privacy.consent.state import State
from tests.features.retrieval.feature_shop import NOON, FeatureShop

PURPOSE, ANALYST = "analytics", Caller("kim", "analyst")
EVERYBODY = [f"c_{number:030d}" for number in range(400)]
TWO = [{"name": "control", "version": "popular/1", "share": 0.5}, {"name": "new", "version": "hybrid/1", "share": 0.5}]


def document(**changes: object) -> str:
    """Return a definition that started a week before the shop's noon."""
    whole: dict[str, object] = {
        "name": "basket", "purpose": PURPOSE, "start": NOON.date() - timedelta(7), "variants": TWO,
        "metric": {"name": "spend", "before": "spend_before"}, "least_customers": 50, "planned_customers": 400,
        "guardrails": [{"name": "error", "most_increase": 0.02}],
    }  # fmt: skip
    return yaml.safe_dump(whole | changes)


class ExperimentShop(FeatureShop):
    """A `FeatureShop` with experiments."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.experiments = Experiments(self.installation)

    def close(self) -> None:
        """Close the experiments and the installation."""
        self.experiments.close()
        super().close()

    def state(self, customers: Iterable[str], state: State, at: datetime = NOON - timedelta(days=9)) -> None:
        """Record a state of the purpose for customers."""
        self.consents.append([
            ConsentRecord(
                record_id=f"r_{one}_{state.value}", subject_id=one, controller="Bojagi Mart", purpose=PURPOSE,
                notice_version="1", notice_language="ko", jurisdiction="KR", method="web_form", state=state,
                effective_at=at, recorded_at=at, age_years=40, evidence_hash="0" * 64, asked="separately",
            )
            for one in customers
        ])  # fmt: skip

    def outcome(self, values: dict[str, float], metric: str = "spend", at: datetime | None = None) -> int:
        """Record one figure a customer."""
        moment = at or self.installation.clock()
        return self.experiments.record("basket", [Outcome(one, metric, moment, v) for one, v in values.items()])


def figures(shop: ExperimentShop, raised: float) -> dict[str, float]:
    """Return figures around 10 with a raised treatment."""
    rng = np.random.default_rng(7)
    variants = shop.experiments.assign("basket", EVERYBODY)
    noise = rng.normal(10, 1, len(EVERYBODY))
    return {one: float(x) + raised * (v == "new") for one, v, x in zip(EVERYBODY, variants, noise, strict=True)}
