"""Clipping per customer, and the size of noise that a plan declares for it."""

from dataclasses import replace

import numpy as np
import pytest

from federated.clipping import clipped_sum
from federated.errors import BadSetting
from federated.glm import Glm
from federated.plan import Plan, Privacy
from tests.federated.sites import SCHEMA

PLAN = Plan("churn", Glm("logistic", is_private=True), SCHEMA, sites_min=4, privacy=Privacy(2.0, 5.0))


def test_noise_grows_with_the_sites_of_a_customer_and_with_colluders() -> None:
    def sigma(is_secure: bool = True, **changed: int) -> float:
        plan = replace(PLAN, is_secure=is_secure, privacy=replace(PLAN.privacy, **changed))
        return plan.noise(plan.codec(plan.task.start(plan.schema))).sigma_of_share

    assert sigma(sites_of_customer=3) == pytest.approx(3 * sigma(), rel=1e-6)
    assert sigma(colluders=3) == pytest.approx(2 * sigma(), rel=1e-6)
    # Unmasked, the noise of a site stands alone.
    assert sigma(is_secure=False) == pytest.approx(2 * sigma(), rel=1e-6)
    with pytest.raises(BadSetting, match="`sites_of_customer` must be"):
        Privacy(1.0, 1.0, sites_of_customer=0)


@pytest.mark.parametrize("seed", range(5))
def test_a_customer_changes_the_clipped_sum_by_at_most_the_clip(seed: int) -> None:
    rng = np.random.default_rng(seed)
    customer = rng.integers(0, 30, 200)
    values = rng.normal(size=(200, 6)) * rng.choice([1e-3, 1.0, 1e6], (200, 1))
    clip = float(rng.choice([0.01, 1.0, 7.3]))

    def total(kept: np.ndarray) -> np.ndarray:
        return clipped_sum(lambda part: values[kept][part], customer[kept], 6, clip)

    everyone = total(np.arange(200))
    shuffled = total(rng.permutation(200))
    changes = [np.linalg.norm(everyone - total(np.flatnonzero(customer != one))) for one in range(30)]
    assert max(changes) <= clip * (1 + 1e-9)
    # Negative control: rows clipped one by one let a customer with many rows change more.
    by_row = [
        np.linalg.norm(clipped_sum(lambda part, rows=rows: values[rows][part], rows, 6, clip))
        for rows in (np.flatnonzero(customer == one) for one in range(30))
    ]
    assert max(by_row) > clip
    # Sums of whole steps do not depend on the order of rows, up to the rounding inside one customer's rows.
    assert np.abs(everyone - shuffled).max() <= 30 * clip * 2.0**-28
