"""A `FeatureShop` with a policy of two arms and one number of context."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import numpy as np
import yaml

from features.policy.service import PolicyService
from features.policy.store import LoggedDecision
from privacy.consent.record import ConsentRecord
from privacy.consent.state import State
from tests.features.retrieval.feature_shop import FeatureShop

PURPOSE = "personalisation"
EVERYBODY = [f"c_{number:030d}" for number in range(600)]


def document(**changes: object) -> str:
    """Return a definition as YAML."""
    whole: dict[str, object] = {
        "name": "objective", "purpose": PURPOSE, "arms": ["relevance", "thrifty"], "context": ["price_sensitivity"],
        "least_propensity": 0.05,
    }  # fmt: skip
    return yaml.safe_dump(whole | changes)


class PolicyShop(FeatureShop):
    """The shop; everybody permits the purpose, and the policy is created."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.policies = PolicyService(self.installation, random=np.random.default_rng(3).random)
        self.permit(EVERYBODY, State.GIVEN)
        self.policies.create(document(), "kim")

    def close(self) -> None:
        """Close the policies and the installation."""
        self.policies.close()
        super().close()

    def permit(self, customers: Iterable[str], state: State, purpose: str = PURPOSE, days_ago: float = 9) -> None:
        """Record a state of a purpose for customers."""
        at = self.moment - timedelta(days=days_ago)
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
