"""An installation whose clock a test moves, with a rollout and customers who call it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import yaml

from features.retrieval.answer import Caller
from features.rollout.judgement import LATE, LOOK
from features.rollout.service import Rollouts
from installation.installation import Installation
from installation.settings import load_settings
from tests.store_place import StorePlace

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
KIM = Caller("kim", "marketer")
SUBJECT, OLD, NEW = "recommendation", "popularity/1", "hybrid/3"
CUSTOMERS = [f"c_{number:030d}" for number in range(2000)]
SHADOW, CANARY = {"kind": "shadow", "hours": 2}, {"kind": "canary", "share": 0.2, "hours": 4}
BLUE_GREEN = {"kind": "blue_green", "hours": 4}
ERRORS = {"name": "error", "limit": 0.05}


def document(*stages: dict[str, Any], **changes: Any) -> str:
    """Return a definition; without stages it has all three kinds."""
    whole = {
        "kind": "rollout", "name": "hybrid_3", "purpose": "personalisation", "subject": SUBJECT, "old": OLD, "new": NEW,
        "guardrails": [ERRORS], "stages": list(stages or (SHADOW, CANARY, BLUE_GREEN)), "least_calls": 100,
    }  # fmt: skip
    return yaml.safe_dump(whole | changes)


class RolloutShop:
    """An installation in a place. `moment` is its clock, and `seconds` the time since the start of its processes."""

    def __init__(self, place: StorePlace) -> None:
        self.moment, self.seconds = START, 0.0
        self.installation = Installation(load_settings(data_dir=place.folder / "data"), clock=lambda: self.moment)
        if place.server is not None:
            self.installation.__dict__["server"] = place.server
        self.rollouts = self.process()

    def process(self) -> Rollouts:
        """Return the rollouts as another process opens them."""
        return Rollouts(self.installation, lambda: self.seconds)

    def passes(self, passed: timedelta) -> None:
        """Let time pass."""
        self.moment += passed
        self.seconds += passed.total_seconds()

    def served(self) -> set[str]:
        """Return the versions that serve the customers in a process that begins now."""
        process = self.process()
        found = (process.serving(SUBJECT, one) for one in CUSTOMERS)
        return {one.version for one in found if one is not None}

    def calls(self, hours: float, rates: dict[str, float], a_look: int = 120, seed: int = 1) -> None:
        """Let customers call, with a share of failed calls by version; each look is judged when it is over."""
        rng = np.random.default_rng(seed)
        for _ in range(round(hours * 3600 / LOOK.total_seconds())):
            for customer in rng.choice(CUSTOMERS, a_look):
                serving = self.rollouts.serving(SUBJECT, customer)
                assert serving is not None
                for version in filter(None, (serving.version, serving.shadow_version)):
                    fails = int(rng.random() < rates[version])
                    self.rollouts.record(SUBJECT, version, 1, fails, is_shadow=version == serving.shadow_version)
            self.passes(LOOK + LATE)
            self.rollouts.flush()
            self.passes(-LATE)

    def audited(self) -> list[tuple[str, str]]:
        """Return the user and action of each audit entry."""
        return [(one.who, one.action) for _, one in self.installation.audit_log.entries()]

    def close(self) -> None:
        """Close the installation."""
        self.rollouts.close()
        if self.installation.__dict__.get("server") is not None:
            del self.installation.__dict__["server"]
        self.installation.close()
