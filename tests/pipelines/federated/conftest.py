"""An installation with 80 customers in four regions, and declarations of models for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.federated.service import FederatedService
from pipelines.release.declaration import load_releases
from tests.features.repo.training_market import SPEC, TrainingMarket, random_orders

GROUPS = {"east": ["강원도"], "north": ["경기도"], "south": ["부산광역시"], "west": ["광주광역시", "대전광역시"]}
NOISE = {"rho": 0.5, "clip": 5.0}
Declare = Callable[..., FederatedService]


@pytest.fixture
def market(tmp_path: Path) -> Iterator[TrainingMarket]:
    opened = TrainingMarket(tmp_path / "data", random_orders(5, customers=80, regulars=0.3))
    yield opened
    opened.installation.close()


@pytest.fixture
def declare(market: TrainingMarket, tmp_path: Path) -> Declare:
    """What declares the model `next_order`, with changes, and returns the service of the installation."""
    folder = tmp_path / "declared"
    folder.mkdir()

    def write(**changes: Any) -> FederatedService:
        form = {
            "kind": "model", "title": "Customers who order", "purpose": "model_training",
            "training": SPEC.model_dump(mode="json"), "held_share": 0.3, "rounds": 12,
            "sites": {"table": "gold/customer_location", "column": "sido", "groups": GROUPS},
            "task": {"task": "glm", "family": "logistic"},
        }  # fmt: skip
        (folder / "next_order.yaml").write_text(yaml.safe_dump(form | changes, allow_unicode=True), "utf-8")
        load_releases.cache_clear()
        return FederatedService(market.installation, "tester", folder)

    return write
