"""A customer changes what a site sends by at most the sensitivity for which the noise of the run is sized."""

from dataclasses import replace

import numpy as np
import pytest

from federated.glm import Glm
from federated.k_means import KMeans
from federated.network import Network
from federated.plan import Plan, Privacy
from federated.schema import SiteTable
from federated.task import PrivateTask, State
from federated.trees.boosting import BoostedTrees
from tests.federated.sites import SCHEMA, make_site

TASKS = [
    Glm("linear", is_private=True), Glm("logistic", is_private=True), Glm("poisson", is_private=True), KMeans(),
    Network(is_private=True), BoostedTrees(trees=2, depth=3, is_private=True),
]  # fmt: skip
CUSTOMERS = 25


def crowded_table(seed: int) -> SiteTable:
    """Return rows of which two customers have many, at the edge of the bounds."""
    rng = np.random.default_rng(seed)
    table = make_site(seed, 200).table
    customer = np.array([f"c{at}" for at in rng.integers(0, CUSTOMERS, 200)])
    customer[:60] = np.where(np.arange(60) % 2, "c0", "c1")
    features = table.features.copy()
    features[:60] = np.where(np.arange(60)[:, None] % 2, SCHEMA.upper, SCHEMA.lower)
    return replace(table, features=features, customer=customer)


def largest_change(plan: Plan, state: State, table: SiteTable, *, clipped: bool) -> float:
    """Return how much one customer changes the site's vector, as a multiple of the declared sensitivity."""
    task, codec = plan.task, plan.codec(state)
    assert isinstance(task, PrivateTask)

    def vector(data: SiteTable) -> np.ndarray:
        sums = task.contribute_each(state, data, plan.privacy.clip) if clipped else task.contribute(state, data)
        return codec.encode(sums)

    whole = vector(table)
    changes = [
        (whole - vector(table.take(table.customer != name))).view(np.int64).astype(float)
        for name in np.unique(table.customer)
    ]
    return max(float(np.linalg.norm(change)) for change in changes) / plan.noise(codec).sensitivity


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.name}-{getattr(task, 'family', '')}")
@pytest.mark.parametrize("clip", [0.3, 4.0])
def test_a_customer_changes_a_vector_by_at_most_the_declared_sensitivity(task: PrivateTask, clip: float) -> None:
    plan = Plan("run", task, SCHEMA, sites_min=3, sites_max=5, privacy=Privacy(clip, 1.0))
    table, state, unclipped = crowded_table(1), task.start(SCHEMA), 0.0
    for _ in range(6):
        assert largest_change(plan, state, table, clipped=True) <= 1.0
        unclipped = max(unclipped, largest_change(plan, state, table, clipped=False))
        state = task.update(state, task.contribute(state, crowded_table(2)), 1)
    # Negative control: without clipping a customer with many rows changes more.
    assert unclipped > 1.5
