"""Runs with differential privacy: what a site sends, what it debits, and what a customer can change."""

from dataclasses import replace

import numpy as np
import pytest

from federated.clipping import clipped_sum
from federated.errors import BadSetting, SiteRefused
from federated.fixed_point import FixedPoint
from federated.glm import Glm
from federated.local_run import run_local
from federated.plan import Plan, Privacy
from federated.private_sum import cost_of_run, noise_terms, private_vector
from tests.federated.sites import OPEN, SCHEMA, MemorySite, make_sites

TASK = Glm("logistic", is_private=True)
PLAN = Plan("churn", TASK, SCHEMA, sites_min=4, sites_max=5, rounds_max=3, privacy=Privacy(2.0, 5.0))


def codec_of(plan: Plan) -> FixedPoint:
    return plan.codec(plan.task.start(plan.schema))


def test_every_site_debits_each_round_before_its_sums_leave() -> None:
    sites = make_sites(5)
    outcome = run_local(PLAN, sites)
    rho = noise_terms(PLAN, codec_of(PLAN)).rho(codec_of(PLAN).size)
    assert rho == pytest.approx(1 / (2 * 5.0**2), rel=1e-6)
    assert len(outcome.history) == 3
    assert all(site.debits == [("churn", number, rho) for number in range(3)] for site in sites)
    assert cost_of_run(PLAN, 3, 1e-6).rho == pytest.approx(3 * rho)


def test_a_site_whose_ledger_refuses_drops_out_and_sends_nothing() -> None:
    class SpentSite(MemorySite):
        def debit(self, run: str, round_number: int, rho: float) -> None:
            raise SiteRefused("The budget is spent.")

    sites = make_sites(5)
    spent = SpentSite(sites[0].name, sites[0].table)
    outcome = run_local(replace(PLAN, rounds_max=1), [spent, *sites[1:]])
    assert outcome.history[0]["sites"] == [site.name for site in sites[1:]]
    assert "budget is spent" in outcome.history[0]["left_out"][spent.name]
    state = TASK.start(SCHEMA)

    def refuse(rho: float) -> None:
        raise SiteRefused("The budget is spent.")

    with pytest.raises(SiteRefused):
        private_vector(PLAN, codec_of(PLAN), state, sites[0].table, refuse)


def noise_of_sum(plan: Plan, sites: list[MemorySite], rounds: int) -> np.ndarray:
    """Returns the noise of sums of all sites, as a multiple of the sensitivity."""
    codec, state = codec_of(plan), plan.task.start(plan.schema)
    exact = sum(codec.encode(TASK.contribute_each(state, site.table, plan.privacy.clip)) for site in sites)
    noisy = [
        sum(private_vector(plan, codec, state, site.table, lambda rho: None) for site in sites) for _ in range(rounds)
    ]
    steps = plan.privacy.clip * 2.0 ** min(codec.exponents.values())
    return np.concatenate([(total - exact).view(np.int64) for total in noisy]) / steps


def test_the_sum_of_the_fewest_sites_has_the_noise_that_the_ledger_paid_for() -> None:
    sites = make_sites(4, rows=50)
    assert noise_of_sum(PLAN, sites, 150).std() == pytest.approx(5.0, rel=0.05)
    # Negative control: a sum of fewer sites than the plan accepts has less.
    assert noise_of_sum(PLAN, sites[:2], 150).std() < 5.0 * 0.8


def test_an_unmasked_site_adds_all_of_the_noise_itself() -> None:
    plan = replace(PLAN, is_secure=False)
    assert noise_of_sum(plan, make_sites(1, rows=50), 150).std() == pytest.approx(5.0, rel=0.05)
    sites = make_sites(5)
    run_local(plan, sites, config=OPEN)
    assert sites[0].debits[0][2] == pytest.approx(1 / (2 * 5.0**2), rel=1e-6)


def test_noise_grows_with_the_sites_of_a_customer_and_with_colluders() -> None:
    def sigma(**changed: int) -> float:
        plan = replace(PLAN, privacy=replace(PLAN.privacy, **changed))
        return noise_terms(plan, codec_of(plan)).sigma_of_share

    assert sigma(sites_of_customer=3) == pytest.approx(3 * sigma(), rel=1e-6)
    assert sigma(colluders=3) == pytest.approx(2 * sigma(), rel=1e-6)
    with pytest.raises(BadSetting):
        Privacy(1.0, 1.0, sites_of_customer=0)
    with pytest.raises(BadSetting, match="has no `privacy`"):
        noise_terms(replace(PLAN, privacy=None), codec_of(PLAN))


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
